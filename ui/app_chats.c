#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/library.h"
#include "ui/app_state.h"
#include "ui/line_editor.h"
#include "ui/screen/chats_view.h"

#define TO_THE_END    (1L << 30) /* more than anybody has */
#define PREVIEW_BYTES 4000 /* of a message; the pane shows its end */

static void tell(struct app *app, const struct error *err)
{
	if (*err->text)
		chat_error(&app->chat, "%s", err->text);
}

/* ---- coming and going ---- */

void app_chats_open(struct app *app, const char *words)
{
	struct error err = { "" };

	chat_save(&app->chat);
	if (chats_open(&app->chats, &app->chat.saving, words, &err)) {
		chat_notice(&app->chat, "%s", err.text);
		return;
	}
	app_set_input(app, INPUT_CHATS, words);
}

static void leave(struct app *app)
{
	chats_close(&app->chats);
	app_end_input(app);
}

static bool is_open_one(const struct app *app, const char *id)
{
	const char *open = app->chat.conversation->id;

	return open && !strcmp(open, id);
}

static void open_selected(struct app *app)
{
	const struct library_entry *e = chats_selected(&app->chats);
	char *id;

	if (!e)
		return;
	id = mem_strdup(e->id);
	leave(app);
	if (!is_open_one(app, id))
		commands_run(&app->host, ACTION_OPEN, id);
	transcript_bottom(&app->transcript);
	free(id);
}

/* ---- changes ---- */

static void delete_selected(struct app *app)
{
	const struct library_entry *e = chats_selected(&app->chats);
	struct error err = { "" };

	if (!e)
		return;
	if (is_open_one(app, e->id)) {
		commands_run(&app->host, ACTION_DELETE, "");
		if (!app->chat.notice_is_error)
			chat_notice(&app->chat, "deleted; %s brings it back",
			            action_key(ACTION_UNDELETE));
	} else if (saving_delete(&app->chat.saving, e->id, &err)) {
		tell(app, &err);
		return;
	} else {
		chat_notice(&app->chat, "deleted: %s; %s brings it back",
		            *e->title ? e->title : e->id,
		            action_key(ACTION_UNDELETE));
	}
	chats_reload(&app->chats, &err);
	tell(app, &err);
}

static void undelete(struct app *app)
{
	struct error err = { "" };
	const char *id = saving_undelete(&app->chat.saving, &err);
	struct chats *chats = &app->chats;

	if (id) {
		chats_reload(chats, &err);
		for (size_t i = 0; i < chats->n; i++)
			if (!strcmp(chats->entries[i].id, id))
				chats_move(chats,
				           (long)i - (long)chats->selected,
				           &err);
		chat_notice(&app->chat, "it is back");
	}
	tell(app, &err);
}

static void start_title(struct app *app)
{
	const struct library_entry *e = chats_selected(&app->chats);

	if (!e)
		return;
	app->input = INPUT_TITLE;
	line_editor_set(e->title);
}

static void rename_selected(struct app *app, const char *title)
{
	const struct library_entry *e = chats_selected(&app->chats);
	struct library *lib = app->chat.saving.lib;
	struct error err = { "" };

	if (is_open_one(app, e->id)) {
		commands_run(&app->host, ACTION_RENAME, title);
	} else if (library_lock(lib, e->id, &err) == 0) {
		library_rename(lib, e->id, title, &err);
		library_unlock(lib, e->id);
		chat_notice(&app->chat, "title: %s", title);
	}
	chats_reload(&app->chats, &err);
	tell(app, &err);
}

static void back_to_words(struct app *app)
{
	app->input = INPUT_CHATS;
	line_editor_set(app->chats.words.bytes);
}

void app_chats_enter(struct app *app, enum app_input input, const char *text)
{
	bool selected = chats_selected(&app->chats);

	if (input == INPUT_CHATS && !selected) {
		line_editor_set(text); /* other words may find something */
		return;
	}
	if (input == INPUT_CHATS) {
		open_selected(app);
		return;
	}
	if (selected && text[strspn(text, " ")])
		rename_selected(app, text);
	back_to_words(app);
}

/* ---- keys ---- */

static bool is(const struct key *key, const char *name)
{
	return !strcmp(key->name, name);
}

static long step_of(const struct app *app, const struct key *key)
{
	long page = chats_view_page(app_middle(app)) - 1;

	if (is(key, "Up") || is(key, "Down"))
		return is(key, "Up") ? -1 : 1;
	if (is(key, "PgUp") || is(key, "PgDn"))
		return is(key, "PgUp") ? -page : page;
	if (is(key, "Ctrl-Home") || is(key, "Ctrl-End"))
		return is(key, "Ctrl-Home") ? -TO_THE_END : TO_THE_END;
	return 0;
}

/* What the chat does waits; what is typed is the line's. */
static bool waits(enum action action)
{
	return action != ACTION_NONE && action != ACTION_HELP &&
	       action != ACTION_REDRAW && action != ACTION_SUSPEND &&
	       action != ACTION_QUIT;
}

