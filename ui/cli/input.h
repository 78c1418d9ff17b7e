/*
 * input.h - standard input: all of it, or line by line
 */
#ifndef CONFAB_INPUT_H
#define CONFAB_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct error;

/* Appends everything up to the end of standard input. */
int input_read_all(struct strbuf *out, struct error *err);

bool input_is_terminal(void);

/* Lines, without their ends ("\n" or "\r\n"); the last one needs none. */
struct input_lines {
	struct strbuf buffer; /* what was read and not yet given */
	size_t pos;           /* of buffer: where the next line begins */
	size_t number;        /* of the line given last, from 1 */
	bool ended;           /* standard input has */
};
#define INPUT_LINES_INIT \
	{ \
		STRBUF_INIT, 0, 0, false \
	}

/* 1 with the next line, valid until the next call; 0 at the end; -1 failed.
 * Before it waits for more input it calls idle(arg), where answers to the lines
 * so far are flushed: the other end may be waiting for them. */
int input_next_line(struct input_lines *lines, const char **line, size_t *len,
                    int (*idle)(struct error *err), struct error *err);
void input_lines_free(struct input_lines *lines);

#endif
