#include "ui/screen/inspector_view.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ui/screen/activity_view.h"

#define WIDE        76 /* columns from which facts and list stand side by side */
#define FACTS_COLS  36 /* "entropy 11.11 bits  surprisal 22.22" */
#define TOKEN_COLS  14
#define NUMBER_COLS 6
#define AFTER_COLS  10
#define TWO_BARS    20  /* columns that two bars need */
#define SMALL_TOKEN 10  /* columns up to its end, whatever stands behind it */
#define SMALL_ROWS  9   /* fewer, and there is room for the list only */
#define SPARK_HIGH  8.0 /* bits: the top of the sparkline */

/* ".46", "1.00", "2e-7": what fits into five columns. */
static void format_probability(char *out, size_t size, double p)
{
	if (p >= 0.9995)
		snprintf(out, size, "1.00");
	else if (p >= 0.001)
		snprintf(out, size, "%.3f", p);
	else if (p > 0)
		snprintf(out, size, "%.0e", p);
	else
		snprintf(out, size, "0");
	if (out[0] == '0' && out[1] == '.')
		memmove(out, out + 1, strlen(out));
}

/* ---- facts ---- */

static void draw_title(const struct inspector_view *v, struct canvas *c,
                       struct rect r)
{
	char right[64] = "";
	int width, col, end = r.col + r.cols;

	if (v->has_token && v->index >= v->n)
		snprintf(right, sizeof right, "after token %zu", v->n);
	else if (v->has_token)
		snprintf(right, sizeof right, "token %zu of %zu", v->index + 1,
		         v->n);
	width = (int)strlen(right);
	/* Below the transcript there is no other line between them. */
	if (r.col == 0)
		canvas_fill(c, r.row, r.col, end, "─", style(STYLE_RULE));
	canvas_str(c, r.row, r.col, r.col + 1, " ", style(STYLE_TEXT));
	col = canvas_str(c, r.row, r.col + 1, end,
	                 v->choosing   ? "take another token"
	                 : v->tried.on ? "try other settings"
	                               : "inspector",
	                 (struct style){ STYLE_HEADING, STYLE_BOLD, 0 });
	canvas_str(c, r.row, col, col + 1, " ", style(STYLE_TEXT));
	if (width)
		canvas_printf(c, r.row, end - width - 2, end, style(STYLE_DIM),
		              " %s ", right);
}

/* The token and where it is: of a long one what the figures leave room for. */
static int draw_token(const struct inspector_view *v, struct canvas *c, int row,
                      struct rect r)
{
	char where[64] = "", bytes[80];
	int end = r.col + r.cols, n = 0, col;

	if (v->id >= 0) /* else the token that would come next */
		n = snprintf(where, sizeof where, "  id %d", v->id);
	if (v->pos != SIZE_MAX)
		n += snprintf(where + n, sizeof where - (size_t)n, "  pos %zu",
		              v->pos);
	col = canvas_printf(c, row, r.col + 1, end - n, style(STYLE_SELECTED),
	                    "\"%s\"", v->text);
	canvas_str(c, row++, col, end, where, style(STYLE_TEXT));
	snprintf(bytes, sizeof bytes, "bytes %s", v->bytes);
	if (v->id >= 0)
		canvas_ellipsis(c, row++, r.col + 1, end, bytes,
		                style(STYLE_DIM));
	return row;
}

static int draw_facts(const struct inspector_view *v, struct canvas *c,
                      struct rect r)
{
	char p[16], after[16];
	int end = r.col + r.cols, row = draw_token(v, c, r.row, r);

	if (*v->note)
		canvas_ellipsis(c, row++, r.col + 1, end, v->note,
		                style(STYLE_NOTICE));
	if (!v->has_odds)
		return row;
	format_probability(p, sizeof p, v->p);
	format_probability(after, sizeof after, v->sampled);
	canvas_printf(c, row++, r.col + 1, end, style(STYLE_TEXT),
	              "p %s  after %s  rank %d", p, after, v->rank);
	canvas_printf(c, row++, r.col + 1, end, style(STYLE_TEXT),
	              "entropy %.2f bits  surprisal %.2f", v->entropy,
	              v->surprisal);
	if (*v->settings)
		canvas_ellipsis(c, row++, r.col + 1, end, v->settings,
		                style(STYLE_NOTICE));
	return row;
}

/* ---- the message as a whole ---- */

