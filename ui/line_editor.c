#include "ui/line_editor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "ui/cells/width.h"
#include "ui/screen/input_view.h"

#define HISTORY_LINES 2000
#define HISTORY_BYTES (16 << 20)

static struct line_editor_hooks hooks;
static struct strbuf queue = STRBUF_INIT; /* keys that readline will read */
static size_t queue_pos;
static char *history_path;
static FILE *nowhere;
static char **matches;  /* owned, [n_matches] */
static size_t n_matches;
static bool quoting;    /* after Ctrl-V: the next key is typed as it is */
static bool accepting;  /* inside hooks.accept, called by readline */
static char *next_text; /* what line_editor_set() wants then, or NULL */

/* ---- readline's side ---- */

/* EOF only when there is nothing: readline then gives the half key back. */
static int get_key(FILE *stream)
{
	(void)stream;
	if (queue_pos < queue.len)
		return (unsigned char)queue.bytes[queue_pos++];
	return EOF;
}

/* Typing ahead is looked for with this instead of select() on rl_instream:
 * /dev/null is always readable, and readline 8.2 takes the EOF that it would
 * read there for the end of the line. */
static int key_waits(void)
{
	return queue_pos < queue.len;
}

static void draw_nothing(void)
{
}

static void prepare_nothing(int meta)
{
	(void)meta;
}

static void on_line(char *line)
{
	/* NULL is an end of file, which nobody types here. */
	accepting = true;
	rl_replace_line("", 1);
	rl_point = 0;
	hooks.accept(hooks.arg, line ? line : "");
	accepting = false;
	free(line);
}

/* Readline 8.2 says of everything that it waits for a key, but not of this. */
static int quote_next(int count, int key)
{
	quoting = true;
	return rl_quoted_insert(count, key);
}

static int on_edit(int count, int key)
{
	(void)count, (void)key;
	hooks.edit(hooks.arg);
	return 0;
}

/* To the character at a column of the line [start, end), or to its end. */
static void go_to_column(int start, int end, int column)
{
	rl_point = start + (int)text_fit(rl_line_buffer + start,
	                                 (size_t)(end - start), column);
}

static int column_from(int start)
{
	return text_width(rl_line_buffer + start, (size_t)(rl_point - start));
}

/* Up and Down walk the lines of a text with several, then the history. */
static int line_above(int count, int key)
{
	int start = rl_point, above;

	while (start > 0 && rl_line_buffer[start - 1] != '\n')
		start--;
	if (!start)
		return rl_get_previous_history(count, key);
	above = start - 1;
	while (above > 0 && rl_line_buffer[above - 1] != '\n')
		above--;
	go_to_column(above, start - 1, column_from(start));
	return 0;
}

static int line_below(int count, int key)
{
	int start = rl_point, below = rl_point, end;

	while (start > 0 && rl_line_buffer[start - 1] != '\n')
		start--;
	while (below < rl_end && rl_line_buffer[below] != '\n')
		below++;
	if (below == rl_end)
		return rl_get_next_history(count, key);
	end = ++below;
	while (end < rl_end && rl_line_buffer[end] != '\n')
		end++;
	go_to_column(below, end, column_from(start));
	return 0;
}

/* Only where the person's inputrc left readline's own meaning. */
static void rebind(const char *sequence, rl_command_func_t *from,
                   rl_command_func_t *to)
{
	Keymap maps[] = { rl_get_keymap_by_name("emacs"),
		          rl_get_keymap_by_name("vi-insert") };

	for (size_t i = 0; i < 2; i++)
		if (rl_function_of_keyseq(sequence, maps[i], NULL) == from)
			rl_bind_keyseq_in_map(sequence, to, maps[i]);
}

/* Whatever keys it has, an inputrc's too. */
static void rebind_all(rl_command_func_t *from, rl_command_func_t *to)
{
	Keymap maps[] = { rl_get_keymap_by_name("emacs"),
		          rl_get_keymap_by_name("vi-insert") };

	for (size_t i = 0; i < 2; i++) {
		char **keys = rl_invoking_keyseqs_in_map(from, maps[i]);

		for (size_t k = 0; keys && keys[k]; k++) {
			rl_bind_keyseq_in_map(keys[k], to, maps[i]);
			free(keys[k]);
		}
		free(keys);
	}
}

static void bind_keys(void)
{
	rebind("\033[A", rl_get_previous_history, line_above);
	rebind("\033OA", rl_get_previous_history, line_above);
	rebind("\033[B", rl_get_next_history, line_below);
	rebind("\033OB", rl_get_next_history, line_below);
	rebind_all(rl_quoted_insert, quote_next);
	rl_bind_keyseq_in_map("\030\005", on_edit,
	                      rl_get_keymap_by_name("emacs"));
}

