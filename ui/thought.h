/*
 * thought.h - the part of a reply between <think> and </think>
 */
#ifndef CONFAB_THOUGHT_H
#define CONFAB_THOUGHT_H

#include <stdbool.h>
#include <stddef.h>

struct thought {
	size_t begin, end;  /* of what was thought; empty: nothing */
	size_t body;        /* where the answer begins */
	bool closed;
};

/* opened: the template wrote <think>, so that the reply begins inside. */
struct thought thought_find(const char *text, size_t len, bool opened);

#endif
