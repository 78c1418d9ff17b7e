#include "ui/screen/screen.h"

#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "ui/cells/canvas.h"

/* Last, because it makes macros of short words. */
#include <term.h>
#undef columns
#undef lines

/* Bracketed paste, reports of the focus; mouse buttons with SGR places. */
#define MODES_ON  "\033[?2004h\033[?1004h"
#define MODES_OFF "\033[?2004l\033[?1004l"
#define MOUSE_ON  "\033[?1000h\033[?1006h"
#define MOUSE_OFF "\033[?1006l\033[?1000l"

static SCREEN *screen;
static struct canvas shown;   /* what the terminal holds */
static bool everything;       /* it may hold something else */
static bool mouse;
static char restore[512];

/* A terminal that says COLORTERM=truecolor has a twin in terminfo that knows
 * how to say it, if the package ncurses-term is installed. */
static const char *terminal_type(void)
{
	static char direct[64];
	const char *type = getenv("TERM"), *depth = getenv("COLORTERM");
	size_t stem = type ? strcspn(type, "-") : 0;
	int status = 0;

	if (!type || !depth ||
	    (strcmp(depth, "truecolor") && strcmp(depth, "24bit")) ||
	    stem > sizeof direct - 8)
		return type;
	snprintf(direct, sizeof direct, "%.*s-direct", (int)stem, type);
	if (setupterm(direct, STDOUT_FILENO, &status) == OK)
		del_curterm(cur_term);
	return status == 1 ? direct : type;
}

static void add_capability(const char *name)
{
	const char *bytes = tigetstr(name);
	size_t used = strlen(restore);

	if (!bytes || bytes == (char *)-1 ||
	    used + strlen(bytes) >= sizeof restore)
		return;
	/* Padding "$<5>" has no meaning when written as it is. */
	while (*bytes) {
		if (bytes[0] == '$' && bytes[1] == '<' && strchr(bytes, '>'))
			bytes = strchr(bytes, '>') + 1;
		else
			restore[used++] = *bytes++;
	}
	restore[used] = '\0';
}

static void make_restore(void)
{
	snprintf(restore, sizeof restore, "%s", MOUSE_OFF MODES_OFF);
	add_capability("sgr0");
	add_capability("op");
	add_capability("cnorm");
	add_capability("rmcup");
}

const char *screen_restore_sequences(void)
{
	return restore;
}

void screen_send(const char *bytes, int len)
{
	fflush(stdout);
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, (size_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		bytes += n;
		len -= (int)n;
	}
}

static void modes_on(void)
{
	screen_send(MODES_ON, (int)strlen(MODES_ON));
	if (mouse)
		screen_send(MOUSE_ON, (int)strlen(MOUSE_ON));
}

static void modes_off(void)
{
	if (mouse)
		screen_send(MOUSE_OFF, (int)strlen(MOUSE_OFF));
	screen_send(MODES_OFF, (int)strlen(MODES_OFF));
}

int screen_open(enum theme_kind theme, struct error *err)
{
	const char *type = terminal_type();

	screen = newterm(type, stdout, stdin);
	if (!screen)
		return error_set(err, "terminal type \"%s\" is not known",
		                 type ? type : "");
	make_restore();
	raw();
	noecho();
	nonl();
	typeahead(-1);
	leaveok(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	if (has_colors()) {
		start_color();
		use_default_colors();
	}
	theme_start(theme);
	everything = true;
	modes_on();
	return 0;
}

void screen_close(void)
{
	if (!screen)
		return;
	modes_off();
	endwin();
	delscreen(screen);
	screen = NULL;
	canvas_free(&shown);
}

void screen_leave(void)
{
	modes_off();
	endwin();
}

void screen_return(void)
{
	reset_prog_mode();
	refresh();
	modes_on();
	screen_redraw();
}

void screen_size(int *rows, int *cols)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row &&
	    size.ws_col && (size.ws_row != LINES || size.ws_col != COLS)) {
		resizeterm(size.ws_row, size.ws_col);
		screen_redraw();
	}
	*rows = LINES;
	*cols = COLS;
}

