#include "ui/token_seek.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "library/conversation.h"

bool token_is_uncertain(const struct token_odds *odds)
{
	return odds->rank &&
	       (odds->entropy / M_LN2 >= TOKEN_UNCERTAIN_ENTROPY ||
	        -odds->logprob / M_LN2 >= TOKEN_UNCERTAIN_SURPRISAL);
}

bool token_is_not_first(const struct token_odds *odds)
{
	return odds->rank > 1;
}

/* The current path, or a message alone that is not on it; its place. */
static long find_path(const struct conversation *c, int64_t message,
                      struct message ***path, long *n)
{
	long i = 0;

	*n = (long)conversation_path(c, path);
	while (i < *n && (*path)[i]->id != message)
		i++;
	if (i < *n)
		return i;
	free(*path);
	*path = mem_alloc(sizeof **path);
	(*path)[0] = conversation_message(c, message);
	*n = (*path)[0] != NULL;
	return 0;
}

bool token_seek(const struct conversation *c, int64_t *message, size_t *token,
                int direction, bool (*wanted)(const struct token_odds *odds))
{
	struct message **path;
	long n, i = find_path(c, *message, &path, &n);
	long t = (long)*token + direction;
	bool found = false;

	while (i >= 0 && i < n && !found) {
		while (t >= 0 && t < (long)path[i]->n_odds &&
		       !wanted(&path[i]->odds[t]))
			t += direction;
		found = t >= 0 && t < (long)path[i]->n_odds;
		if (found) {
			*message = path[i]->id;
			*token = (size_t)t;
		}
		i += direction;
		t = direction < 0 && i >= 0 ? (long)path[i]->n_odds - 1 : 0;
	}
	free(path);
	return found;
}

size_t token_most_surprising(const struct message *m)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < m->n_odds; i++)
		if (m->odds[i].rank &&
		    (best == SIZE_MAX ||
		     m->odds[i].logprob < m->odds[best].logprob))
			best = i;
	return best;
}
