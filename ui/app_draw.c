#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "library/conversation.h"
#include "ui/app_state.h"
#include "ui/cli/model_summary.h"
#include "ui/cli/progress.h"
#include "ui/inspector.h"
#include "ui/line_editor.h"
#include "ui/screen/activity_view.h"
#include "ui/screen/help_view.h"
#include "ui/screen/input_view.h"
#include "ui/screen/screen.h"
#include "ui/screen/status_line.h"
#include "ui/transcript_find.h"

#define LEGEND_COLS 36 /* that the legend of the heat needs */

/* ---- what goes on ---- */

static void add_row(struct activity_view *v, enum style_role role,
                    const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add_row(struct activity_view *v, enum style_role role,
                    const char *format, ...)
{
	struct activity_row *row;
	va_list args;

	if (v->n_rows == ACTIVITY_ROWS)
		return;
	row = &v->rows[v->n_rows++];
	row->role = role;
	va_start(args, format);
	vsnprintf(row->text, sizeof row->text, format, args);
	va_end(args);
}

/* A text wrapped to the window, at most max lines of it. */
static void add_text(struct activity_view *v, enum style_role role,
                     const char *text, int cols, size_t max)
{
	struct lines lines = LINES_INIT;
	struct wrap w;

	wrap_start(&w, &lines, cols - 2);
	wrap_plain(&w, text, strlen(text), SOURCE_NONE, style(role));
	wrap_finish(&w);
	for (size_t i = 0; i < lines.n && i < max; i++) {
		char *line = line_text(&lines, i);

		add_row(v, role, "%s%s", line,
		        i + 1 == max && lines.n > max ? "…" : "");
		free(line);
	}
	lines_free(&lines);
}

static void progress(const struct chat *chat, struct activity_view *v)
{
	double seconds = clock_seconds() - chat->stage_began, rate;
	bool weights = chat->stage != ENGINE_STAGE_PREFILL;

	if (chat->state == CHAT_LOADING && !chat->total) {
		add_row(v, STYLE_NOTICE, "loading %s", chat->path);
		return;
	}
	if (!chat->total || chat->done >= chat->total)
		return;
	snprintf(v->label, sizeof v->label, "%s",
	         chat->state == CHAT_SCORING ? "computing odds"
	                                     : progress_stage(chat->stage));
	v->done = chat->done;
	v->total = chat->total;
	rate = seconds > 0 ? (double)chat->done / seconds : 0;
	if (rate <= 0)
		return;
	if (weights)
		snprintf(v->right, sizeof v->right,
		         "%.2f of %.2f GB · %.2f GB/s · %.0f s left",
		         (double)chat->done / 1e9, (double)chat->total / 1e9,
		         rate / 1e9, (double)(chat->total - chat->done) / rate);
	else
		snprintf(v->right, sizeof v->right,
		         "%zu of %zu tokens · %.0f/s · %.0f s left",
		         (size_t)chat->done, (size_t)chat->total, rate,
		         (double)(chat->total - chat->done) / rate);
}

static void queue(const struct chat *chat, struct activity_view *v)
{
	for (size_t i = 0; i < chat->n_queue && i < 3; i++)
		add_row(v, STYLE_DIM, "queued: %.*s",
		        (int)strcspn(chat->queue[i], "\n"), chat->queue[i]);
	if (chat->n_queue > 3)
		add_row(v, STYLE_DIM, "… and %zu more", chat->n_queue - 3);
}

static void overflow(const struct chat *chat, struct activity_view *v)
{
	const struct chat_overflow *o = &chat->overflow;
	char size[16];

	if (chat->state != CHAT_CHOOSING)
		return;
	add_row(v, STYLE_ERROR,
	        "The conversation needs %zu tokens, the context holds %zu.",
	        o->needed, o->context);
	if (o->drop_turns)
		add_row(v, STYLE_TEXT,
		        " 1  leave out the oldest %zu turn%s (%zu tokens); "
		        "they "
		        "stay in the conversation",
		        o->drop_turns, o->drop_turns == 1 ? "" : "s",
		        o->drop_tokens);
	model_summary_bytes(size, o->larger_bytes);
	if (o->larger_context)
		add_row(v, STYLE_TEXT,
		        " 2  a context of %zu tokens (%s of memory)",
		        o->larger_context, size);
	add_row(v, STYLE_TEXT, " Esc  %s",
	        o->unsent ? "do not send" : "leave it as it is");
}

static void make_activity(const struct app *app, struct activity_view *v)
{
	const struct chat *chat = &app->chat;

	*v = (struct activity_view){ 0 };
	progress(chat, v);
	overflow(chat, v);
	queue(chat, v);
	if (chat->notice.len)
		add_text(v, chat->notice_is_error ? STYLE_ERROR : STYLE_NOTICE,
		         chat->notice.bytes, app->canvas.cols, 3);
}

/* ---- header and status ---- */

static void draw_header(struct app *app)
{
	const struct chat *chat = &app->chat;
	struct strbuf model = STRBUF_INIT;

	if (!app->layout.header.rows)
		return;
	if (chat->model)
		strbuf_printf(&model, "%s · %s", chat->model->name,
		              chat->model->type);
	header_draw(&(struct header_view){ .title = chat->conversation->title,
	                                   .model = model.bytes },
	            &app->canvas, app->layout.header);
	strbuf_free(&model);
}

static const char *state_name(const struct app *app)
{
	switch (app->chat.state) {
	case CHAT_LOADING:
		return "loading";
	case CHAT_READING:
		return "reading";
	case CHAT_REPLYING:
		return "replying";
	case CHAT_SCORING:
		return "computing odds";
	case CHAT_EXPLORING:
		return "exploring";
	case CHAT_TITLING:
		return "thinking of a title";
	case CHAT_CHOOSING:
		return "context full";
	case CHAT_NO_MODEL:
		return "no model";
	case CHAT_READY:
		break;
	}
	return "ready";
}

/* What goes on, and how the transcript is looked at. */
static void put_state(struct app *app, struct strbuf *out)
{
	struct transcript *t = &app->transcript;
	size_t n, current;

	strbuf_add_str(out, state_name(app));
	if (t->heat != HEAT_OFF)
		strbuf_printf(out, " · heat: %s", transcript_heat_name(t->heat));
	if (t->raw)
		strbuf_add_str(out, " · raw");
	if (t->marking)
		strbuf_add_str(out, " · marking");
	if (!t->query.len)
		return;
	n = transcript_count_matches(t, &current);
	if (current)
		strbuf_printf(out, " · match %zu of %zu", current, n);
	else
		strbuf_printf(out, " · %zu match%s", n, n == 1 ? "" : "es");
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct status_key *)a)->key,
	              ((const struct status_key *)b)->key);
}

