/*
 * screen.h - canvases to the terminal; the one door to curses
 *
 * Curses only writes here: keys are read elsewhere (keys.h).  A canvas is
 * compared with the one before, and only rows that differ are given to curses,
 * which sends only cells that differ.
 */
#ifndef CONFAB_SCREEN_H
#define CONFAB_SCREEN_H

#include <stdbool.h>

#include "ui/screen/theme.h"

struct canvas;
struct error;

/* Starts curses on standard output.  -1: this terminal cannot do it. */
int screen_open(enum theme_kind theme, struct error *err);
void screen_close(void); /* safe when it is not open */

/* What undoes screen_open() at a sudden death, as bytes. */
const char *screen_restore_sequences(void);

/* The terminal's size now; tells curses when it changed. */
void screen_size(int *rows, int *cols);

void screen_present(const struct canvas *canvas);

/* The next screen_present() sends every cell. */
void screen_redraw(void);

/* To the shell and back: the main screen, no paste and mouse modes. */
void screen_leave(void);
void screen_return(void);

void screen_set_theme(enum theme_kind theme);
void screen_set_mouse(bool on);
void screen_bell(void);

/* Sends a control sequence of our own making (OSC 52, OSC 9). */
void screen_send(const char *bytes, int len);

#endif
