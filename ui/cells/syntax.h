/*
 * syntax.h - light colouring of code: comments, strings, numbers, keywords
 *
 * No parser: a table of a few families of languages and one scanner.  Good
 * enough to find one's way, never wrong about the text itself.
 */
#ifndef CONFAB_SYNTAX_H
#define CONFAB_SYNTAX_H

#include <stddef.h>

#include "ui/cells/style.h"

struct syntax;

/* By the word after the fence ("python", "C++"); NULL for an unknown one. */
const struct syntax *syntax_find(const char *name, size_t len);

/* The length (> 0) and the role of the next piece of a line, text[pos..len).
 * *state is 0 before the first line, and carries comments and strings that go
 * on over lines.  s may be NULL: all is STYLE_CODE. */
size_t syntax_next(const struct syntax *s, int *state, const char *text,
                   size_t len, size_t pos, enum style_role *role);

#endif
