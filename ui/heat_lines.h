/*
 * heat_lines.h - a reply with a mark in front of what was not expected
 *
 *	November is [12%]mild but evenings are cold
 *
 * The heat of the full screen in words: a token of the two hottest levels of
 * its legend is marked with its probability, entropy or rank.
 */
#ifndef CONFAB_HEAT_LINES_H
#define CONFAB_HEAT_LINES_H

#include <stddef.h>

#include "ui/transcript_item.h"

struct strbuf;

/* Appends bytes [pos, end) of the message's text, whole characters, with its
 * marks.  The item has its spans. */
void heat_lines_add(struct strbuf *out, const struct transcript_item *item,
                    enum transcript_heat heat, size_t pos, size_t end);

/* What is marked: "Marked where the next token had less than 20%"; not of
 * HEAT_OFF. */
const char *heat_lines_title(enum transcript_heat heat);

#endif
