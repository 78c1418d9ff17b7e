/*
 * inspector_view.h - the odds of the token under the cursor
 */
#ifndef CONFAB_INSPECTOR_VIEW_H
#define CONFAB_INSPECTOR_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/cells/canvas.h"

#define INSPECTOR_TOP 20

struct inspector_candidate {
	int id;
	char text[96];      /* token_text() */
	double raw;         /* probability at temperature 1 */
	double sampled;     /* after the samplers; 0 when cut */
	const char *cut;    /* "top_p"; "" when kept */
	bool penalised;     /* a penalty changed it */
	bool is_token;      /* the one that stands in the text */
};

/* The temperature explorer's settings; `field` is the one being changed. */
struct inspector_try {
	bool on;
	int field;
	double temperature, top_p, min_p;
	int top_k;
	bool estimated;     /* more than the list is kept: an estimate */
};

#define INSPECTOR_BRANCHES 3

struct inspector_branch {
	char head[96], text[320];
	bool done;
};

struct inspector_view {
	char note[96];     /* in place of what is not known, or "" */
	char settings[96]; /* the samplers, where they are not those of now */
	bool has_token;
	char text[128];
	char bytes[64];     /* "20 77 61 72 6d" */
	int id;
	size_t index, n;    /* of the message's tokens; index from 0 */
	size_t pos;         /* in the sequence; SIZE_MAX: not known */

	bool has_odds;
	double p, sampled, entropy, surprisal; /* entropy and surprisal in bits */
	int rank;
	struct inspector_candidate top[INSPECTOR_TOP];
	int n_top;
	double rest;        /* probability outside the list */

	const float *surprisals; /* bits, [n]; < 0: not known */
	double mean_logprob, perplexity; /* of the message */

	bool choosing;
	int choice;
	bool focused;
	bool can_go_on;   /* another token may be taken here */
	bool can_compute; /* the odds, where there are none */
	struct inspector_try tried;
	struct inspector_branch branches[INSPECTOR_BRANCHES];
	int n_branches;
};

void inspector_view_draw(const struct inspector_view *v, struct canvas *c,
                         struct rect r);

#endif
