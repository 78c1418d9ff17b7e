/*
 * token_text.h - a token's bytes so that every one of them can be seen
 *
 * A space is "▁", a newline "⏎", a tab "⇥"; bytes that are no whole character
 * are "<e2 80>".  The rest is as it stands, to be sanitised as all text is.
 */
#ifndef CONFAB_TOKEN_TEXT_H
#define CONFAB_TOKEN_TEXT_H

#include <stddef.h>

struct strbuf;

void token_text(struct strbuf *out, const char *bytes, size_t len);

/* The same to be read aloud and typed: between quotes, spaces as they are, and
 * what cannot be seen as C writes it: "\n", "\t", "\"", "\xe2\x80". */
void token_quoted(struct strbuf *out, const char *bytes, size_t len);

#endif
