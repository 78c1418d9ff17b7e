/*
 * theme.h - roles and heat into colours and attributes of curses
 *
 * dark, light: for a terminal of that background, in 16, 256 or direct colours
 * as the terminal has them.  mono: attributes only; taken when there are no
 * colours or NO_COLOR is set and not empty (https://no-color.org).  Nothing is
 * said by colour alone: heat underlines, sets bold and reverses, too.
 */
#ifndef CONFAB_THEME_H
#define CONFAB_THEME_H

#include <stdbool.h>

#include "ui/cells/style.h"

enum theme_kind { THEME_DARK, THEME_LIGHT, THEME_MONO };

/* "dark", "light", "mono" or "auto" (by COLORFGBG, else dark); -1: none. */
int theme_named(const char *name);
const char *theme_name(enum theme_kind kind);

/* Makes the colour pairs; after start_color(). */
void theme_start(enum theme_kind kind);
enum theme_kind theme_kind(void);

struct theme_look {
	unsigned attrs; /* attr_t without colours */
	short pair;
};
struct theme_look theme_look(struct style s);

#endif
