/*
 * numbers.h - numbers for tests of arithmetic: random ones, and arrays at the
 * edge of what may be touched
 */
#ifndef CONFAB_TESTS_NUMBERS_H
#define CONFAB_TESTS_NUMBERS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FLOAT_EPS 0x1p-24 /* half a unit in the last place of 1 */

/* splitmix64 (Steele, Lea & Flood 2014). */
static inline uint64_t numbers_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* In [0, n). */
static inline size_t numbers_below(uint64_t *state, size_t n)
{
	return (size_t)(numbers_next(state) % n);
}

/* In [-1, 1). */
static inline float numbers_uniform(uint64_t *state)
{
	return (float)((double)(numbers_next(state) >> 11) * 0x1p-52 - 1);
}

static inline void numbers_fill(uint64_t *state, float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = numbers_uniform(state);
}

/* A block of bytes that ends where the next page may not be touched. */
struct fenced {
	char *map;
	size_t mapped;
	void *at;
};

static inline struct fenced fenced_new(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (bytes + page - 1) / page * page;
	struct fenced block = { .mapped = room + page };

	block.map = mmap(NULL, block.mapped, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block.map == MAP_FAILED ||
	    mprotect(block.map + room, page, PROT_NONE))
		abort();
	block.at = block.map + room - bytes;
	return block;
}

static inline void fenced_free(struct fenced block)
{
	munmap(block.map, block.mapped);
}

#endif