/* ---- completion ---- */

static void forget_matches(void)
{
	for (size_t i = 0; i < n_matches; i++)
		free(matches[i]);
	free(matches);
	matches = NULL;
	n_matches = 0;
}

static size_t common_prefix(char **list)
{
	size_t n = strlen(list[0]);

	for (size_t i = 1; list[i]; i++) {
		size_t k = 0;

		while (k < n && list[i][k] == list[0][k])
			k++;
		n = k;
	}
	/* Not in the middle of a character. */
	while (n && (list[0][n] & 0xC0) == 0x80)
		n--;
	return n;
}

/* Readline wants what all have in common in front of the list. */
static char **with_prefix(char **list)
{
	size_t n = 0;

	while (list[n])
		n++;
	if (n == 1)
		return list;
	list = mem_realloc(list, n + 2, sizeof *list);
	memmove(list + 1, list, (n + 1) * sizeof *list);
	list[0] = mem_dup(list[1], common_prefix(list + 1));
	return list;
}

static char **complete(const char *text, int start, int end)
{
	char append = ' ';
	char **found;

	(void)text;
	found = hooks.complete(hooks.arg, rl_line_buffer, start, end, &append);
	rl_attempted_completion_over = append != '/';
	if (append != '/')
		rl_completion_append_character = append;
	return found ? with_prefix(found) : NULL;
}

/* list[0] is what they have in common. */
static void show_matches(char **list, int n, int longest)
{
	(void)longest;
	forget_matches();
	matches = mem_zalloc((size_t)n, sizeof *matches);
	for (int i = 0; i < n; i++)
		matches[n_matches++] = mem_strdup(list[i + 1]);
}

/* ---- history: one entry a line, \ and newline escaped ---- */

static void escape(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			strbuf_add_str(out, "\\n");
		else if (*text == '\\')
			strbuf_add_str(out, "\\\\");
		else
			strbuf_add_char(out, *text);
	}
}

static void unescape(struct strbuf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len)
			strbuf_add_char(out, text[++i] == 'n' ? '\n' : text[i]);
		else if (text[i])
			strbuf_add_char(out, text[i]);
	}
}

static size_t count_lines(const struct strbuf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->bytes[i] == '\n';
	return n;
}

static void read_history_lines(const struct strbuf *text)
{
	size_t skip = count_lines(text), pos = 0;

	skip = skip > HISTORY_LINES ? skip - HISTORY_LINES : 0;
	while (pos < text->len) {
		const char *line = text->bytes + pos;
		const char *end = memchr(line, '\n', text->len - pos);
		size_t len = end ? (size_t)(end - line) : text->len - pos;
		struct strbuf entry = STRBUF_INIT;

		pos += len + 1;
		if (skip && skip--)
			continue;
		unescape(&entry, line, len);
		if (entry.len)
			add_history(entry.bytes);
		strbuf_free(&entry);
	}
}

/* A file that grew to twice its length is written anew with its last lines. */
static void shorten_file(const struct strbuf *text)
{
	size_t skip = count_lines(text);
	const char *from = text->bytes, *end = from + text->len;

	if (skip <= 2 * HISTORY_LINES)
		return;
	/* There may be 0 bytes in it: a system that crashed leaves such. */
	for (skip -= HISTORY_LINES; skip; skip--)
		from = (const char *)memchr(from, '\n', (size_t)(end - from)) +
		       1;
	file_write(history_path, from, (size_t)(end - from), NULL);
}

static void load_history(void)
{
	struct strbuf text = STRBUF_INIT;

	if (history_path && file_exists(history_path) &&
	    !file_read(&text, history_path, HISTORY_BYTES, NULL)) {
		read_history_lines(&text);
		shorten_file(&text);
	}
	using_history(); /* one stands behind the last entry */
	strbuf_free(&text);
}

/* Appended in one write, so that several programs may share the file. */
static void append_to_file(const char *text)
{
	struct strbuf line = STRBUF_INIT;
	int fd;

	escape(&line, text);
	strbuf_add_char(&line, '\n');
	fd = open(history_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		fchmod(fd, 0600);
		if (write(fd, line.bytes, line.len) < 0) {
			/* A history that is not kept is no reason to stop. */
		}
		close(fd);
	}
	strbuf_free(&line);
}

void line_editor_remember(const char *text)
{
	HIST_ENTRY *last = history_length ?
	                           history_get(history_base + history_length - 1) :
	                           NULL;

	if (!*text || (last && !strcmp(last->line, text)))
		return;
	add_history(text);
	if (history_path)
		append_to_file(text);
}

