#include "ui/chats.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/library.h"
#include "ui/saving.h"

#define PAGE         200 /* conversations */
#define PREVIEW_TAIL 6   /* messages */

static void free_list(struct chats *chats)
{
	library_entries_free(chats->entries, chats->n_read);
	chats->entries = NULL;
	chats->n = chats->n_read = 0;
}

static void free_preview(struct chats *chats)
{
	conversation_free(chats->preview);
	free(chats->preview_id);
	chats->preview = NULL;
	chats->preview_id = NULL;
}

void chats_close(struct chats *chats)
{
	free_list(chats);
	free_preview(chats);
	strbuf_free(&chats->words);
	*chats = (struct chats)CHATS_INIT;
}

const struct library_entry *chats_selected(const struct chats *chats)
{
	return chats->selected < chats->n ? &chats->entries[chats->selected]
	                                  : NULL;
}

bool chats_has_more(const struct chats *chats)
{
	return chats->n_read > chats->limit;
}

/* A preview that cannot be read is none; opening it will say why. */
static void read_preview(struct chats *chats)
{
	const struct library_entry *e = chats_selected(chats);

	if (e && chats->preview_id && !strcmp(chats->preview_id, e->id))
		return;
	free_preview(chats);
	if (!e)
		return;
	chats->preview =
		library_tail(chats->saving->lib, e->id, PREVIEW_TAIL, NULL);
	chats->preview_id = mem_strdup(e->id);
}

static int load(struct chats *chats, struct error *err)
{
	struct library_entry *entries;
	size_t n;

	if (library_list(chats->saving->lib, chats->words.bytes,
	                 chats->limit + 1, &entries, &n, err))
		return -1;
	free_list(chats);
	chats->entries = entries;
	chats->n_read = n;
	chats->n = chats_has_more(chats) ? chats->limit : n;
	return 0;
}

int chats_filter(struct chats *chats, const char *words, struct error *err)
{
	strbuf_clear(&chats->words);
	strbuf_add_str(&chats->words, words);
	chats->limit = PAGE;
	chats->selected = 0;
	if (load(chats, err))
		return -1;
	read_preview(chats);
	return 0;
}

int chats_open(struct chats *chats, struct saving *saving, const char *words,
               struct error *err)
{
	if (!saving->lib)
		return error_set(err, "conversations are not saved");
	chats->saving = saving;
	if (chats_filter(chats, words, err))
		return -1;
	chats->open = true;
	return 0;
}

int chats_reload(struct chats *chats, struct error *err)
{
	const struct library_entry *e = chats_selected(chats);
	char *id = e ? mem_strdup(e->id) : NULL;
	int status = load(chats, err);

	for (size_t i = 0; id && i < chats->n; i++)
		if (!strcmp(chats->entries[i].id, id))
			chats->selected = i;
	if (chats->n && chats->selected >= chats->n)
		chats->selected = chats->n - 1;
	free(id);
	free_preview(chats);
	read_preview(chats);
	return status;
}

void chats_move(struct chats *chats, long step, struct error *err)
{
	size_t away = (size_t)(step < 0 ? -step : step);

	if (step < 0)
		chats->selected -=
			away < chats->selected ? away : chats->selected;
	else
		chats->selected += away;
	while (chats->selected >= chats->n && chats_has_more(chats)) {
		chats->limit *= 4;
		if (load(chats, err))
			break;
	}
	if (chats->selected >= chats->n)
		chats->selected = chats->n ? chats->n - 1 : 0;
	read_preview(chats);
}
