#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20)

static void (*out_of_memory)(size_t bytes);

static _Noreturn void fail(size_t bytes)
{
	if (out_of_memory)
		out_of_memory(bytes);
	abort();
}

static size_t product(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		fail(SIZE_MAX);
	return bytes;
}

void *mem_alloc(size_t bytes)
{
	void *p = malloc(bytes ? bytes : 1);

	if (!p)
		fail(bytes);
	return p;
}

void *mem_zalloc(size_t n, size_t size)
{
	size_t bytes = product(n, size);
	void *p = calloc(1, bytes ? bytes : 1);

	if (!p)
		fail(bytes);
	return p;
}

void *mem_realloc(void *p, size_t n, size_t size)
{
	size_t bytes = product(n, size);

	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		fail(bytes);
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s));
}

void *mem_dup(const void *p, size_t bytes)
{
	char *copy = mem_alloc(bytes + 1);

	if (bytes)
		memcpy(copy, p, bytes);
	copy[bytes] = '\0';
	return copy;
}

void *mem_grow(void *p, size_t n, size_t *capacity, size_t size)
{
	if (n < *capacity)
		return p;
	*capacity = *capacity ? product(*capacity, 2) : 8;
	return mem_realloc(p, *capacity, size);
}

/* Rows that are read again and again are found sooner in large pages. */
static void *in_large_pages(size_t bytes)
{
	void *p = aligned_alloc(LARGE_PAGE, bytes);

#ifdef MADV_HUGEPAGE
	if (p)
		madvise(p, bytes, MADV_HUGEPAGE); /* a wish */
#endif
	return p;
}

void *mem_try(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    bytes > SIZE_MAX - LARGE_PAGE)
		return NULL;
	if (bytes >= LARGE_PAGE)
		return in_large_pages((bytes + LARGE_PAGE - 1) / LARGE_PAGE *
		                      LARGE_PAGE);
	return aligned_alloc(64, (bytes + 64) / 64 * 64);
}

void mem_set_handler(void (*handler)(size_t bytes))
{
	out_of_memory = handler;
}
