/*
 * utf8.h - UTF-8 by RFC 3629: shortest form, no surrogates, up to U+10FFFF
 *
 * Invalid bytes become U+FFFD one by one, "maximal subpart" style (Unicode
 * 15, section 3.9, the practice of the WHATWG decoder and of Python).
 */
#ifndef CONFAB_UTF8_H
#define CONFAB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* Reads one code point from bytes[0..len), len > 0, and gives the bytes it
 * used (1..4).  An ill-formed sequence gives U+FFFD and the length of its
 * maximal subpart, at least 1. */
int utf8_decode(const char *bytes, size_t len, uint32_t *code_point);

/* Writes 1..4 bytes; code_point must be a scalar value. */
int utf8_encode(uint32_t code_point, char out[4]);

bool utf8_valid(const char *bytes, size_t len);
/* The bytes before the first ill-formed part; len when there is none. */
size_t utf8_valid_run(const char *bytes, size_t len);

/* The length of the longest beginning that does not end inside a character
 * which later bytes could still complete.  What follows it (0..3 bytes) is to
 * be held back while text is streaming. */
size_t utf8_complete(const char *bytes, size_t len);

/* Appends bytes to out with every ill-formed part as U+FFFD. */
void utf8_repair(struct strbuf *out, const char *bytes, size_t len);

#endif
