#include "ui/transcript.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/transcript_find.h"

#define LINES_COUNTED 9999 /* "↓ 9999+ new lines" */

const char *transcript_heat_name(enum transcript_heat heat)
{
	static const char *const names[HEATS] = { "off", "probability",
		                                  "entropy", "rank" };

	return names[heat];
}

void transcript_init(struct transcript *t)
{
	*t = (struct transcript){ .follow = true,
		                  .cursor_message = -1,
		                  .cursor_follows = true,
		                  .match_begin = UINT32_MAX,
		                  .query = STRBUF_INIT };
}

static void item_free(struct transcript_item *item)
{
	document_free(&item->thought_doc);
	document_free(&item->body_doc);
	spans_free(&item->spans);
	free(item->heat);
	free(item->matches);
}

void transcript_free(struct transcript *t)
{
	for (size_t i = 0; i < t->n; i++)
		item_free(&t->items[i]);
	free(t->items);
	free(t->row_list);
	strbuf_free(&t->query);
	*t = (struct transcript){ 0 };
}

/* ---- items ---- */

static double read_think_seconds(const struct message *m)
{
	double seconds = -1;
	struct json *extra;

	if (!m->extra)
		return -1;
	extra = json_parse(m->extra, strlen(m->extra), "message", NULL);
	json_number(json_get(extra, "think_seconds"), &seconds);
	json_free(extra);
	return seconds;
}

static void begin_item(struct transcript_item *item, const struct message *m)
{
	item_free(item);
	*item = (struct transcript_item){ .message = m, .id = m->id };
}

static void set_document(struct document *d, size_t *known, const char *text,
                         size_t len)
{
	if (len < *known)
		document_clear(d);
	document_update(d, text, len);
	*known = len;
}

static bool begins_inside_thought(const struct chat *chat,
                                  const struct message *m)
{
	return m->role == ROLE_ASSISTANT && chat->family == CHAT_THINKING &&
	       chat_same_model(chat, m);
}

static void update_text(struct transcript_item *item, const struct chat *chat)
{
	const struct message *m = item->message;
	struct thought thought = { 0 };

	if (m->role == ROLE_ASSISTANT)
		thought = thought_find(m->text.bytes, m->text.len,
		                       begins_inside_thought(chat, m));
	if (thought.begin != item->thought.begin)
		document_clear(&item->thought_doc);
	if (thought.body != item->thought.body)
		document_clear(&item->body_doc);
	item->thought = thought;
	set_document(&item->thought_doc, &item->thought_len,
	             m->text.bytes + thought.begin,
	             thought.end - thought.begin);
	set_document(&item->body_doc, &item->body_len,
	             m->text.bytes + thought.body, m->text.len - thought.body);
}

void transcript_update_spans(struct transcript_item *item,
                             const struct chat *chat)
{
	const struct message *m = item->message;

	if (!chat->model) {
		spans_clear(&item->spans);
	} else if (m->ids.n &&
	           (m->role != ROLE_ASSISTANT || chat_same_model(chat, m))) {
		if (item->spans.encoded.n)
			spans_clear(&item->spans);
		spans_update(&item->spans, chat->model->tokenizer, &m->ids);
		if (m->role != ROLE_ASSISTANT)
			spans_align(&item->spans, m->text.len);
	} else if (m->role != ROLE_ASSISTANT || m->state != MESSAGE_OPEN) {
		spans_encode(&item->spans, chat->model->tokenizer,
		             m->text.bytes, m->text.len);
	}
}

static void update_siblings(struct transcript_item *item,
                            const struct conversation *c)
{
	struct message **siblings;

	item->siblings = conversation_siblings(c, item->id, &siblings,
	                                       &item->sibling);
	free(siblings);
}

static void update_layout(struct transcript *t)
{
	int width = t->width - TRANSCRIPT_INDENT - TRANSCRIPT_MARGIN, code = 1;

	if (width < 1)
		width = 1;
	for (size_t i = 0; i < t->n; i++) {
		struct transcript_item *item = &t->items[i];
		bool markdown = item->message->role == ROLE_ASSISTANT && !t->raw;

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
		item_free(&t->items[--t->n]);
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
		begin_item(&t->items[i], path[i]);
	}
	free(path);
	return changed;
}

/* ---- heat ---- */

static uint8_t level(double value, const double limits[4])
{
	uint8_t heat = 1;

	while (heat < STYLE_HEAT_LEVELS - 1 && value > limits[heat - 1])
		heat++;
	return heat;
}

