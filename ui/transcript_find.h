/*
 * transcript_find.h - searching the conversation
 *
 * Matches (text_find.h) are found in the messages' text, not in its layout, so
 * one may go over the end of a row.
 */
#ifndef CONFAB_TRANSCRIPT_FIND_H
#define CONFAB_TRANSCRIPT_FIND_H

#include <stdbool.h>
#include <stddef.h>

struct transcript;
struct transcript_item;

/* Begins a search, "" ends it. */
void transcript_search(struct transcript *t, const char *query);

/* Finds the matches of an item that are not known yet. */
void transcript_update_matches(struct transcript *t,
                               struct transcript_item *item);

/* Goes to the next (+1) or the former (-1) match from where one is, around the
 * ends; false when there is none. */
bool transcript_next_match(struct transcript *t, int step);

/* Stands at the match where it stood, else at the former one. */
bool transcript_some_match(struct transcript *t);

/* How many matches there are; *current: which one the search stands at, from 1,
 * or 0. */
size_t transcript_count_matches(struct transcript *t, size_t *current);

#endif