/* ---- our side ---- */

static void configure(void)
{
	rl_readline_name = "confab";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0;
	rl_instream = nowhere;
	rl_outstream = nowhere;
	rl_getc_function = get_key;
	rl_input_available_hook = key_waits;
	rl_redisplay_function = draw_nothing;
	rl_prep_term_function = prepare_nothing;
	rl_deprep_term_function = draw_nothing;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = show_matches;
	rl_completion_query_items = -1;
	rl_completer_word_break_characters = " \n";
	rl_variable_bind("show-all-if-ambiguous", "on");
	rl_variable_bind("bell-style", "none");
}

int line_editor_open(const struct line_editor_hooks *given, const char *history,
                     struct error *err)
{
	nowhere = fopen("/dev/null", "r+");
	if (!nowhere)
		return error_set(err, "/dev/null: %s", strerror(errno));
	hooks = *given;
	history_path = history ? mem_strdup(history) : NULL;
	configure();
	rl_callback_handler_install("", on_line);
	bind_keys();
	load_history();
	return 0;
}

void line_editor_close(void)
{
	if (!nowhere)
		return;
	rl_callback_handler_remove();
	clear_history();
	forget_matches();
	strbuf_free(&queue);
	queue_pos = 0;
	free(history_path);
	history_path = NULL;
	fclose(nowhere);
	nowhere = NULL;
}

/* What the accept hook wished to stand in the line. */
static void take_next_text(void)
{
	char *text = next_text;

	if (!text)
		return;
	next_text = NULL;
	line_editor_set(text);
	free(text);
}

void line_editor_feed(const char *bytes, size_t len)
{
	forget_matches();
	strbuf_add(&queue, bytes, len);
	while (queue_pos < queue.len) {
		bool quoted = quoting;

		rl_callback_read_char();
		if (quoted)
			quoting = false;
		take_next_text();
	}
	strbuf_clear(&queue);
	queue_pos = 0;
}

bool line_editor_knows(const char *sequence, size_t len)
{
	struct strbuf whole = STRBUF_INIT;
	bool known;

	if (RL_ISSTATE(RL_STATE_MULTIKEY)) /* after Ctrl-X, say */
		strbuf_add(&whole, rl_executing_keyseq,
		           (size_t)rl_key_sequence_length);
	strbuf_add(&whole, sequence, len);
	known = rl_function_of_keyseq_len(whole.bytes, whole.len, NULL, NULL);
	strbuf_free(&whole);
	return known;
}

void line_editor_insert(const char *text, size_t len)
{
	char *copy = mem_dup(text, len);

	forget_matches();
	rl_begin_undo_group();
	rl_insert_text(copy);
	rl_end_undo_group();
	free(copy);
}

void line_editor_set(const char *text)
{
	/* Readline empties the line when its handler returns. */
	if (accepting) {
		free(next_text);
		next_text = mem_strdup(text);
		return;
	}
	forget_matches();
	rl_replace_line(text, 1);
	rl_point = rl_end;
}

void line_editor_complete(void)
{
	rl_complete_internal(rl_completion_mode(rl_complete));
}

bool line_editor_close_list(void)
{
	bool open = n_matches > 0;

	forget_matches();
	return open;
}

void line_editor_escape(void)
{
	if (RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH))
		line_editor_feed("\007", 1);
	else if (rl_editing_mode == 0)
		rl_vi_movement_mode(1, '\033');
}

bool line_editor_quotes(void)
{
	return quoting;
}

bool line_editor_busy(void)
{
	return quoting || RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH |
	                             RL_STATE_MULTIKEY | RL_STATE_METANEXT |
	                             RL_STATE_NUMERICARG | RL_STATE_VIMOTION |
	                             RL_STATE_CHARSEARCH);
}

const char *line_editor_text(size_t *len, size_t *point)
{
	if (len)
		*len = (size_t)rl_end;
	if (point)
		*point = (size_t)rl_point;
	return rl_line_buffer;
}

void line_editor_view(struct input_view *view)
{
	*view = (struct input_view){ .prompt = " > " };
	view->text = line_editor_text(&view->len, &view->point);
	view->matches = (const char *const *)matches;
	view->n_matches = n_matches;
	if (RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH |
	               RL_STATE_NUMERICARG) &&
	    rl_display_prompt && *rl_display_prompt)
		view->prompt = rl_display_prompt;
	else if (rl_editing_mode == 0 &&
	         rl_get_keymap() == rl_get_keymap_by_name("vi-move"))
		view->prompt = " : ";
}
