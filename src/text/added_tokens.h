/*
 * added_tokens.h - finds the added tokens ("<|im_end|>", "<think>") in a text
 *
 * The leftmost match counts, of those the longest, and the search goes on
 * behind it: as the Aho-Corasick automaton of Hugging Face's AddedVocabulary
 * does (LeftmostLongest).  Here it is a trie that is walked from every byte at
 * which some token begins; tokens are short and their first bytes are rare.
 */
#ifndef CONFAB_ADDED_TOKENS_H
#define CONFAB_ADDED_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

struct added_tokens;

struct added_tokens *added_tokens_new(void);
void added_tokens_free(struct added_tokens *tokens);

/* len > 0.  Of two equal texts the last one stays. */
void added_tokens_put(struct added_tokens *tokens, const char *text, size_t len,
                      int id);

bool added_tokens_empty(const struct added_tokens *tokens);

/* The first token at or after text + from; false: there is none, outputs
 * untouched. */
bool added_tokens_find(const struct added_tokens *tokens, const char *text,
                       size_t len, size_t from, size_t *begin, size_t *end,
                       int *id);

#endif