static void draw_spark(const struct inspector_view *v, struct canvas *c,
                       int row, int col, int end)
{
	static const char *const levels[] = { "▁", "▂", "▃", "▄",
		                              "▅", "▆", "▇", "█" };
	size_t room = end > col ? (size_t)(end - col) : 0, first = 0;

	if (v->n > room && v->index > room / 2)
		first = v->index - room / 2;
	if (v->n > room && first + room > v->n)
		first = v->n - room;
	for (size_t i = first; i < v->n && i < first + room; i++) {
		double bits = v->surprisals[i];
		int level = bits < 0            ? 0
		            : bits < SPARK_HIGH ? (int)(bits / SPARK_HIGH * 8)
		                                : 7;

		col = canvas_str(c, row, col, end,
		                 bits < 0 ? "·" : levels[level],
		                 i == v->index ? style(STYLE_SELECTED)
		                               : style(STYLE_BAR));
	}
}

static int draw_summary(const struct inspector_view *v, struct canvas *c,
                        int row, struct rect r)
{
	int end = r.col + r.cols - 1, col;

	if (v->n && v->surprisals) {
		col = canvas_str(c, row, r.col + 1, end, "surprisal ",
		                 style(STYLE_DIM));
		draw_spark(v, c, row++, col, end);
	}
	if (v->perplexity > 0)
		canvas_printf(c, row++, r.col + 1, end, style(STYLE_DIM),
		              "ppl %.2f  mean logprob %.3f", v->perplexity,
		              v->mean_logprob);
	return row;
}

static void draw_hint(const struct inspector_view *v, struct canvas *c, int row,
                      struct rect r)
{
	const char *hint =
		v->can_go_on ? "Enter: another  n: uncertain" : "n: uncertain";

	if (v->choosing)
		hint = "Up, Down; Enter takes it  Esc";
	else if (v->tried.on)
		hint = "Up, Down, Left, Right; t ends";
	else if (!v->focused)
		hint = "Tab: walk the tokens";
	else if (!v->has_odds && v->can_compute)
		hint = "p: compute the odds";
	canvas_ellipsis(c, row, r.col + 1, r.col + r.cols, hint,
	                style(STYLE_DIM));
}

/* ---- the list ---- */

/* Where the parts of a candidate begin.  The second bar is drawn where there is
 * room for two; both are to the scale of the largest. */
struct columns {
	int token, bar, raw, bar_sampled, sampled, end;
	double full; /* probability of a whole bar */
};

static struct columns columns_for(const struct inspector_view *v, struct rect r)
{
	struct columns x = { .token = r.col + 5,
		             .bar = r.col + 6 + TOKEN_COLS,
		             .end = r.col + r.cols };
	int room = x.end - AFTER_COLS - NUMBER_COLS - x.bar;

	x.sampled = x.bar_sampled = x.end - AFTER_COLS;
	if (room >= TWO_BARS) {
		x.bar_sampled -= room / 2;
		room -= room / 2;
	}
	x.raw = x.bar + (room > 0 ? room : 0);
	for (int i = 0; i < v->n_top; i++) {
		x.full = fmax(x.full, v->top[i].raw);
		if (x.bar_sampled < x.sampled)
			x.full = fmax(x.full, v->top[i].sampled);
	}
	return x;
}

static void draw_bars(const struct inspector_candidate *one, struct canvas *c,
                      int row, const struct columns *x, bool plain,
                      struct style s)
{
	bool cut = *one->cut != '\0';

	if (x->raw > x->bar + 1)
		bar_draw(c, row, x->bar, x->raw - 1, one->raw / x->full,
		         plain ? s : style(cut ? STYLE_CUT : STYLE_BAR));
	if (x->sampled > x->bar_sampled + 1 && !cut)
		bar_draw(c, row, x->bar_sampled, x->sampled - 1,
		         one->sampled / x->full,
		         plain ? s : style(STYLE_BAR_SAMPLED));
}

