/*
 * byte_level.h - bytes as printable characters, as vocabulary files spell them
 *
 * Radford et al. 2019 (GPT-2), bytes_to_unicode(): the printable characters of
 * Latin-1 stand for themselves, every other byte, in order, for U+0100 and up.
 * A space is "Ġ" (U+0120), a newline "Ċ" (U+010A).
 */
#ifndef CONFAB_BYTE_LEVEL_H
#define CONFAB_BYTE_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* The character that stands for a byte: U+0021..U+0143. */
uint32_t byte_level_character(unsigned char byte);

/* Appends the bytes that token stands for.  False, nothing appended, where a
 * character of it stands for none. */
bool byte_level_decode(struct strbuf *out, const char *token, size_t len);

#endif