static uint8_t heat_of(const struct token_odds *odds, enum transcript_heat heat)
{
	static const double surprisals[4] = { 0.22, 0.69, 1.61, 3.0 };
	static const double entropies[4] = { 0.5, 1, 2, 3.5 };
	static const double ranks[4] = { 1, 2, 4, 10 };

	if (!odds->rank)
		return 0;
	if (heat == HEAT_PROBABILITY) /* p: .8, .5, .2, .05 */
		return level(-odds->logprob, surprisals);
	if (heat == HEAT_ENTROPY) /* bits */
		return level(odds->entropy / M_LN2, entropies);
	return level(odds->rank, ranks);
}

static void update_heat(struct transcript *t, struct transcript_item *item)
{
	const struct message *m = item->message;
	size_t n = item->spans.n < m->n_odds ? item->spans.n : m->n_odds;

	item->marks.token_begin = NULL;
	item->marks.n_tokens = 0;
	if (t->heat == HEAT_OFF || !n || item->spans.encoded.n)
		return;
	if (item->heat_capacity < n) {
		item->heat_capacity = n + n / 2;
		item->heat = mem_realloc(item->heat, item->heat_capacity, 1);
	}
	for (size_t i = 0; i < n; i++)
		item->heat[i] = heat_of(&m->odds[i], t->heat);
	item->marks.token_begin = item->spans.begin;
	item->marks.token_heat = item->heat;
	item->marks.n_tokens = n;
}

/* ---- marks ---- */

static void update_marks(struct transcript *t, struct transcript_item *item)
{
	struct text_marks *marks = &item->marks;
	size_t begin = 0, end = 0;

	if (t->cursor && item->id == t->cursor_message && item->spans.n) {
		size_t i = t->cursor_token;

		if (i >= item->spans.n)
			i = item->spans.n - 1;
		begin = item->spans.begin[i];
		end = spans_end(&item->spans, i, item->message->text.len);
	}
	marks->selected = (struct text_range){ (uint32_t)begin, (uint32_t)end };
	marks->marked = (struct text_range){ 0, 0 };
	if (t->marking && end > begin) {
		marks->marked.begin = (uint32_t)(begin < t->mark_pos ?
		                                         begin :
		                                         t->mark_pos);
		marks->marked.end = (uint32_t)(end > t->mark_pos ? end :
		                                                   t->mark_pos);
	}
	marks->matches = item->matches;
	marks->n_matches = item->n_matches;
	marks->current_match = item->id == t->match_message ? t->match_begin :
	                                                      UINT32_MAX;
}

/* ---- places ---- */

struct document *transcript_document(struct transcript_item *item,
                                     enum transcript_part part, size_t *begin)
{
	if (part == PART_BODY) {
		*begin = item->thought.body;
		return &item->body_doc;
	}
	if (part == PART_THOUGHT) {
		*begin = item->thought.begin;
		return &item->thought_doc;
	}
	return NULL;
}

static bool has_thought(const struct transcript_item *item)
{
	return item->thought.end > item->thought.begin;
}

static size_t part_blocks(const struct transcript *t, size_t i,
                          enum transcript_part part)
{
	const struct transcript_item *item = &t->items[i];
	enum message_state state = item->message->state;

	switch (part) {
	case PART_GAP:
		return i > 0;
	case PART_UNSEEN:
		return item->unseen_above;
	case PART_HEADER:
		return 1;
	case PART_FOLD:
		return has_thought(item);
	case PART_THOUGHT:
		return has_thought(item) && item->opened ?
		               document_n_blocks(&item->thought_doc) :
		               0;
	case PART_BODY:
		return document_n_blocks(&item->body_doc);
	case PART_FOOT:
		return state == MESSAGE_INTERRUPTED || state == MESSAGE_LENGTH;
	case PARTS:
		break;
	}
	return 0;
}

const struct lines *transcript_lines(struct transcript *t, struct place p,
                                     size_t *begin)
{
	struct transcript_item *item = &t->items[p.item];
	struct document *d = transcript_document(item, p.part, begin);

	if (!d)
		return NULL;
	return document_block(d, item->message->text.bytes + *begin, p.block);
}

static size_t block_lines(struct transcript *t, struct place p)
{
	size_t begin;
	const struct lines *lines = transcript_lines(t, p, &begin);

	return lines ? lines->n : 1;
}

