#include "base/shares.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/threads.h"

#define CACHE_LINE 64

struct share {
	_Alignas(CACHE_LINE) atomic_size_t next;
	size_t end;
};

struct shares {
	int n;
	struct share share[]; /* [n] */
};

struct shares *shares_new(int n)
{
	struct shares *shares;

	assert(n >= 1);
	shares = mem_try(1, sizeof *shares + (size_t)n * sizeof *shares->share);
	if (!shares)
		return NULL;
	shares->n = n;
	shares_begin(shares, 0, 1);
	return shares;
}

void shares_free(struct shares *shares)
{
	free(shares);
}

void shares_begin(struct shares *shares, size_t total, size_t grain)
{
	for (int i = 0; i < shares->n; i++) {
		size_t begin;

		threads_split(total, grain, i, shares->n, &begin,
		              &shares->share[i].end);
		atomic_store_explicit(&shares->share[i].next, begin,
		                      memory_order_relaxed);
	}
}

/* The look before the claim keeps `next` from running far past the end. */
static bool claim(struct share *share, size_t most, size_t *begin, size_t *end)
{
	size_t left;

	if (atomic_load_explicit(&share->next, memory_order_relaxed) >=
	    share->end)
		return false;
	*begin = atomic_fetch_add_explicit(&share->next, most,
	                                   memory_order_relaxed);
	if (*begin >= share->end)
		return false;
	left = share->end - *begin;
	*end = *begin + (most < left ? most : left);
	return true;
}

bool shares_take(struct shares *shares, int index, size_t most, size_t *begin,
                 size_t *end)
{
	assert(most > 0);
	for (int i = 0; i < shares->n; i++)
		if (claim(&shares->share[(index + i) % shares->n], most, begin,
		          end))
			return true;
	return false;
}
