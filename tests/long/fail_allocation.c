/*
 * fail_allocation.c - a preloaded library that refuses one allocation
 *
 * FAIL_AT=K in the environment: the K-th call of malloc, calloc or realloc
 * returns NULL, once.  COUNT_ALLOCATIONS=1: prints their number at the end.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static atomic_long calls;
static long fail_at;

__attribute__((constructor)) static void begin(void)
{
	const char *k = getenv("FAIL_AT");

	fail_at = k ? atol(k) : 0;
	atomic_store(&calls, 0);
}

__attribute__((destructor)) static void end(void)
{
	if (getenv("COUNT_ALLOCATIONS"))
		fprintf(stderr, "allocations %ld\n", atomic_load(&calls));
}

static int refused(void)
{
	if (atomic_fetch_add(&calls, 1) + 1 != fail_at)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return refused() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return refused() ? NULL : __libc_realloc(p, n);
}