/* The keys that count now: what covers the transcript has those that it shows,
 * and the way out. */
static size_t footer_keys(const struct app *app, struct status_key *keys,
                          size_t max)
{
	const char *stop = action_key(ACTION_STOP);
	size_t first = 0, n;

	if (app->text_open || app->chats.open) {
		keys[0] = (struct status_key){ stop, "closes" };
		return 1;
	}
	if (app->choosing || app->tried.on || app->input != INPUT_SAY)
		keys[first++] = (struct status_key){ stop, "leaves it" };
	else if (chat_is_busy(&app->chat) && app->chat.state != CHAT_LOADING)
		keys[first++] = (struct status_key){ stop, "stop" };
	n = first;
	for (int a = ACTION_NONE + 1; a < ACTIONS && n < max; a++) {
		const char *word = action_info((enum action)a)->footer;
		const char *key = action_key((enum action)a);

		if (word && *key) /* it may have been freed */
			keys[n++] = (struct status_key){ key, word };
	}
	qsort(keys + first, n - first, sizeof *keys, by_key);
	return n;
}

static void draw_status(struct app *app)
{
	struct chat *chat = &app->chat;
	struct status_key keys[8];
	struct strbuf trouble = STRBUF_INIT, state = STRBUF_INIT;
	bool measured = chat_measure(chat);

	if (chat->saving.read_only)
		strbuf_add_str(&trouble, "read-only");
	else if (chat->saving.wanted && *chat->saving.trouble.text)
		strbuf_printf(&trouble, "not saved: %s",
		              chat->saving.trouble.text);
	put_state(app, &state);
	status_draw(&(struct status_view){
			    .state = state.bytes,
			    .context_used = measured ? chat->context_used
			                             : SIZE_MAX,
			    .context = chat->model ? chat->model->context : 0,
			    .tokens_per_second = chat->tokens_per_second,
			    .has_prompt = chat->reused + chat->computed > 0,
			    .reused = chat->reused,
			    .computed = chat->computed,
			    .restored = chat->restored > 0,
			    .trouble = trouble.bytes,
			    .keys = keys,
			    .n_keys = footer_keys(app, keys, 8),
		    },
	            &app->canvas, app->layout.status);
	strbuf_free(&trouble);
	strbuf_free(&state);
}

