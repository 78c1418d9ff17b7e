/*
 * tokenizer_compile.h - checks a vocabulary and makes its image
 *
 * What a file states is believed only where it holds together: every id in
 * range and given once, every text once, a token for each of the 256 bytes,
 * every merge between tokens that exist and into one that does.
 *
 * A merge that would make an added token, or has one for a part, is left out.
 * Such a token comes from matching its text, never from merging what a person
 * typed.  Only a byte that is an added token (a pad token "!") is typed, too.
 */
#ifndef CONFAB_TOKENIZER_COMPILE_H
#define CONFAB_TOKENIZER_COMPILE_H

#include <stddef.h>

struct error;
struct tokenizer_image_key;
struct tokenizer_source;

/* The image, *size bytes, yours to free(). */
void *tokenizer_compile(const struct tokenizer_source *source,
                        const struct tokenizer_image_key *key, size_t *size,
                        struct error *err);

#endif
