#include "library/known.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static void forget(struct known_conversation *k)
{
	if (k->lock >= 0)
		close(k->lock);
	free(k->messages);
	free(k->id);
}

struct known_conversation *known_find(struct library *lib, const char *id)
{
	struct known_conversation *k;

	for (size_t i = 0; i < lib->n_known; i++)
		if (!strcmp(lib->known[i].id, id))
			return &lib->known[i];
	lib->known = mem_grow(lib->known, lib->n_known, &lib->capacity,
	                      sizeof *lib->known);
	k = &lib->known[lib->n_known++];
	*k = (struct known_conversation){ .id = mem_strdup(id), .lock = -1 };
	return k;
}

void known_drop(struct library *lib, const char *id)
{
	struct known_conversation *k = known_find(lib, id);

	forget(k);
	*k = lib->known[--lib->n_known];
}

void known_free_all(struct library *lib)
{
	for (size_t i = 0; i < lib->n_known; i++)
		forget(&lib->known[i]);
	free(lib->known);
	lib->known = NULL;
	lib->n_known = lib->capacity = 0;
}

/* The place of an id, or of the first one above it. */
static size_t place_of(const struct known_conversation *k, int64_t id)
{
	size_t low = 0, high = k->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (k->messages[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* NULL where the message was never written. */
static struct known_message *find(struct known_conversation *k, int64_t id)
{
	size_t i = place_of(k, id);

	return i < k->n && k->messages[i].id == id ? &k->messages[i] : NULL;
}

void known_note(struct known_conversation *k, const struct message *m,
                int64_t row)
{
	struct known_message *known = find(k, m->id);

	if (!known) {
		size_t i = place_of(k, m->id);

		k->messages = mem_grow(k->messages, k->n, &k->capacity,
		                       sizeof *k->messages);
		known = &k->messages[i];
		memmove(known + 1, known, (k->n++ - i) * sizeof *known);
	}
	*known = (struct known_message){ .id = m->id,
		                         .row = row,
		                         .text_len = m->text.len,
		                         .n_ids = m->ids.n,
		                         .n_odds = m->n_odds,
		                         .odds_renewed = m->odds_renewed,
		                         .state = m->state };
}

void known_keep(struct known_conversation *k,
                int (*keep)(void *arg, int64_t row), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->n; i++)
		if (keep(arg, k->messages[i].row))
			k->messages[kept++] = k->messages[i];
	k->n = kept;
}
