#include "library/conversation.h"
#include "ui/app_state.h"
#include "ui/token_walk.h"
#include "ui/transcript_find.h"

/* ---- where the cursor is ---- */

struct transcript_item *app_cursor_item(struct app *app)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = transcript_item(t, t->cursor_message);

	if (item)
		transcript_item_spans(item, &app->chat);
	return item;
}

void app_cursor_put(struct app *app, struct transcript_item *item, size_t token)
{
	struct transcript *t = &app->transcript;

	transcript_item_spans(item, &app->chat);
	t->cursor_message = item->id;
	t->cursor_token = token;
	app->choosing = false;
	if (token < item->spans.n)
		transcript_reveal(t, item, item->spans.begin[token]);
	else
		transcript_reveal(t, item, item->message->text.len);
}

void app_cursor_follow(struct app *app)
{
	struct transcript *t = &app->transcript;
	const struct message *m = app->chat.reply;

	if (!m || !t->cursor_follows)
		return;
	t->cursor_message = m->id;
	t->cursor_token = m->ids.n ? m->ids.n - 1 : 0;
}

void app_cursor_show(struct app *app)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = app_cursor_item(app);

	t->cursor = true;
	if (item || !t->n)
		return;
	item = &t->items[t->n - 1];
	transcript_item_spans(item, &app->chat);
	t->cursor_message = item->id;
	t->cursor_token = item->spans.n ? item->spans.n - 1 : 0;
}

void app_cursor_to_child(struct app *app, int64_t parent)
{
	struct transcript *t = &app->transcript;

	if (!t->cursor)
		return;
	transcript_update(t, &app->chat, t->width, t->rows);
	for (size_t i = 0; i < t->n; i++) {
		size_t token = t->cursor_token, n;

		if (t->items[i].message->parent != parent)
			continue;
		transcript_item_spans(&t->items[i], &app->chat);
		n = t->items[i].spans.n;
		app_cursor_put(app, &t->items[i],
		               token < n ? token
		               : n       ? n - 1
		                         : 0);
	}
}

bool app_cursor_to_number(struct app *app, const char *number)
{
	const struct message *m =
		command_message(&app->host, number, ROLE_ASSISTANT);
	struct transcript_item *item =
		m ? transcript_item(&app->transcript, m->id) : NULL;

	if (item)
		app_cursor_put(app, item, 0);
	else if (m)
		chat_notice(&app->chat,
		            "message %s is on another branch; /branches %s "
		            "goes there",
		            number, number);
	return item;
}

void app_cursor_to_match(struct app *app, int step)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item;

	if (!(step ? transcript_next_match(t, step)
	           : transcript_some_match(t))) {
		chat_notice(&app->chat, "\"%s\" was not found", t->query.bytes);
		return;
	}
	item = transcript_item(t, t->match_message);
	if (!item || !app->in_transcript)
		return;
	transcript_item_spans(item, &app->chat);
	if (item->spans.n)
		app_cursor_put(app, item,
		               spans_find(&item->spans, t->match_begin));
	t->cursor_follows = false;
}

/* ---- walking ---- */

static void step(struct app *app, int direction)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = app_cursor_item(app);
	size_t i, last;

	if (!item)
		return;
	i = (size_t)(item - t->items);
	/* Behind the last token of all is the one that would come next. */
	last = item->spans.n;
	if (i + 1 < t->n || item->message->role != ROLE_ASSISTANT ||
	    item->message->state == MESSAGE_OPEN)
		last = last ? last - 1 : 0;
	if (direction > 0 && t->cursor_token < last) {
		app_cursor_put(app, item, t->cursor_token + 1);
	} else if (direction > 0 && i + 1 < t->n) {
		app_cursor_put(app, item + 1, 0);
	} else if (direction < 0 && t->cursor_token > 0) {
		app_cursor_put(app, item, t->cursor_token - 1);
	} else if (direction < 0 && i > 0) {
		item--;
		transcript_item_spans(item, &app->chat);
		app_cursor_put(app, item,
		               item->spans.n ? item->spans.n - 1 : 0);
	}
}

/* To an end of the conversation, or to the message before or after. */
static void jump(struct app *app, enum action action)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = app_cursor_item(app);
	size_t last = t->n ? t->n - 1 : 0;

	if (!item)
		return;
	if (action == ACTION_TOP)
		item = &t->items[0];
	else if (action == ACTION_BOTTOM)
		item = &t->items[last];
	else if (action == ACTION_MESSAGE_UP && item > t->items &&
	         !t->cursor_token)
		item--;
	else if (action == ACTION_MESSAGE_DOWN && item < &t->items[last])
		item++;
	transcript_item_spans(item, &app->chat);
	app_cursor_put(app, item,
	               action == ACTION_BOTTOM && item->spans.n
	                       ? item->spans.n - 1
	                       : 0);
}

