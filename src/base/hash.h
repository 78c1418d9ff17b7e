/*
 * hash.h - checksums that notice accidents, not attackers; the one door to
 * xxHash (XXH3, Collet 2019-2021, https://xxhash.com)
 */
#ifndef CONFAB_HASH_H
#define CONFAB_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash64(const void *bytes, size_t len);

/* seed chains several pieces: h = hash64_with(p, n, h). */
uint64_t hash64_with(const void *bytes, size_t len, uint64_t seed);

#endif
