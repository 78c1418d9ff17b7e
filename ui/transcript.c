#include "ui/transcript.h"

#include <stdlib.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "ui/chat.h"

void transcript_init(struct transcript *t)
{
	*t = (struct transcript){ .follow = true,
		                  .cursor_message = -1,
		                  .cursor_follows = true,
		                  .match_begin = UINT32_MAX,
		                  .query = STRBUF_INIT };
}

void transcript_free(struct transcript *t)
{
	for (size_t i = 0; i < t->n; i++)
		transcript_item_free(&t->items[i]);
	free(t->items);
	free(t->row_list);
	strbuf_free(&t->query);
	*t = (struct transcript){ 0 };
}

/* ---- up to date ---- */

static void update_siblings(struct transcript_item *item,
                            const struct conversation *c)
{
	struct message **siblings;

	item->siblings =
		conversation_siblings(c, item->id, &siblings, &item->sibling);
	free(siblings);
}

static void update_layout(struct transcript *t)
{
	int width = t->width - TRANSCRIPT_INDENT - TRANSCRIPT_MARGIN, code = 1;

	if (width < 1)
		width = 1;
	for (size_t i = 0; i < t->n; i++) {
		struct transcript_item *item = &t->items[i];
		bool markdown =
			item->message->role == ROLE_ASSISTANT && !t->raw;

		document_set(&item->thought_doc, false, width, 0,
		             style(STYLE_THINKING));
		document_set(&item->body_doc, markdown, width, code,
		             style(STYLE_TEXT));
		if (markdown)
			code += document_n_codes(&item->body_doc);
	}
}

/* Finding siblings reads the whole tree, so only when the path changed. */
static bool update_items(struct transcript *t, const struct chat *chat)
{
	struct message **path;
	size_t n = conversation_path(chat->conversation, &path);
	bool changed = n != t->n;

	while (t->n > n)
		transcript_item_free(&t->items[--t->n]);
	for (size_t i = 0; i < n; i++) {
		if (i < t->n && t->items[i].message == path[i] &&
		    t->items[i].id == path[i]->id)
			continue;
		changed = true;
		if (i == t->n) {
			t->items = mem_grow(t->items, t->n, &t->capacity,
			                    sizeof *t->items);
			t->items[t->n++] = (struct transcript_item){ 0 };
		}
		transcript_item_begin(&t->items[i], path[i]);
	}
	free(path);
	return changed;
}

/* A place in the text itself, which another width does not move. */
struct anchor {
	struct place place;
	size_t pos;  /* SIZE_MAX: a label, the place itself is all there is */
	bool is_end; /* the last row of all */
};

static struct anchor anchor_at(struct transcript *t, struct place p)
{
	struct anchor a = { .place = place_repair(t, p) };

	a.pos = place_source(t, a.place);
	a.is_end = place_compare(a.place, place_last(t)) >= 0;
	return a;
}

static struct place anchor_place(struct transcript *t, const struct anchor *a)
{
	if (a->is_end)
		return place_last(t);
	if (a->pos == SIZE_MAX)
		return a->place;
	return place_find(t, &t->items[a->place.item], a->pos);
}

static void set_size(struct transcript *t, int width, int rows)
{
	bool keep = t->width && !t->follow && t->n;
	struct anchor top, seen;

	t->rows = rows;
	if (width == t->width) {
		update_layout(t);
		return;
	}
	if (keep) {
		top = anchor_at(t, t->top);
		seen = anchor_at(t, t->seen);
	}
	t->width = width;
	update_layout(t);
	if (keep) {
		t->top = anchor_place(t, &top);
		t->seen = anchor_place(t, &seen);
	}
}

/* ---- the window ---- */

/* Up to rows - 1 rows back from p: the first row of a window that ends there. */
static struct place window_ending(struct transcript *t, struct place p)
{
	for (int i = 1; i < t->rows && place_before(t, &p); i++)
		;
	return p;
}

static void settle(struct transcript *t)
{
	struct place limit;

	if (!t->n)
		return;
	t->top = place_repair(t, t->top);
	limit = window_ending(t, place_last(t));
	if (t->follow || place_compare(t->top, limit) >= 0) {
		t->top = limit;
		t->follow = true;
	}
}