/* ---- the middle ---- */

static void draw_welcome(struct app *app)
{
	const struct rect r = app->layout.transcript;
	const char *inspector = action_key(ACTION_INSPECTOR);
	const struct {
		const char *key, *text;
	} lines[] = {
		{ "Type a message, Enter sends it.", "" },
		{ "", "" },
		{ "/help", "what there is to do" },
		{ *inspector ? inspector : "/inspector",
		  "the odds of every word, and how to take another one" },
		{ "Ctrl-D",
		  app->chat.saving.wanted
		          ? "leaves; the conversation is kept"
		          : "leaves; the conversation is not kept" },
	};
	const int n = (int)(sizeof lines / sizeof *lines);

	for (int i = 0; i < n && r.rows >= n + 2; i++) {
		char line[128];

		snprintf(line, sizeof line, "%-8s %s", lines[i].key,
		         lines[i].text);
		canvas_ellipsis(&app->canvas, r.row + (r.rows - n) / 2 + i,
		                r.col + 3, r.col + r.cols, line,
		                style(STYLE_DIM));
	}
}

static void draw_transcript(struct app *app)
{
	struct transcript_view view;

	transcript_rows(&app->transcript, &app->chat, &view);
	transcript_view_draw(&view, &app->canvas, app->layout.transcript);
	if (!app->transcript.n)
		draw_welcome(app);
}

struct rect app_middle(const struct app *app)
{
	struct rect r = app->layout.transcript;

	r.cols = app->canvas.cols;
	if (!app->layout.pane_beside)
		r.rows += app->layout.pane.rows;
	return r;
}

static void draw_text(struct app *app)
{
	struct rect r = app_middle(app);
	struct help_view v = { .title = app->text_title.bytes,
		               .text = app->text.bytes };
	int last;

	last = help_view_last(&v, r);
	if (app->text_first > last)
		app->text_first = last;
	v.first = app->text_first;
	help_view_draw(&v, &app->canvas, r);
}

static void draw_pane(struct app *app)
{
	const struct layout *l = &app->layout;
	int edge = l->pane.col - 1;

	if (!l->pane.rows)
		return;
	inspector_draw(app, &app->canvas, l->pane);
	if (!l->pane_beside)
		return;
	for (int row = l->pane.row; row < l->pane.row + l->pane.rows; row++)
		canvas_str(&app->canvas, row, edge, edge + 1, "│",
		           style(STYLE_RULE));
}