/* The token of the glyph nearest to a column of a line. */
static bool token_at(struct app *app, struct place p, int col, size_t *token)
{
	struct transcript *t = &app->transcript;
	size_t begin;
	const struct lines *lines = place_lines(t, p, &begin);
	size_t source = SIZE_MAX;
	int at = 0;

	if (!lines)
		return false;
	for (size_t g = lines->lines[p.line].begin;
	     g < lines->lines[p.line].end; g++) {
		const struct glyph *glyph = &lines->glyphs[g];

		if (glyph->source != SOURCE_NONE &&
		    (source == SIZE_MAX || at <= col))
			source = glyph->source + begin;
		at += glyph->columns;
	}
	transcript_item_spans(&t->items[p.item], &app->chat);
	if (source == SIZE_MAX || !t->items[p.item].spans.n)
		return false;
	*token = spans_find(&t->items[p.item].spans, source);
	return true;
}

static int cursor_column(struct app *app, struct place p, size_t pos)
{
	size_t begin;
	const struct lines *lines = place_lines(&app->transcript, p, &begin);
	int col = 0;

	if (!lines)
		return 0;
	for (size_t g = lines->lines[p.line].begin;
	     g < lines->lines[p.line].end; g++) {
		if (lines->glyphs[g].source != SOURCE_NONE &&
		    lines->glyphs[g].source + begin >= pos)
			break;
		col += lines->glyphs[g].columns;
	}
	return col;
}

static void step_line(struct app *app, int direction)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = app_cursor_item(app);
	struct place p;
	size_t pos, token;
	int col;

	if (!item || !item->spans.n) {
		transcript_scroll(t, direction);
		return;
	}
	pos = t->cursor_token < item->spans.n
	              ? item->spans.begin[t->cursor_token]
	              : item->message->text.len;
	p = place_find(t, item, pos);
	col = cursor_column(app, p, pos);
	while (direction > 0 ? place_next(t, &p) : place_before(t, &p)) {
		if (!token_at(app, p, col, &token))
			continue;
		app_cursor_put(app, &t->items[p.item], token);
		return;
	}
}

void app_cursor_into_window(struct app *app)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = app_cursor_item(app);
	struct place at, p = t->top, nearest = t->top;
	bool found = false;
	size_t token;

	if (!item || !item->spans.n)
		return;
	at = place_find(t, item,
	                transcript_item_token(item, t->cursor_token).begin);
	/* Rows above the cursor leave the last one, those below the first. */
	for (int i = 0; i < t->rows; i++) {
		int side = place_compare(p, at);

		if (!side)
			return; /* it is in the window */
		if ((side < 0 || !found) && token_at(app, p, 0, &token)) {
			nearest = p;
			found = true;
		}
		if (!place_next(t, &p))
			break;
	}
	if (!found || !token_at(app, nearest, 0, &token))
		return;
	t->cursor_follows = false;
	app_cursor_put(app, &t->items[nearest.item], token);
}

void app_cursor_click(struct app *app, int row, int col)
{
	struct transcript *t = &app->transcript;
	const struct rect *r = &app->layout.transcript;
	struct place p = t->top;
	size_t token;

	if (row < r->row || row >= r->row + r->rows ||
	    col >= r->col + r->cols) {
		if (app->in_transcript)
			app_do(app, ACTION_FOCUS, "");
		return;
	}
	if (!t->n)
		return;
	for (int i = r->row; i < row; i++)
		if (!place_next(t, &p))
			return;
	if (!token_at(app, p, col - r->col - TRANSCRIPT_INDENT, &token))
		return;
	if (!app->in_transcript)
		app_do(app, ACTION_FOCUS, "");
	t->cursor_follows = false;
	app_cursor_put(app, &t->items[p.item], token);
}

/* ---- looking for tokens ---- */

static void walk(struct app *app, enum action action)
{
	struct transcript *t = &app->transcript;
	int64_t message = t->cursor_message;
	size_t token = t->cursor_token;
	const char *why;

	if (!app_cursor_item(app))
		return;
	why = token_walk(&app->chat, action, &message, &token);
	if (why)
		chat_notice(&app->chat, "%s", why);
	else
		app_cursor_put(app, transcript_item(t, message), token);
}

/* ---- the table ---- */

bool app_cursor_do(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_TOKEN_LEFT:
		step(app, -1);
		return true;
	case ACTION_TOKEN_RIGHT:
		step(app, 1);
		return true;
	case ACTION_LINE_UP:
		step_line(app, -1);
		return true;
	case ACTION_LINE_DOWN:
		step_line(app, 1);
		return true;
	case ACTION_TOP:
	case ACTION_BOTTOM:
	case ACTION_MESSAGE_UP:
	case ACTION_MESSAGE_DOWN:
		jump(app, action);
		return true;
	default:
		if (!token_is_walk(action))
			return false;
		walk(app, action);
		return true;
	}
}
