/*
 * prompts.h - what is asked without a screen: each -p is a turn, and standard
 * input, when it is no terminal, is the end of the last one
 *
 * The last line end of standard input is not part of it.  What is no text
 * (invalid UTF-8, 0 bytes) is U+FFFD.
 */
#ifndef CONFAB_PROMPTS_H
#define CONFAB_PROMPTS_H

#include <stddef.h>

struct error;
struct options;
struct strbuf;

struct prompts {
	struct strbuf *texts; /* [n], owned, n >= 1 */
	size_t n;
};

/* Fills the zero-initialised list.  Waits for the end of standard input. */
int prompts_read(struct prompts *p, const struct options *o, struct error *err);
void prompts_free(struct prompts *p);

#endif
