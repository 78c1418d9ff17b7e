/*
 * user_library.h - the conversations of whoever runs this
 */
#ifndef CONFAB_USER_LIBRARY_H
#define CONFAB_USER_LIBRARY_H

struct error;
struct library;

/* The library in $XDG_DATA_HOME/confab.  *status is that of what fails:
 * EXIT_BAD_FILE where the database is no good, else EXIT_FAILED. */
struct library *user_library_open(int *status, struct error *err);

/* EXIT_OK, or EXIT_BAD_FILE and the reason where parts of it could not be read:
 * what is whole was shown all the same. */
int user_library_check(const struct library *lib, struct error *err);

#endif
