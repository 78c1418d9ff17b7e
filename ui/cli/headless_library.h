/*
 * headless_library.h - where a conversation without a screen comes from and is
 * kept
 *
 * Trouble with saving is told once; the conversation goes on, and every later
 * save tries again.
 */
#ifndef CONFAB_HEADLESS_LIBRARY_H
#define CONFAB_HEADLESS_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

struct conversation;
struct error;
struct library;
struct options;

struct headless_library {
	struct library *lib; /* NULL: nothing is saved */
	bool read_only;      /* it was opened to read from (--no-save) */
	double saved_at;     /* seconds, of the monotonic clock */
	bool trouble_told;   /* and the last save failed */
	bool resumed;        /* it was there before */
};

/* Fills the zero-initialised struct; *c: the conversation that the options ask
 * for, resumed or new, yours to free.  Gives EXIT_OK, or the status with the
 * reason.  headless_library_close() is needed either way. */
int headless_library_open(struct headless_library *l, const struct options *o,
                          struct conversation **c, struct error *err);
void headless_library_close(struct headless_library *l);

/* Is what is saved kept for the next time? */
bool headless_library_keeps(const struct headless_library *l);

void headless_library_save(struct headless_library *l, struct conversation *c);

/* The same of a reply that goes on, once a second has passed since the last. */
void headless_library_save_open(struct headless_library *l,
                                struct conversation *c);

/* Takes the last message out of the conversation again, and a new conversation out of
 * the library where nothing else was said in it. */
void headless_library_take_back(struct headless_library *l,
                                struct conversation *c, int64_t message);

#endif