/* Ctrl-D ends what is typed, where that is nothing. */
static bool ends(const struct key *key)
{
	return action_of_key(key->name, PLACE_INPUT) == ACTION_STOP ||
	       (is(key, "Ctrl-D") && !*line_editor_text(NULL, NULL));
}

static bool list_key(struct app *app, const struct key *key)
{
	enum action here = action_of_key(key->name, PLACE_CHATS);
	enum action action = action_of_key(key->name, PLACE_INPUT);
	struct error err = { "" };
	long step = step_of(app, key);

	chat_notice_clear(&app->chat); /* of what was done before */
	if (step)
		chats_move(&app->chats, step, &err);
	else if (here == ACTION_CHATS_TITLE)
		start_title(app);
	else if (here == ACTION_CHATS_DELETE)
		delete_selected(app);
	else if (here == ACTION_UNDELETE)
		undelete(app);
	else if (ends(key) || action == ACTION_LIST)
		leave(app);
	else
		return waits(action);
	tell(app, &err);
	return true;
}

bool app_chats_key(struct app *app, const struct key *key)
{
	if (!app->chats.open || key->type != KEY_NAMED || line_editor_busy())
		return false;
	if (app->input == INPUT_CHATS)
		return list_key(app, key);
	if (!ends(key))
		return waits(action_of_key(key->name, PLACE_INPUT));
	back_to_words(app); /* the title stays as it was */
	return true;
}

void app_chats_mouse(struct app *app, const struct key *key)
{
	struct rect r = app_middle(app);
	struct chats_view v = { .n = app->chats.n,
		                .selected = app->chats.selected };
	struct error err = { "" };
	int at = -1;

	if (app->input == INPUT_TITLE)
		return; /* of the one that is selected */
	if (key->button == 64 || key->button == 65)
		chats_move(&app->chats, key->button == 64 ? -1 : 1, &err);
	else if (key->button == 0 && !key->released)
		at = chats_view_at(&v, r, key->row, key->col);
	if (at >= 0 && (size_t)at == app->chats.selected)
		open_selected(app);
	else if (at >= 0)
		chats_move(&app->chats, at - (long)app->chats.selected, &err);
	tell(app, &err);
}

void app_chats_typed(struct app *app)
{
	const char *words = line_editor_text(NULL, NULL);
	struct error err = { "" };

	if (!app->chats.open || app->input != INPUT_CHATS ||
	    !strcmp(words, app->chats.words.bytes))
		return;
	chats_filter(&app->chats, words, &err);
	tell(app, &err);
}

/* ---- drawing ---- */

static size_t make_parts(const struct conversation *c,
                         struct chats_part **parts)
{
	size_t n = c ? c->n : 0;

	*parts = mem_zalloc(n, sizeof **parts);
	for (size_t i = 0; i < n; i++) {
		const struct message *m = c->messages[i];
		size_t skip = m->text.len > PREVIEW_BYTES
		                      ? m->text.len - PREVIEW_BYTES
		                      : 0;

		(*parts)[i] = (struct chats_part){
			.speaker = message_speaker(m),
			.is_user = m->role == ROLE_USER,
			.text = m->text.bytes + skip,
			.len = m->text.len - skip,
		};
	}
	return n;
}

static struct chats_row *make_rows(const struct app *app)
{
	const struct chats *chats = &app->chats;
	struct chats_row *rows = mem_zalloc(chats->n, sizeof *rows);

	for (size_t i = 0; i < chats->n; i++) {
		const struct library_entry *e = &chats->entries[i];

		rows[i] = (struct chats_row){
			.title = *e->title ? e->title : e->preview,
			.snippet = e->snippet,
			.updated_ms = e->updated_ms,
			.messages = e->messages,
			.current = is_open_one(app, e->id),
		};
	}
	return rows;
}

void app_chats_draw(struct app *app, struct rect r)
{
	const struct chats *chats = &app->chats;
	struct chats_row *rows = make_rows(app);
	struct chats_part *parts;
	char hint[128];
	struct chats_view v = { .rows = rows,
		                .n = chats->n,
		                .selected = chats->selected,
		                .more = chats_has_more(chats),
		                .narrowed = *chats->words.bytes,
		                .now_ms = (int64_t)time(NULL) * 1000,
		                .hint = hint };

	if (app->input == INPUT_TITLE)
		snprintf(hint, sizeof hint, "Enter takes the title");
	else
		snprintf(hint, sizeof hint,
		         "Enter opens · %s title · %s deletes · %s undeletes",
		         action_key(ACTION_CHATS_TITLE),
		         action_key(ACTION_CHATS_DELETE),
		         action_key(ACTION_UNDELETE));
	v.n_parts = make_parts(chats->preview, &parts);
	v.parts = parts;
	chats_view_draw(&v, &app->canvas, r);
	free(parts);
	free(rows);
}