void transcript_update(struct transcript *t, const struct chat *chat, int width,
                       int rows)
{
	bool changed = update_items(t, chat) || t->model != chat->model;

	t->model = chat->model;
	t->n_removed = chat->conversation->n_removed;
	for (size_t i = 0; i < t->n; i++) {
		struct transcript_item *item = &t->items[i];
		const struct message *before =
			i ? t->items[i - 1].message : NULL;

		item->number =
			conversation_place(chat->conversation, item->id) + 1;
		item->unseen_above = item->id == chat->first_seen && before &&
		                     before->role != ROLE_SYSTEM;
		if (changed)
			update_siblings(item, chat->conversation);
		if (changed || item->was_open ||
		    item->message->state == MESSAGE_OPEN ||
		    item->message->text.len !=
		            item->body_len + item->thought.body)
			transcript_item_update(item, chat);
	}
	set_size(t, width, rows);
	settle(t);
}

void transcript_scroll(struct transcript *t, int rows)
{
	if (!t->n)
		return;
	if (rows < 0 && t->follow) {
		t->follow = false;
		t->seen = place_last(t);
	}
	for (; rows < 0 && place_before(t, &t->top); rows++)
		;
	for (; rows > 0 && place_next(t, &t->top); rows--)
		;
	settle(t);
}

void transcript_top(struct transcript *t)
{
	if (t->follow && t->n)
		t->seen = place_last(t);
	t->follow = false;
	t->top = place_first(t);
	settle(t);
}

void transcript_bottom(struct transcript *t)
{
	t->follow = true;
	settle(t);
}

void transcript_step_message(struct transcript *t, int step)
{
	size_t item = t->top.item;

	if (!t->n)
		return;
	if (t->follow)
		t->seen = place_last(t);
	/* Up from within a message goes to its own beginning first. */
	if (step < 0 && (t->top.part <= PART_HEADER) && item > 0)
		item--;
	if (step > 0 && item + 1 < t->n)
		item++;
	else if (step > 0) {
		transcript_bottom(t);
		return;
	}
	t->follow = false;
	t->top = (struct place){ .item = item, .part = PART_HEADER };
	settle(t);
}

struct transcript_item *transcript_item(struct transcript *t, int64_t id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].id == id)
			return &t->items[i];
	return NULL;
}

struct transcript_item *transcript_current(struct transcript *t)
{
	struct transcript_item *item = NULL;

	if (!t->n)
		return NULL;
	if (t->cursor)
		item = transcript_item(t, t->cursor_message);
	if (item)
		return item;
	return t->follow ? &t->items[t->n - 1] : &t->items[t->top.item];
}

struct text_range transcript_marked(struct transcript *t,
                                    const struct transcript_item *item)
{
	const struct transcript_item *from, *to;
	struct text_range token, none = { 0, 0 };
	uint32_t mark = (uint32_t)t->mark_pos;
	uint32_t len = (uint32_t)item->message->text.len;

	from = transcript_item(t, t->mark_message);
	to = transcript_item(t, t->cursor_message);
	if (!t->marking || !from || !to)
		return none;
	token = transcript_item_token(to, t->cursor_token);
	if (item == from && item == to)
		return mark <= token.begin
		               ? (struct text_range){ mark, token.end }
		               : (struct text_range){ token.begin, mark };
	if (item == from)
		return from < to ? (struct text_range){ mark, len }
		                 : (struct text_range){ 0, mark };
	if (item == to)
		return from < to ? (struct text_range){ 0, token.end }
		                 : (struct text_range){ token.begin, len };
	if ((item > from) != (item > to))
		return (struct text_range){ 0, len };
	return none;
}

bool transcript_toggle_fold(struct transcript *t)
{
	struct transcript_item *item = transcript_current(t);

	/* Without a thought here, the last one there is. */
	for (size_t i = t->n;
	     i-- > 0 && !(item && transcript_item_has_thought(item));)
		item = &t->items[i];
	if (!item || !transcript_item_has_thought(item))
		return false;
	item->opened = !item->opened;
	settle(t);
	return true;
}

void transcript_reveal(struct transcript *t, struct transcript_item *item,
                       size_t pos)
{
	struct place p, bottom = t->top;

	if (transcript_item_has_thought(item) && pos < item->thought.body &&
	    !item->opened)
		item->opened = true;
	p = place_find(t, item, pos);
	for (int i = 1; i < t->rows && place_next(t, &bottom); i++)
		;
	if (place_compare(p, t->top) >= 0 && place_compare(p, bottom) <= 0)
		return;
	if (t->follow)
		t->seen = place_last(t);
	t->follow = false;
	if (place_compare(p, t->top) < 0) {
		t->top = p;
		/* The header of the message comes along when it is next. */
		if (place_before(t, &p) && p.part == PART_HEADER)
			t->top = p;
	} else {
		t->top = window_ending(t, p);
	}
	settle(t);
}
