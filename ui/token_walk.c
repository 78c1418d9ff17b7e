#include "ui/token_walk.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/transcript_item.h"

/* As many bits as four or eight equal choices. */
#define UNCERTAIN_ENTROPY   2.0
#define UNCERTAIN_SURPRISAL 3.0

static bool is_uncertain(const struct token_odds *odds)
{
	return odds->rank && (odds->entropy / M_LN2 >= UNCERTAIN_ENTROPY ||
	                      -odds->logprob / M_LN2 >= UNCERTAIN_SURPRISAL);
}

static bool is_not_first(const struct token_odds *odds)
{
	return odds->rank > 1;
}

/* Whether the tokens that are shown are those that the odds are of: another model
 * may have others. */
static bool has_odds(const struct chat *chat, const struct message *m)
{
	struct transcript_item item = { 0 };
	bool has;

	transcript_item_begin(&item, m);
	transcript_item_spans(&item, chat);
	has = transcript_item_has_odds(&item);
	transcript_item_free(&item);
	return has;
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

/* The next (+1) or the former (-1) one that is wanted. */
static bool seek(const struct chat *chat, int64_t *message, size_t *token,
                 int direction, bool (*wanted)(const struct token_odds *odds))
{
	struct message **path;
	long n, i = find_path(chat->conversation, *message, &path, &n);
	long t = (long)*token + direction;
	bool found = false;

	if (*token == SIZE_MAX && i < n)
		t = direction > 0 ? 0 : (long)path[i]->n_odds - 1;
	while (i >= 0 && i < n && !found) {
		while (t >= 0 && t < (long)path[i]->n_odds &&
		       !wanted(&path[i]->odds[t]))
			t += direction;
		found = t >= 0 && t < (long)path[i]->n_odds &&
		        has_odds(chat, path[i]);
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

static bool most_surprising(const struct message *m, size_t *token)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < m->n_odds; i++)
		if (m->odds[i].rank &&
		    (best == SIZE_MAX ||
		     m->odds[i].logprob < m->odds[best].logprob))
			best = i;
	if (best == SIZE_MAX)
		return false;
	*token = best;
	return true;
}

bool token_is_walk(enum action action)
{
	return action == ACTION_NEXT || action == ACTION_BEFORE ||
	       action == ACTION_NOT_FIRST || action == ACTION_SURPRISING;
}

const char *token_walk(const struct chat *chat, enum action action,
                       int64_t *message, size_t *token)
{
	const struct message *m =
		conversation_message(chat->conversation, *message);

	if (action == ACTION_SURPRISING)
		return m && has_odds(chat, m) && most_surprising(m, token)
		               ? NULL
		               : "no odds are known in this message";
	return seek(chat, message, token, action == ACTION_BEFORE ? -1 : 1,
	            action == ACTION_NOT_FIRST ? is_not_first : is_uncertain)
	               ? NULL
	               : "there is none in this direction";
}
