/*
 * resume.h - a session's lines to and from their snapshots
 *
 * A snapshot is looked at when a prompt comes, and read if it holds more of the
 * prompt's beginning than memory does.  So it does not matter when a
 * conversation was opened, whether it was left a moment or a month ago, and
 * which of its branches was written: content decides.
 */
#ifndef CONFAB_RESUME_H
#define CONFAB_RESUME_H

#include <stdbool.h>
#include <stddef.h>

struct engine_generate;
struct engine_save_line;
struct error;
struct loaded_model;

/*
 * Makes what the request's snapshot holds of its ids the session's line, if
 * that is more than is in memory.  Gives the number of tokens that were read, or
 * 0.  Everything is checked before the session is touched; pages that memory
 * holds already, bit for bit, are shared.  A damaged snapshot is removed unless
 * it is to be kept; why is set when a sound one does not fit.
 */
size_t resume_restore(struct loaded_model *m,
                      const struct engine_generate *request, struct error *why);

/* Writes what is in memory of the request's ids.  go_on is asked between pages;
 * 1: it said no. */
int resume_save(struct loaded_model *m, const struct engine_save_line *request,
                bool (*go_on)(void *arg), void *arg, struct error *err);

#endif