/* The first line of the next block that has any. */
static bool next_block(struct transcript *t, struct place *p)
{
	struct place next = *p;

	next.line = 0;
	for (;;) {
		next.block++;
		while (next.block >= part_blocks(t, next.item, next.part)) {
			next.block = 0;
			if (++next.part < PARTS)
				continue;
			next.part = PART_GAP;
			if (++next.item >= t->n)
				return false;
		}
		if (block_lines(t, next))
			break;
	}
	*p = next;
	return true;
}

static bool last_line_before(struct transcript *t, struct place *p)
{
	struct place before = *p;

	for (;;) {
		while (!before.block) {
			if (before.part == PART_GAP) {
				if (!before.item--)
					return false;
				before.part = PARTS;
			}
			before.part--;
			before.block = part_blocks(t, before.item, before.part);
		}
		before.block--;
		before.line = block_lines(t, before);
		if (before.line)
			break;
	}
	before.line--;
	*p = before;
	return true;
}

bool place_next(struct transcript *t, struct place *p)
{
	if (p->line + 1 < block_lines(t, *p)) {
		p->line++;
		return true;
	}
	return next_block(t, p);
}

bool place_before(struct transcript *t, struct place *p)
{
	if (p->line) {
		p->line--;
		return true;
	}
	return last_line_before(t, p);
}

static struct place first_place(struct transcript *t)
{
	struct place p = { 0 };

	/* The header is there always, so one is found. */
	while (t->n && !part_blocks(t, 0, p.part))
		p.part++;
	return p;
}

static struct place last_place(struct transcript *t)
{
	struct place p = { .item = t->n, .part = PART_GAP };

	if (t->n)
		last_line_before(t, &p);
	return p;
}

static int compare(struct place a, struct place b)
{
	if (a.item != b.item)
		return a.item < b.item ? -1 : 1;
	if (a.part != b.part)
		return a.part < b.part ? -1 : 1;
	if (a.block != b.block)
		return a.block < b.block ? -1 : 1;
	return a.line == b.line ? 0 : a.line < b.line ? -1 : 1;
}

/* A place that was kept may be gone: a fold closed, a branch changed, a width
 * that makes fewer lines. */
static struct place repair(struct transcript *t, struct place p)
{
	size_t n;

	if (!t->n)
		return (struct place){ 0 };
	if (p.item >= t->n)
		return last_place(t);
	n = part_blocks(t, p.item, p.part);
	if (!n) {
		p.block = p.line = 0;
		for (p.part = PART_HEADER; !part_blocks(t, p.item, p.part);)
			p.part++;
		return p;
	}
	if (p.block >= n)
		p.block = n - 1;
	n = block_lines(t, p);
	if (p.line >= n)
		p.line = n ? n - 1 : 0;
	if (!n && !place_next(t, &p))
		return last_place(t);
	return p;
}

/* ---- a new width keeps what is read in sight ---- */

static size_t source_at(struct transcript *t, struct place p)
{
	size_t begin;
	const struct lines *lines = transcript_lines(t, p, &begin);

	if (!lines || p.line >= lines->n)
		return SIZE_MAX;
	for (size_t i = p.line; i < lines->n; i++)
		for (size_t g = lines->lines[i].begin; g < lines->lines[i].end;
		     g++)
			if (lines->glyphs[g].source != SOURCE_NONE)
				return begin + lines->glyphs[g].source;
	return SIZE_MAX;
}

static struct place find_in_part(struct transcript *t, struct transcript_item *i,
                                 enum transcript_part part, size_t pos)
{
	struct place p = { .item = (size_t)(i - t->items), .part = part };
	size_t begin = 0, best = 0;
	struct document *d = transcript_document(i, part, &begin);
	const struct lines *lines;

	p.block = document_find(d, pos > begin ? pos - begin : 0);
	lines = transcript_lines(t, p, &begin);
	for (size_t k = 0; k < lines->n; k++)
		for (size_t g = lines->lines[k].begin; g < lines->lines[k].end;
		     g++)
			if (lines->glyphs[g].source != SOURCE_NONE &&
			    lines->glyphs[g].source + begin <= pos)
				best = k;
	p.line = best;
	return p;
}

struct place transcript_find(struct transcript *t, struct transcript_item *item,
                             size_t pos)
{
	struct place p = { .item = (size_t)(item - t->items),
		           .part = PART_HEADER };

	if (has_thought(item) && pos < item->thought.body) {
		if (!item->opened) {
			p.part = PART_FOLD;
			return p;
		}
		return find_in_part(t, item, PART_THOUGHT, pos);
	}
	if (!document_n_blocks(&item->body_doc))
		return p;
	p = find_in_part(t, item, PART_BODY, pos);
	return repair(t, p);
}

