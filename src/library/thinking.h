/*
 * thinking.h - where a reply's thought ends and its answer begins, in files
 *
 * Other programs keep the thought in a member of its own, Qwen3 writes it in
 * front of the answer:
 *
 *	<think>\nTHOUGHT\n</think>\n\nANSWER
 *
 * Only a text of exactly this form is split, so that joining gives it back.
 */
#ifndef CONFAB_THINKING_H
#define CONFAB_THINKING_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* False where the text is of another form, or the thought is empty. */
bool thinking_split(const char *text, size_t len, size_t *thought,
                    size_t *thought_len, size_t *answer);

/* Has a thought in the text, of any form, ended? */
bool thinking_is_over(const struct strbuf *text);

void thinking_join(struct strbuf *out, const char *thought, const char *answer);

#endif
