/*
 * headless.h - `confab -p TEXT`: a conversation without a screen
 *
 * Each -p is one user turn; what stands on standard input, when that is not a
 * terminal, is appended to the last one.  Replies go to standard output as they
 * grow, nothing else does.
 */
#ifndef CONFAB_HEADLESS_H
#define CONFAB_HEADLESS_H

#include <stdbool.h>

struct error;
struct options;

/* Whether these options ask for it: -p was given, or --json or --raw with the
 * prompt on standard input. */
bool headless_wanted(const struct options *o);

/* Returns the exit status, as struct command's run(). */
int headless_run(const struct options *o, struct error *err);

#endif