static void set_size(struct transcript *t, int width, int rows)
{
	size_t pos = SIZE_MAX;
	struct place top = t->top;

	t->rows = rows;
	if (width == t->width) {
		update_layout(t);
		return;
	}
	if (t->width && !t->follow && t->n) {
		t->top = repair(t, t->top);
		pos = source_at(t, t->top);
		top = t->top;
	}
	t->width = width;
	update_layout(t);
	if (pos != SIZE_MAX)
		t->top = find_in_part(t, &t->items[top.item], top.part, pos);
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
	t->top = repair(t, t->top);
	limit = window_ending(t, last_place(t));
	if (t->follow || compare(t->top, limit) >= 0) {
		t->top = limit;
		t->follow = true;
	}
}

void transcript_update(struct transcript *t, const struct chat *chat, int width,
                       int rows)
{
	bool changed = update_items(t, chat) || t->model != chat->model;

	t->model = chat->model;
	for (size_t i = 0; i < t->n; i++) {
		struct transcript_item *item = &t->items[i];
		const struct message *before = i ? t->items[i - 1].message :
		                                   NULL;

		item->number = i + 1;
		item->unseen_above = item->id == chat->first_seen && before &&
		                     before->role != ROLE_SYSTEM;
		if (changed) {
			update_siblings(item, chat->conversation);
			item->think_seconds = read_think_seconds(item->message);
		}
		if (changed || item->message->state == MESSAGE_OPEN ||
		    item->message->text.len !=
		            item->body_len + item->thought.body)
			update_text(item, chat);
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
		t->seen = last_place(t);
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
		t->seen = last_place(t);
	t->follow = false;
	t->top = first_place(t);
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
		t->seen = last_place(t);
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

struct transcript_item *transcript_numbered(struct transcript *t, size_t number)
{
	return number >= 1 && number <= t->n ? &t->items[number - 1] : NULL;
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

void transcript_toggle_fold(struct transcript *t)
{
	struct transcript_item *item = transcript_current(t);

	/* Without a thought here, the last one there is. */
	for (size_t i = t->n; i-- > 0 && !(item && has_thought(item));)
		item = &t->items[i];
	if (item)
		item->opened = !item->opened;
	settle(t);
}

void transcript_reveal(struct transcript *t, struct transcript_item *item,
                       size_t pos)
{
	struct place p, bottom = t->top;

	if (has_thought(item) && pos < item->thought.body && !item->opened)
		item->opened = true;
	p = transcript_find(t, item, pos);
	for (int i = 1; i < t->rows && place_next(t, &bottom); i++)
		;
	if (compare(p, t->top) >= 0 && compare(p, bottom) <= 0)
		return;
	if (t->follow)
		t->seen = last_place(t);
	t->follow = false;
	if (compare(p, t->top) < 0) {
		t->top = p;
		/* The header of the message comes along when it is next. */
		if (place_before(t, &p) && p.part == PART_HEADER)
			t->top = p;
	} else {
		t->top = window_ending(t, p);
	}
	settle(t);
}

/* ---- rows ---- */

static void format_time(char *out, size_t size, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000), now = time(NULL);
	struct tm then, today;

	localtime_r(&seconds, &then);
	localtime_r(&now, &today);
	if (then.tm_yday == today.tm_yday && then.tm_year == today.tm_year)
		strftime(out, size, "%H:%M", &then);
	else
		strftime(out, size, "%Y-%m-%d %H:%M", &then);
}

static void header_row(const struct transcript *t,
                       const struct transcript_item *item,
                       struct transcript_row *row)
{
	const struct message *m = item->message;
	const char *name = m->role == ROLE_USER   ? "You" :
	                   m->role == ROLE_SYSTEM ? "System" :
	                   m->role == ROLE_TOOL   ? "Tool" :
	                   m->model               ? m->model :
	                                            "Assistant";
	char when[32] = "", number[24] = "";

	row->style = style(m->role == ROLE_USER   ? STYLE_USER :
	                   m->role == ROLE_SYSTEM ? STYLE_SYSTEM :
	                                            STYLE_MODEL);
	if (item->siblings > 1)
		snprintf(row->left, sizeof row->left, "%s  %zu/%zu", name,
		         item->sibling + 1, item->siblings);
	else
		snprintf(row->left, sizeof row->left, "%s", name);
	if (t->times)
		format_time(when, sizeof when, m->created_ms);
	if (t->times || t->numbers)
		snprintf(number, sizeof number, "#%zu", item->number);
	snprintf(row->right, sizeof row->right, "%s%s%s", when,
	         *when ? " · " : "", number);
}

static size_t thought_tokens(const struct transcript_item *item)
{
	if (!item->spans.n || item->spans.encoded.n)
		return 0;
	return spans_find(&item->spans, item->thought.end) -
	       spans_find(&item->spans, item->thought.begin) + 1;
}

static void fold_row(const struct transcript_item *item,
                     struct transcript_row *row)
{
	const char *sign = item->opened ? "▾" : "▸";
	size_t n = thought_tokens(item);
	char seconds[32] = "", tokens[32] = "";

	if (item->think_seconds >= 0)
		snprintf(seconds, sizeof seconds, " for %.0f s",
		         item->think_seconds);
	if (n)
		snprintf(tokens, sizeof tokens, "%s%zu tokens",
		         *seconds || !item->thought.closed ? ", " : " ", n);
	row->style = style(STYLE_THINKING);
	snprintf(row->left, sizeof row->left, "  %s %s%s%s%s", sign,
	         item->thought.closed ? "thought" : "thinking …", seconds,
	         tokens, item->opened ? "" : "  (Tab o opens)");
}

static void foot_row(const struct transcript_item *item,
                     struct transcript_row *row)
{
	row->style = style(STYLE_NOTICE);
	snprintf(row->left, sizeof row->left, "  %s; /continue goes on",
	         item->message->state == MESSAGE_LENGTH ?
	                 "cut at the limit of tokens" :
	                 "stopped");
}

static void make_row(struct transcript *t, struct place p,
                     struct transcript_row *row)
{
	struct transcript_item *item = &t->items[p.item];
	size_t begin = 0;

	*row = (struct transcript_row){ .lines = transcript_lines(t, p, &begin),
		                        .line = p.line,
		                        .source = (uint32_t)begin,
		                        .marks = &item->marks };
	if (p.part == PART_HEADER)
		header_row(t, item, row);
	else if (p.part == PART_FOLD)
		fold_row(item, row);
	else if (p.part == PART_FOOT)
		foot_row(item, row);
	else if (p.part == PART_UNSEEN) {
		row->style = style(STYLE_NOTICE);
		row->rule = true;
		strcpy(row->left, "the model no longer sees what is above");
	}
}

static struct place cursor_place(struct transcript *t)
{
	struct place none = { .item = SIZE_MAX };
	struct transcript_item *item;

	if (!t->cursor)
		return none;
	item = transcript_item(t, t->cursor_message);
	if (!item || item->marks.selected.end <= item->marks.selected.begin)
		return none;
	return transcript_find(t, item, item->marks.selected.begin);
}

static size_t count_new_lines(struct transcript *t, struct place bottom)
{
	struct place p = compare(t->seen, bottom) > 0 ? t->seen : bottom;
	size_t n = 0;

	if (t->follow || !t->n)
		return 0;
	p = repair(t, p);
	while (n < LINES_COUNTED && place_next(t, &p))
		n++;
	return n;
}

void transcript_rows(struct transcript *t, const struct chat *chat,
                     struct transcript_view *view)
{
	struct place p = t->top, cursor;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		transcript_update_matches(t, &t->items[i]);
		/* Only what may be in sight needs its tokens. */
		if (i < t->top.item || i > t->top.item + (size_t)t->rows)
			continue;
		transcript_update_spans(&t->items[i], chat);
		update_heat(t, &t->items[i]);
		update_marks(t, &t->items[i]);
	}
	cursor = cursor_place(t);
	if (t->row_capacity < (size_t)t->rows + 1) {
		t->row_capacity = (size_t)t->rows + 1;
		t->row_list = mem_realloc(t->row_list, t->row_capacity,
		                          sizeof *t->row_list);
	}
	while (t->n && (int)n < t->rows) {
		make_row(t, p, &t->row_list[n]);
		t->row_list[n++].has_cursor = !compare(p, cursor);
		if ((int)n == t->rows || !place_next(t, &p))
			break;
	}
	*view = (struct transcript_view){ .rows = t->row_list, .n_rows = n };
	if (n)
		view->new_lines = count_new_lines(t, p);
}
