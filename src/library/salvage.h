/*
 * salvage.h - the list of what is left of a damaged library
 *
 * The tables are walked row by row, without indices; conversations whose own row
 * is lost are known by their messages.
 */
#ifndef CONFAB_SALVAGE_H
#define CONFAB_SALVAGE_H

#include <stddef.h>

#include <sqlite3.h>

struct library_entry;

/* As library_list() without a limit, in no order; words: "" for all. */
void salvage_list(sqlite3 *db, const char *words,
                  struct library_entry **entries, size_t *n);

#endif