static void draw_candidate(const struct inspector_view *v, int i,
                           struct canvas *c, int row, struct rect r,
                           const struct columns *x)
{
	const struct inspector_candidate *one = &v->top[i];
	bool chosen = v->choosing && i == v->choice;
	bool cut = *one->cut != '\0';
	struct style s = style(chosen ? STYLE_SELECTED
	                       : cut  ? STYLE_CUT
	                              : STYLE_TEXT);
	char text[32];

	if (chosen)
		canvas_fill(c, row, r.col, x->end, " ", s);
	if (one->is_token)
		canvas_str(c, row, r.col + 1, r.col + 2, "▸",
		           chosen ? s : style(STYLE_PROMPT));
	canvas_printf(c, row, r.col + 2, x->token, s, "%2d", i + 1);
	canvas_ellipsis(c, row, x->token, x->token + TOKEN_COLS, one->text, s);
	draw_bars(one, c, row, x, chosen, s);
	format_probability(text, sizeof text, one->raw);
	canvas_str(c, row, x->raw, x->end, text, s);
	if (cut) {
		canvas_printf(c, row, x->sampled, x->end, s, "cut %s",
		              one->cut);
		return;
	}
	format_probability(text, sizeof text, one->sampled);
	canvas_printf(c, row, x->sampled, x->end,
	              chosen ? s : style(STYLE_BAR_SAMPLED), "%s%s", text,
	              one->penalised ? " pen." : "");
}

/* All that is not among the n candidates from first on, which are shown. */
static void draw_rest(const struct inspector_view *v, struct canvas *c, int row,
                      const struct columns *x, int first, int n)
{
	double rest = v->rest;
	char text[32];

	for (int i = 0; i < v->n_top; i++)
		if (i < first || i >= first + n)
			rest += v->top[i].raw;
	format_probability(text, sizeof text, rest);
	canvas_str(c, row, x->token, x->end, "all others", style(STYLE_DIM));
	canvas_str(c, row, x->raw, x->end, text, style(STYLE_DIM));
}

static void draw_heading(const struct inspector_view *v, struct canvas *c,
                         int row, const struct columns *x)
{
	const char *sampled = "sampled";

	if (v->tried.on)
		sampled = v->tried.estimated ? "would be ~" : "would be";
	canvas_str(c, row, x->raw, x->end, "raw", style(STYLE_DIM));
	canvas_str(c, row, x->sampled, x->end, sampled, style(STYLE_DIM));
}

/* The candidates; those around the chosen one when not all fit.  Gives the
 * first that is shown. */
static int draw_candidates(const struct inspector_view *v, struct canvas *c,
                           struct rect r, const struct columns *x)
{
	int first = 0;

	if (v->choosing && v->choice >= r.rows)
		first = v->choice - r.rows + 1;
	for (int i = 0; i < r.rows && first + i < v->n_top; i++)
		draw_candidate(v, first + i, c, r.row + i, r, x);
	return first;
}

/* Heading, candidates and what all others have together. */
static void draw_list(const struct inspector_view *v, struct canvas *c,
                      struct rect r)
{
	struct columns x = columns_for(v, r);
	int room = r.rows - 2, first;

	if (r.rows < 2 || !v->n_top)
		return;
	draw_heading(v, c, r.row, &x);
	if (room > v->n_top)
		room = v->n_top;
	if (room < 1)
		room = 1;
	first = draw_candidates(v, c,
	                        (struct rect){ r.row + 1, r.col, room, r.cols },
	                        &x);
	if (room + 2 <= r.rows)
		draw_rest(v, c, r.row + 1 + room, &x, first, room);
}

/* ---- other settings, other continuations ---- */

static int draw_tried(const struct inspector_view *v, struct canvas *c, int row,
                      struct rect r)
{
	const struct inspector_try *t = &v->tried;
	char text[4][24];
	int end = r.col + r.cols;

	if (!t->on)
		return row;
	snprintf(text[0], sizeof text[0], "temp %.2f", t->temperature);
	snprintf(text[1], sizeof text[1], "top_k %d", t->top_k);
	snprintf(text[2], sizeof text[2], "top_p %.2f", t->top_p);
	snprintf(text[3], sizeof text[3], "min_p %.2f", t->min_p);
	for (int i = 0; i < 4; i += 2, row++) {
		int col = r.col + 1;

		for (int k = i; k < i + 2; k++)
			col = canvas_str(c, row, col, end, text[k],
			                 style(k == t->field ? STYLE_SELECTED
			                                     : STYLE_TEXT)) +
			      2;
	}
	return row;
}

static int draw_branches(const struct inspector_view *v, struct canvas *c,
                         int row, struct rect r)
{
	int end = r.col + r.cols;

	for (int i = 0; i < v->n_branches && row < r.row + r.rows; i++, row++) {
		bool last = i + 1 == v->n_branches;
		int col = canvas_str(c, row, r.col + 1, end, last ? "└ " : "├ ",
		                     style(STYLE_RULE));

		col = canvas_str(c, row, col, end, v->branches[i].head,
		                 (struct style){ STYLE_TEXT, STYLE_BOLD, 0 });
		canvas_ellipsis(c, row, col, end, v->branches[i].text,
		                style(v->branches[i].done ? STYLE_TEXT
		                                          : STYLE_DIM));
	}
	return row;
}

