#include "base/hash.h"

#include <xxhash.h>

uint64_t hash64(const void *bytes, size_t len)
{
	return XXH3_64bits(bytes, len);
}

uint64_t hash64_with(const void *bytes, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, len, seed);
}
