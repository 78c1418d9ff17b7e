#include "math/select.h"

#include <stdlib.h>

#include "math/kernels.h"

const struct select_ops *select_get(void)
{
	return kernels_get()->select;
}

static void swap(struct pick *a, struct pick *b)
{
	struct pick t = *a;

	*a = *b;
	*b = t;
}

/* Brings the median of the first, middle and last to the front, where Hoare's
 * scan needs the pivot lest it return all n. */
static void pivot_first(struct pick *picks, size_t n)
{
	struct pick *a = &picks[0], *b = &picks[n / 2], *c = &picks[n - 1];

	if (pick_before(*a, *b) == pick_before(*b, *c))
		swap(a, b);
	else if (pick_before(*a, *c) == pick_before(*c, *b))
		swap(a, c);
}

size_t pick_split(struct pick *picks, size_t n)
{
	struct pick pivot;
	size_t i = 0, j = n - 1;

	pivot_first(picks, n);
	pivot = picks[0];
	for (;; i++, j--) {
		while (pick_before(picks[i], pivot))
			i++;
		while (pick_before(pivot, picks[j]))
			j--;
		if (i >= j)
			return j + 1;
		swap(&picks[i], &picks[j]);
	}
}

void pick_part(struct pick *picks, size_t n, size_t m)
{
	size_t low = 0, high = n; /* the m-th lies in [low, high) */

	while (high - low > 1) {
		size_t mid = low + pick_split(picks + low, high - low);

		if (m - 1 < mid)
			high = mid;
		else
			low = mid;
	}
}

static int compare(const void *a, const void *b)
{
	const struct pick *p = a, *q = b;

	return pick_before(*q, *p) - pick_before(*p, *q);
}

void pick_sort(struct pick *picks, size_t n)
{
	qsort(picks, n, sizeof *picks, compare);
}
