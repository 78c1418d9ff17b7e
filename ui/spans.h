/*
 * spans.h - which bytes of a message's text each of its tokens made
 *
 * Token i is text[begin[i], begin[i + 1]), the last one to the end.  A token may
 * be part of a character: then it begins inside of one, and the cursor steps
 * over it all the same.
 */
#ifndef CONFAB_SPANS_H
#define CONFAB_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"
#include "text/tokenizer.h"

struct spans {
	uint32_t *begin;     /* [n] bytes, ascending */
	size_t n, capacity;
	const struct tokenizer *tokenizer; /* that they are of; not owned */
	struct ids encoded;  /* of a text whose ids are not known */
	size_t text_len;     /* that they were made for */
	struct tokenizer_stream stream;
	size_t made;         /* bytes of text that the tokens made so far */
};

void spans_free(struct spans *s);
void spans_clear(struct spans *s);

/* Adds the ids that are new since the last call; ids may only grow.  With another
 * tokenizer all begins anew, here and in spans_encode(). */
void spans_update(struct spans *s, const struct tokenizer *t,
                  const struct ids *ids);

/* For a text that was never encoded: encodes it, anew when its length changed. */
void spans_encode(struct spans *s, const struct tokenizer *t, const char *text,
                  size_t len);

/* Moves all spans so that the last one ends at len: a prompt's tokens may begin
 * before its text does. */
void spans_align(struct spans *s, size_t len);

/* The token that holds byte pos; s->n > 0. */
size_t spans_find(const struct spans *s, size_t pos);
size_t spans_end(const struct spans *s, size_t i, size_t len);

#endif
