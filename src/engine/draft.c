#include "engine/draft.h"

/* How many tokens ids[0..end) and ids[0..n) end with in common, as far as that
 * matters; end < n. */
static size_t common_ending(const int *ids, size_t end, size_t n)
{
	size_t i = 0;

	while (i < end && i <= DRAFT_MOST && ids[end - 1 - i] == ids[n - 1 - i])
		i++;
	return i;
}

size_t draft_next(const int *ids, size_t n, int draft[DRAFT_MOST])
{
	size_t longest = 0, from = 0;

	for (size_t end = n; end-- > 1 && longest <= DRAFT_MOST;) {
		size_t length = common_ending(ids, end, n);

		if (length > longest) {
			longest = length;
			from = end;
		}
	}
	for (size_t i = 0; i + 1 < longest; i++)
		draft[i] = from + i < n ? ids[from + i] : draft[from + i - n];
	return longest ? longest - 1 : 0;
}