/* ---- all of it ---- */

static void draw_nothing(const struct inspector_view *v, struct canvas *c,
                         struct rect r)
{
	if (r.rows > 1)
		canvas_ellipsis(c, r.row + 1, r.col + 1, r.col + r.cols,
		                *v->note ? v->note : "no tokens here yet",
		                style(STYLE_DIM));
}

static void draw_wide(const struct inspector_view *v, struct canvas *c,
                      struct rect r)
{
	struct rect facts = { r.row + 1, r.col, r.rows - 1, FACTS_COLS };
	/* The list begins with a blank, which the longest of the facts takes. */
	struct rect list = { r.row + 1, r.col + FACTS_COLS - 1, r.rows - 1,
		             r.cols - FACTS_COLS + 1 };
	int row = draw_facts(v, c, facts), end = r.row + r.rows;

	row = draw_tried(v, c, row, facts);
	if (row + 2 < end)
		row = draw_summary(v, c, row, facts);
	if (row < end)
		draw_hint(v, c, end - 1, facts);
	list.rows -= v->n_branches;
	draw_list(v, c, list);
	list.row += list.rows;
	list.rows = v->n_branches;
	draw_branches(v, c, list.row, list);
}

static void draw_tall(const struct inspector_view *v, struct canvas *c,
                      struct rect r)
{
	struct rect facts = { r.row + 1, r.col, r.rows - 1, r.cols };
	int row = draw_facts(v, c, facts), end = r.row + r.rows, below;
	struct rect list;

	row = draw_tried(v, c, row, facts);
	below = 3 + (v->n_branches ? v->n_branches + 1 : 0);
	if (row + 1 < end - below)
		row++;
	list = (struct rect){ row, r.col, end - below - row, r.cols };
	if (list.rows > v->n_top + 2)
		list.rows = v->n_top + 2;
	if (list.rows < 0)
		list.rows = 0;
	draw_list(v, c, list);
	row = list.row + list.rows;
	if (v->n_branches && row < end)
		row = draw_branches(v, c, row + 1, r);
	if (row + 3 <= end)
		draw_summary(v, c, end - 3, r);
	draw_hint(v, c, end - 1, r);
}

/* A line about the token, and as many candidates as fit. */
static void draw_small(const struct inspector_view *v, struct canvas *c,
                       struct rect r)
{
	struct columns x = columns_for(v, r);
	int end = r.col + r.cols, row = r.row + 1, col, room = r.cols;
	char p[16], odds[64] = "";

	format_probability(p, sizeof p, v->p);
	if (v->has_odds)
		room -= snprintf(odds, sizeof odds, " p %s rank %d %.2f bits",
		                 p, v->rank, v->entropy);
	if (room < SMALL_TOKEN)
		room = SMALL_TOKEN;
	col = canvas_printf(c, row, r.col + 1, r.col + room,
	                    style(STYLE_SELECTED), "\"%s\"", v->text);
	if (v->has_odds)
		canvas_str(c, row, col, end, odds, style(STYLE_TEXT));
	else
		canvas_printf(c, row, col, end, style(STYLE_NOTICE), " %s",
		              v->note);
	row = draw_tried(v, c, row + 1, r);
	draw_candidates(v, c,
	                (struct rect){ row, r.col, r.row + r.rows - row,
	                               r.cols },
	                &x);
}

void inspector_view_draw(const struct inspector_view *v, struct canvas *canvas,
                         struct rect r)
{
	struct canvas part = *canvas, *c = &part;

	if (r.rows < 1)
		return;
	/* In a small window there is more to say than rows: what stands below
	 * is not this view's. */
	if (part.rows > r.row + r.rows)
		part.rows = r.row + r.rows;
	canvas_blank(c, r, style(STYLE_TEXT));
	draw_title(v, c, r);
	if (!v->has_token)
		draw_nothing(v, c, r);
	else if (r.cols >= WIDE)
		draw_wide(v, c, r);
	else if (r.rows < SMALL_ROWS)
		draw_small(v, c, r);
	else
		draw_tall(v, c, r);
}