/* On the rule, in the colours and marks that it explains. */
static void draw_legend(struct app *app)
{
	enum transcript_heat heat = app->transcript.heat;
	const struct rect r = app->layout.rule;
	int col = 1, end = app->layout.transcript.cols - 1;

	if (heat == HEAT_OFF || end - col < LEGEND_COLS)
		return;
	for (int i = 1; i < STYLE_HEAT_LEVELS; i++) {
		struct style s = { STYLE_TEXT, 0, (uint8_t)i };

		col = canvas_printf(&app->canvas, r.row, col, end, s, " %s ",
		                    transcript_heat_legend(heat, i));
	}
}

static void draw_rule(struct app *app)
{
	const struct layout *l = &app->layout;

	if (!l->rule.rows)
		return;
	canvas_fill(&app->canvas, l->rule.row, 0, l->rule.cols, "─",
	            style(STYLE_RULE));
	if (l->pane_beside && !l->activity.rows && l->pane.rows)
		canvas_str(&app->canvas, l->rule.row, l->pane.col - 1,
		           l->pane.col, "┴", style(STYLE_RULE));
	draw_legend(app);
}

/* ---- the input line ---- */

static void make_input(const struct app *app, struct input_view *v)
{
	line_editor_view(v);
	v->focused = !app->in_transcript && !app->text_open;
	if (app->input == INPUT_FIND)
		v->prompt = " find: ";
	else if (app->input == INPUT_TOKEN)
		v->prompt = " instead: ";
	else if (app->input == INPUT_EDIT)
		v->prompt = " edit: ";
	else if (app->input == INPUT_CHATS)
		v->prompt = " words: ";
	else if (app->input == INPUT_TITLE)
		v->prompt = " title: ";
	if (app->input == INPUT_TOKEN)
		v->hint = "any text; the reply goes on from it";
	else if (app->input == INPUT_FIND)
		v->hint = "Up and Down walk the matches, Enter ends typing";
	else if (app->input == INPUT_SAY && app->in_transcript)
		v->hint = "arrows walk the tokens, n the uncertain ones; Tab "
			  "returns here";
}

/* ---- all of it ---- */

static void too_small(struct app *app)
{
	const char *text = "the window is too small";

	if (app->canvas.cols < (int)strlen(text))
		text = "too small";
	canvas_ellipsis(&app->canvas, 0, 0, app->canvas.cols, text,
	                style(STYLE_NOTICE));
}

static void set_canvas(struct app *app)
{
	int rows, cols;

	screen_size(&rows, &cols);
	if (rows != app->canvas.rows || cols != app->canvas.cols) {
		canvas_free(&app->canvas);
		canvas_init(&app->canvas, rows, cols);
	}
	canvas_clear(&app->canvas);
}

static void draw_parts(struct app *app, const struct activity_view *activity,
                       const struct input_view *input)
{
	struct layout *l = &app->layout;

	transcript_update(&app->transcript, &app->chat, l->transcript.cols,
	                  l->transcript.rows);
	if (app->in_transcript)
		app_cursor_show(app); /* its message may be gone */
	draw_header(app);
	if (app->text_open) {
		draw_text(app);
	} else if (app->chats.open) {
		app_chats_draw(app, app_middle(app));
	} else {
		draw_transcript(app);
		draw_pane(app);
	}
	activity_view_draw(activity, &app->canvas, l->activity);
	draw_rule(app);
	input_view_draw(input, &app->canvas, l->input);
	draw_status(app);
}

void app_draw(struct app *app)
{
	struct activity_view activity;
	struct input_view input;
	struct layout_wish wish;

	set_canvas(app);
	make_activity(app, &activity);
	make_input(app, &input);
	wish = (struct layout_wish){
		.pane = app->pane,
		.input = input_view_rows(&input, app->canvas.cols,
		                         layout_input_max(app->canvas.rows)),
		.activity = activity_view_rows(&activity),
	};
	app->layout = layout_make(app->canvas.rows, app->canvas.cols, &wish);
	if (app->layout.too_small)
		too_small(app);
	else
		draw_parts(app, &activity, &input);
	screen_present(&app->canvas);
}
