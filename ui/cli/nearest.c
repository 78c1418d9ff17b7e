#include "ui/cli/nearest.h"

#include <string.h>

#define MAX_LETTERS 40 /* longer words are no slips of ours */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance, by the row. */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t rows[3][MAX_LETTERS + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= n_b; j++)
		last[j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		row[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			row[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least(row[j], last[j] + 1);
			row[j] = least(row[j], row[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[n_b];
}

const char *nearest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word), limit = (len + 1) / 3, d;
	const char *best = NULL;

	if (len < 2 || len > MAX_LETTERS)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strlen(words[i]) > MAX_LETTERS)
			continue;
		d = distance(word, len, words[i], strlen(words[i]));
		if (d < len && (best ? d < limit : d <= limit)) {
			best = words[i];
			limit = d;
		}
	}
	return best;
}
