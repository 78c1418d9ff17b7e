/*
 * text_find.h - where a text has what is searched for
 *
 * Upper and lower case are the same.
 */
#ifndef CONFAB_TEXT_FIND_H
#define CONFAB_TEXT_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "ui/screen/transcript_view.h"

struct strbuf;

/* The first match that begins at byte `from` or later; the next one is looked
 * for from its end.  false: there is none, as of a query that is empty. */
bool text_find(const struct strbuf *text, size_t from, const char *query,
               struct text_range *match);

#endif
