/*
 * line_editor.h - the line that is typed; the one door to readline
 *
 * Readline for real: inputrc, kill ring, undo, vi mode, history search.  It
 * reads from a queue that line_editor_feed() fills and draws nothing: the text
 * is drawn by input_view.h.  Pastes do not go through its keys, so a newline
 * in one does not send and one undo takes all of it back.
 *
 * Readline has one state for the whole process, and so has this.
 */
#ifndef CONFAB_LINE_EDITOR_H
#define CONFAB_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct input_view;

struct line_editor_hooks {
	/* Enter: the text of the line. */
	void (*accept)(void *arg, const char *text);
	/* Ctrl-X Ctrl-E. */
	void (*edit)(void *arg);
	/* Completions of the word text[start..point); NULL-terminated, all of
	 * it malloc'd, not empty, or NULL.  *append: what to put after a sole
	 * match; 0: nothing; '/': complete names of files instead. */
	char **(*complete)(void *arg, const char *text, int start, int point,
	                   char *append);
	void *arg;
};

/* history: the file that lines are read from and added to; NULL: none. */
int line_editor_open(const struct line_editor_hooks *hooks, const char *history,
                     struct error *err);
void line_editor_close(void);

/* Hands keys to readline. */
void line_editor_feed(const char *bytes, size_t len);

/* Has readline, or an inputrc, a meaning for a key's escape sequence?  One that
 * has none must not be fed: readline would type the end of it. */
bool line_editor_knows(const char *sequence, size_t len);

/* Inserts text at the cursor, as one step of undo. */
void line_editor_insert(const char *text, size_t len);

/* Replaces the whole text. */
void line_editor_set(const char *text);

void line_editor_complete(void); /* as Tab does in readline */
/* Takes the list of completions away; false: there was none. */
bool line_editor_close_list(void);
/* A lone Esc: out of a search, into vi's command mode. */
void line_editor_escape(void);

/* A search through the history is going on, or a key of several is half typed. */
bool line_editor_busy(void);
bool line_editor_quotes(void); /* ... and whatever comes is typed as it is */

const char *line_editor_text(size_t *len, size_t *point);

/* Puts a line into the history and its file. */
void line_editor_remember(const char *text);

/* What there is to draw; borrowed until the next call of any of these. */
void line_editor_view(struct input_view *view);

#endif
