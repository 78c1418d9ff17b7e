/*
 * user_library.h - the conversations of whoever runs this
 */
#ifndef CONFAB_USER_LIBRARY_H
#define CONFAB_USER_LIBRARY_H

struct error;
struct library;

/* The library in $XDG_DATA_HOME/confab. */
struct library *user_library_open(struct error *err);

#endif
