/*
 * status_line.h - the first and the last line of the screen
 */
#ifndef CONFAB_STATUS_LINE_H
#define CONFAB_STATUS_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/cells/canvas.h"

struct header_view {
	const char *title; /* of the conversation */
	const char *model; /* "Qwen3-4B · q8_0", or "" */
};

void header_draw(const struct header_view *v, struct canvas *c, struct rect r);

struct status_key {
	const char *key, *word;
};

struct status_view {
	const char *state;          /* "ready", "replying" */
	size_t context_used, context; /* tokens; context 0: not known; used
	                               * SIZE_MAX: not known */
	double tokens_per_second;   /* 0: none measured */
	bool has_prompt;
	size_t reused, computed;    /* tokens of the last prompt */
	bool restored;              /* the reused ones came from the disk */
	const char *trouble;        /* "not saved: disk full", or "" */
	const struct status_key *keys;
	size_t n_keys;
};

/* What does not fit is left out from the right, whole pieces at a time. */
void status_draw(const struct status_view *v, struct canvas *c, struct rect r);

#endif
