/*
 * output.h - standard output: gathered, checked, harmless to a terminal
 *
 * What goes to a pipe or a file is exact.  What goes to a terminal passes the
 * sanitiser first when it is other people's text, so that no reply, title or
 * model name can send an escape sequence.
 */
#ifndef CONFAB_OUTPUT_H
#define CONFAB_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct error;

/* Our own words, and JSON (which escapes control characters). */
void output_add(const char *bytes, size_t len);
void output_str(const char *text);
void output_printf(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Other people's text, well-formed UTF-8.  A stream of it may be cut anywhere
 * between characters: the last cluster is held back for a terminal until the
 * next piece or output_text_end() shows where it ends. */
void output_text(const char *text, size_t len);
void output_text_end(void);

/* Writes what was gathered.  -1 when that failed, now or before: err says why,
 * and is empty where the reader went away (EPIPE), about which nobody wants to
 * be told.  Everything after a failure is dropped. */
int output_flush(struct error *err);

bool output_is_terminal(void);

#endif