void screen_redraw(void)
{
	everything = true;
}

void screen_set_theme(enum theme_kind theme)
{
	theme_start(theme);
	screen_redraw();
}

void screen_set_mouse(bool on)
{
	if (mouse == on)
		return;
	mouse = on;
	if (screen)
		screen_send(on ? MOUSE_ON : MOUSE_OFF,
		            (int)strlen(on ? MOUSE_ON : MOUSE_OFF));
}

void screen_bell(void)
{
	beep();
}

/* setcchar() refuses emoji joined to one, because their parts have columns of
 * their own: it gets the first code point, the others are put in behind it. */
static void make_cchar(cchar_t *out, const struct cell *cell)
{
	wchar_t text[CCHARW_MAX + 1] = { 0 }, base[2] = { 0 };
	struct theme_look look = theme_look(cell->style);
	int n = 0, pair = look.pair;

	for (size_t pos = 0; pos < cell->len && n < CCHARW_MAX;) {
		uint32_t c;

		pos += (size_t)utf8_decode(cell->bytes + pos, cell->len - pos,
		                           &c);
		text[n++] = (wchar_t)c;
	}
	base[0] = text[0];
	setcchar(out, base, look.attrs, 0, &pair);
	for (int i = 1; i < n; i++)
		out->chars[i] = text[i];
}

static void present_cells(const struct canvas *canvas, int row, int col,
                          int end)
{
	for (; col < end; col++) {
		const struct cell *cell = canvas_at(canvas, row, col);
		cchar_t c;

		if (!cell->columns)
			continue;
		make_cchar(&c, cell);
		mvadd_wchnstr(row, col, &c, 1);
	}
}

static bool is_shown(const struct canvas *canvas, int row, int col)
{
	return !memcmp(canvas_at(canvas, row, col), canvas_at(&shown, row, col),
	               sizeof(struct cell));
}

/* What differs from the row that is shown.  A wide cell, now or before, is
 * written whole. */
static void present_changes(const struct canvas *canvas, int row)
{
	int col = 0, end = canvas->cols;

	if (!memcmp(canvas_at(canvas, row, 0), canvas_at(&shown, row, 0),
	            (size_t)end * sizeof(struct cell)))
		return;
	while (col < end && is_shown(canvas, row, col))
		col++;
	while (end > col && is_shown(canvas, row, end - 1))
		end--;
	while (col > 0 && col < end &&
	       (!canvas_at(canvas, row, col)->columns ||
	        !canvas_at(&shown, row, col)->columns))
		col--;
	while (end > col && end < canvas->cols &&
	       (!canvas_at(canvas, row, end)->columns ||
	        !canvas_at(&shown, row, end)->columns))
		end++;
	present_cells(canvas, row, col, end);
}

static bool same_size(const struct canvas *a, const struct canvas *b)
{
	return a->rows == b->rows && a->cols == b->cols;
}

static void remember(const struct canvas *canvas)
{
	if (!same_size(&shown, canvas)) {
		canvas_free(&shown);
		canvas_init(&shown, canvas->rows, canvas->cols);
	}
	memcpy(shown.cells, canvas->cells,
	       (size_t)canvas->rows * (size_t)canvas->cols *
	               sizeof *canvas->cells);
}

void screen_present(const struct canvas *canvas)
{
	bool all = everything || !same_size(&shown, canvas);

	if (all)
		clearok(stdscr, TRUE);
	for (int row = 0; row < canvas->rows && row < LINES; row++)
		if (all)
			present_cells(canvas, row, 0, canvas->cols);
		else
			present_changes(canvas, row);
	if (canvas->cursor_row >= 0) {
		move(canvas->cursor_row, canvas->cursor_col);
		curs_set(1);
	} else {
		/* Where it cannot be hidden (a vt100) it stands on a blank. */
		move(canvas->rows - 1, 0);
		curs_set(0);
	}
	refresh();
	remember(canvas);
	everything = false;
}
