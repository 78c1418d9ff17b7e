#include "ui/screen/status_line.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "ui/cells/sanitise.h"

#define TROUBLE_LEAST 32 /* columns of one that stands beside the context */

void header_draw(const struct header_view *v, struct canvas *c, struct rect r)
{
	struct strbuf model = STRBUF_INIT;
	int end = r.col + r.cols - 1, width, col;

	canvas_blank(c, r, style(STYLE_HEADER));
	sanitise(&model, v->model, strlen(v->model));
	width = text_width(model.bytes, model.len);
	if (width > r.cols / 2)
		width = r.cols / 2;
	col = canvas_str(c, r.row, r.col + 1, end, "confab", style(STYLE_HEADER));
	canvas_restyle(c, r.row, r.col + 1, col,
	               (struct style){ STYLE_HEADER, STYLE_BOLD, 0 });
	canvas_ellipsis(c, r.row, col + 2, end - width - 1, v->title,
	                style(STYLE_HEADER));
	canvas_ellipsis(c, r.row, end - width, end, model.bytes,
	                style(STYLE_HEADER));
	strbuf_free(&model);
}

static void add_number(struct strbuf *out, size_t n)
{
	if (n >= 1000) {
		add_number(out, n / 1000);
		strbuf_printf(out, ",%03zu", n % 1000);
	} else {
		strbuf_printf(out, "%zu", n);
	}
}

/* Writes a piece if there is room for it. */
static bool put(struct canvas *c, struct rect r, int *col, const char *before,
                const char *text, enum style_role role)
{
	struct strbuf safe = STRBUF_INIT;
	int width, end = r.col + r.cols;
	bool fits;

	sanitise(&safe, text, strlen(text));
	width = text_width(before, strlen(before)) +
	        text_width(safe.bytes, safe.len);
	fits = *text && *col + width <= end;
	if (fits) {
		*col = canvas_str(c, r.row, *col, end, before,
		                  style(STYLE_STATUS));
		*col = canvas_str(c, r.row, *col, end, safe.bytes, style(role));
	}
	strbuf_free(&safe);
	return fits;
}

/* Writes a piece in any case: as much of it as there is room for before `end`. */
static void put_always(struct canvas *c, struct rect r, int *col, int end,
                       const char *before, const char *text,
                       enum style_role role)
{
	struct strbuf safe = STRBUF_INIT;

	r.cols = end - r.col;
	if (!*text || put(c, r, col, before, text, role))
		return;
	sanitise(&safe, text, strlen(text));
	*col = canvas_str(c, r.row, *col, end, before, style(STYLE_STATUS));
	*col = canvas_ellipsis(c, r.row, *col, end, safe.bytes, style(role));
	strbuf_free(&safe);
}

static void add_context(const struct status_view *v, struct strbuf *text)
{
	if (!v->context)
		return;
	strbuf_add_str(text, "ctx ");
	if (v->context_used == SIZE_MAX)
		strbuf_add_char(text, '?');
	else
		add_number(text, v->context_used);
	strbuf_add_char(text, '/');
	add_number(text, v->context);
	if (v->context_used != SIZE_MAX)
		strbuf_printf(text, " %.0f%%",
		              100.0 * (double)v->context_used /
		                      (double)v->context);
}

/* What goes on, and what does not; a trouble is cut short of the context where it has
 * room enough without. */
static void put_state(const struct status_view *v, struct canvas *c,
                      struct rect r, int *col)
{
	struct strbuf context = STRBUF_INIT;
	int end = r.col + r.cols, room;

	add_context(v, &context);
	put_always(c, r, col, end, " ", v->state, STYLE_STATUS);
	room = text_width(context.bytes, context.len) + 3;
	put_always(c, r, col,
	           end - *col - room < TROUBLE_LEAST ? end : end - room, " · ",
	           v->trouble, STYLE_ERROR);
	if (context.len)
		put(c, r, col, " · ", context.bytes, STYLE_STATUS);
	strbuf_free(&context);
}

static void put_prompt(const struct status_view *v, struct canvas *c,
                       struct rect r, int *col)
{
	struct strbuf text = STRBUF_INIT;

	if (!v->has_prompt)
		return;
	strbuf_add_str(&text, v->restored ? "restored " : "reused ");
	add_number(&text, v->reused);
	strbuf_add_str(&text, ", computed ");
	add_number(&text, v->computed);
	put(c, r, col, " · ", text.bytes, STYLE_STATUS);
	strbuf_free(&text);
}

static void put_keys(const struct status_view *v, struct canvas *c,
                     struct rect r, int *col)
{
	const char *before = " · ";

	for (size_t i = 0; i < v->n_keys; i++) {
		char word[32];
		int start = *col;

		snprintf(word, sizeof word, " %s", v->keys[i].word);
		if (!put(c, r, col, before, v->keys[i].key, STYLE_KEY))
			return;
		if (!put(c, r, col, "", word, STYLE_STATUS)) {
			canvas_fill(c, r.row, start, *col, " ",
			            style(STYLE_STATUS));
			return;
		}
		before = "  ";
	}
}

void status_draw(const struct status_view *v, struct canvas *c, struct rect r)
{
	char speed[32] = "";
	int col = r.col;

	canvas_blank(c, r, style(STYLE_STATUS));
	put_state(v, c, r, &col);
	if (v->tokens_per_second > 0)
		snprintf(speed, sizeof speed, "%.1f tok/s",
		         v->tokens_per_second);
	put(c, r, &col, " · ", speed, STYLE_STATUS);
	put_prompt(v, c, r, &col);
	put_keys(v, c, r, &col);
}
