#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/transcript.h"
#include "ui/transcript_find.h"

#define LINES_COUNTED 9999 /* "↓ 9999+ new lines" */

void transcript_time(char *out, size_t size, int64_t ms)
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
	const char *name = message_speaker(m);
	char when[32] = "", number[24] = "";

	row->style = style(m->role == ROLE_USER     ? STYLE_USER
	                   : m->role == ROLE_SYSTEM ? STYLE_SYSTEM
	                                            : STYLE_MODEL);
	if (item->siblings > 1)
		snprintf(row->left, sizeof row->left, "%s  %zu/%zu", name,
		         item->sibling + 1, item->siblings);
	else
		snprintf(row->left, sizeof row->left, "%s", name);
	if (t->times)
		transcript_time(when, sizeof when, m->created_ms);
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

static void fold_row(const struct transcript_item *item, bool in_transcript,
                     struct transcript_row *row)
{
	const char *sign = item->opened ? "▾" : "▸";
	size_t n = thought_tokens(item);
	char seconds[32] = "", tokens[32] = "";

	if (item->notes.think_seconds >= 0)
		snprintf(seconds, sizeof seconds, " for %.0f s",
		         item->notes.think_seconds);
	if (n)
		snprintf(tokens, sizeof tokens, "%s%zu tokens",
		         *seconds || !item->thought.closed ? ", " : " ", n);
	row->style = style(STYLE_THINKING);
	snprintf(row->left, sizeof row->left, "  %s %s%s%s%s", sign,
	         item->thought.closed ? "thought" : "thinking …", seconds,
	         tokens, item->opened ? "" : in_transcript ? "  (o opens)"
	                                                   : "  (Tab o opens)");
}

static void foot_row(const struct transcript_item *item,
                     const struct chat *chat, struct transcript_row *row)
{
	const struct message *m = item->message;
	bool foreign = chat->model && !chat_same_model(chat, m);

	row->style = style(STYLE_NOTICE);
	snprintf(row->left, sizeof row->left, "  %s%s",
	         m->state == MESSAGE_LENGTH ? "cut at the limit of tokens"
	                                    : "stopped",
	         foreign ? "" : "; /continue goes on");
}

static void make_row(struct transcript *t, const struct chat *chat,
                     struct place p, struct transcript_row *row)
{
	struct transcript_item *item = &t->items[p.item];
	size_t begin = 0;

	*row = (struct transcript_row){ .lines = place_lines(t, p, &begin),
		                        .line = p.line,
		                        .source = (uint32_t)begin,
		                        .marks = &item->marks };
	if (p.part == PART_HEADER)
		header_row(t, item, row);
	else if (p.part == PART_FOLD)
		fold_row(item, t->cursor, row);
	else if (p.part == PART_FOOT)
		foot_row(item, chat, row);
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
	return place_find(t, item, item->marks.selected.begin);
}

static size_t count_new_lines(struct transcript *t, struct place bottom)
{
	struct place p = place_compare(t->seen, bottom) > 0 ? t->seen : bottom;
	size_t n = 0;

	if (t->follow || !t->n)
		return 0;
	p = place_repair(t, p);
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
		transcript_item_spans(&t->items[i], chat);
		transcript_item_marks(&t->items[i], t);
	}
	cursor = cursor_place(t);
	if (t->row_capacity < (size_t)t->rows + 1) {
		t->row_capacity = (size_t)t->rows + 1;
		t->row_list = mem_realloc(t->row_list, t->row_capacity,
		                          sizeof *t->row_list);
	}
	while (t->n && (int)n < t->rows) {
		make_row(t, chat, p, &t->row_list[n]);
		t->row_list[n++].has_cursor = !place_compare(p, cursor);
		if ((int)n == t->rows || !place_next(t, &p))
			break;
	}
	*view = (struct transcript_view){ .rows = t->row_list, .n_rows = n };
	if (n)
		view->new_lines = count_new_lines(t, p);
}
