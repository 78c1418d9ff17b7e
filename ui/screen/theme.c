#include "ui/screen/theme.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>

/* A colour in the three depths: number of 16, number of 256, 0xRRGGBB. */
struct colour {
	short ansi, xterm;
	int rgb;
};

#define NONE                                                                  \
	{                                                                     \
		-1, -1, -1                                                    \
	}

struct look {
	struct colour fg, bg;
	unsigned char attrs; /* enum style_attr */
};

static const struct look dark[STYLE_ROLES] = {
	[STYLE_TEXT] = { NONE, NONE, 0 },
	[STYLE_DIM] = { { 8, 245, 0x8A8A8A }, NONE, 0 },
	[STYLE_HEADER] = { { 15, 255, 0xEEEEEE }, { 4, 236, 0x2B303B }, 0 },
	[STYLE_STATUS] = { { 7, 250, 0xBCBCBC }, { -1, 235, 0x22262E }, 0 },
	[STYLE_KEY] = { { 14, 117, 0x87D7FF }, { -1, 235, 0x22262E }, STYLE_BOLD },
	[STYLE_PROMPT] = { { 14, 117, 0x87D7FF }, NONE, STYLE_BOLD },
	[STYLE_USER] = { { 14, 117, 0x87D7FF }, NONE, STYLE_BOLD },
	[STYLE_MODEL] = { { 10, 114, 0x98C379 }, NONE, STYLE_BOLD },
	[STYLE_SYSTEM] = { { 13, 176, 0xC678DD }, NONE, STYLE_BOLD },
	[STYLE_THINKING] = { { 8, 246, 0x949494 }, NONE, STYLE_ITALIC },
	[STYLE_NOTICE] = { { 11, 222, 0xE5C07B }, NONE, 0 },
	[STYLE_ERROR] = { { 9, 203, 0xFF5F5F }, NONE, STYLE_BOLD },
	[STYLE_HEADING] = { { 11, 222, 0xE5C07B }, NONE, STYLE_BOLD },
	[STYLE_CODE] = { { -1, 252, 0xD0D0D0 }, { -1, 235, 0x22262E }, 0 },
	[STYLE_CODE_LABEL] = { { 8, 244, 0x808080 }, NONE, 0 },
	[STYLE_CODE_KEYWORD] = { { 13, 176, 0xC678DD }, { -1, 235, 0x22262E }, STYLE_BOLD },
	[STYLE_CODE_STRING] = { { 10, 114, 0x98C379 }, { -1, 235, 0x22262E }, 0 },
	[STYLE_CODE_COMMENT] = { { 8, 244, 0x808080 }, { -1, 235, 0x22262E }, STYLE_ITALIC },
	[STYLE_CODE_NUMBER] = { { 11, 180, 0xD19A66 }, { -1, 235, 0x22262E }, 0 },
	[STYLE_QUOTE] = { { 8, 245, 0x8A8A8A }, NONE, 0 },
	[STYLE_LINK] = { { 12, 75, 0x61AFEF }, NONE, 0 },
	[STYLE_BULLET] = { { 14, 117, 0x87D7FF }, NONE, 0 },
	[STYLE_RULE] = { { 8, 240, 0x585858 }, NONE, 0 },
	[STYLE_MATCH] = { { 0, 232, 0x080808 }, { 3, 178, 0xD7AF00 }, 0 },
	[STYLE_MATCH_CURRENT] = { { 0, 232, 0x080808 }, { 11, 227, 0xFFFF5F }, STYLE_BOLD },
	[STYLE_SELECTED] = { { 0, 232, 0x080808 }, { 14, 117, 0x87D7FF }, STYLE_BOLD },
	[STYLE_MARKED] = { { 15, 255, 0xEEEEEE }, { 4, 24, 0x005F87 }, 0 },
	[STYLE_BAR] = { { 12, 75, 0x61AFEF }, NONE, 0 },
	[STYLE_BAR_SAMPLED] = { { 10, 114, 0x98C379 }, NONE, 0 },
	[STYLE_CUT] = { { 8, 243, 0x767676 }, NONE, 0 },
};

static const struct look light[STYLE_ROLES] = {
	[STYLE_TEXT] = { NONE, NONE, 0 },
	[STYLE_DIM] = { { 8, 243, 0x6C6C6C }, NONE, 0 },
	[STYLE_HEADER] = { { 15, 255, 0xFFFFFF }, { 4, 25, 0x005FAF }, 0 },
	[STYLE_STATUS] = { { 0, 238, 0x444444 }, { 7, 254, 0xE4E4E4 }, 0 },
	[STYLE_KEY] = { { 4, 25, 0x005FAF }, { 7, 254, 0xE4E4E4 }, STYLE_BOLD },
	[STYLE_PROMPT] = { { 4, 25, 0x005FAF }, NONE, STYLE_BOLD },
	[STYLE_USER] = { { 4, 25, 0x005FAF }, NONE, STYLE_BOLD },
	[STYLE_MODEL] = { { 2, 28, 0x007000 }, NONE, STYLE_BOLD },
	[STYLE_SYSTEM] = { { 5, 90, 0x870087 }, NONE, STYLE_BOLD },
	[STYLE_THINKING] = { { 8, 242, 0x6C6C6C }, NONE, STYLE_ITALIC },
	[STYLE_NOTICE] = { { 5, 130, 0x8A4B00 }, NONE, 0 },
	[STYLE_ERROR] = { { 1, 160, 0xC00000 }, NONE, STYLE_BOLD },
	[STYLE_HEADING] = { { 4, 25, 0x005FAF }, NONE, STYLE_BOLD },
	[STYLE_CODE] = { { -1, 236, 0x303030 }, { -1, 255, 0xEEEEEE }, 0 },
	[STYLE_CODE_LABEL] = { { 8, 244, 0x767676 }, NONE, 0 },
	[STYLE_CODE_KEYWORD] = { { 5, 90, 0x870087 }, { -1, 255, 0xEEEEEE }, STYLE_BOLD },
	[STYLE_CODE_STRING] = { { 2, 28, 0x007000 }, { -1, 255, 0xEEEEEE }, 0 },
	[STYLE_CODE_COMMENT] = { { 8, 243, 0x767676 }, { -1, 255, 0xEEEEEE }, STYLE_ITALIC },
	[STYLE_CODE_NUMBER] = { { 1, 130, 0x8A4B00 }, { -1, 255, 0xEEEEEE }, 0 },
	[STYLE_QUOTE] = { { 8, 243, 0x6C6C6C }, NONE, 0 },
	[STYLE_LINK] = { { 4, 26, 0x005FD7 }, NONE, 0 },
	[STYLE_BULLET] = { { 4, 25, 0x005FAF }, NONE, 0 },
	[STYLE_RULE] = { { 8, 249, 0xB2B2B2 }, NONE, 0 },
	[STYLE_MATCH] = { { 0, 232, 0x080808 }, { 3, 221, 0xFFD75F }, 0 },
	[STYLE_MATCH_CURRENT] = { { 0, 232, 0x080808 }, { 11, 214, 0xFFAF00 }, STYLE_BOLD },
	[STYLE_SELECTED] = { { 15, 255, 0xFFFFFF }, { 4, 25, 0x005FAF }, STYLE_BOLD },
	[STYLE_MARKED] = { { 0, 232, 0x080808 }, { 6, 153, 0xAFD7FF }, 0 },
	[STYLE_BAR] = { { 4, 26, 0x005FD7 }, NONE, 0 },
	[STYLE_BAR_SAMPLED] = { { 2, 28, 0x007000 }, NONE, 0 },
	[STYLE_CUT] = { { 8, 245, 0x8A8A8A }, NONE, 0 },
};

/* Where colour speaks, an attribute speaks for it. */
static const unsigned char mono[STYLE_ROLES] = {
	[STYLE_HEADER] = STYLE_REVERSE,
	[STYLE_STATUS] = STYLE_REVERSE,
	[STYLE_KEY] = STYLE_REVERSE | STYLE_BOLD,
	[STYLE_PROMPT] = STYLE_BOLD,
	[STYLE_USER] = STYLE_BOLD,
	[STYLE_MODEL] = STYLE_BOLD,
	[STYLE_SYSTEM] = STYLE_BOLD,
	[STYLE_ERROR] = STYLE_BOLD,
	[STYLE_HEADING] = STYLE_BOLD,
	[STYLE_CODE_KEYWORD] = STYLE_BOLD,
	[STYLE_LINK] = STYLE_UNDERLINE,
	[STYLE_MATCH] = STYLE_UNDERLINE | STYLE_BOLD,
	[STYLE_MATCH_CURRENT] = STYLE_REVERSE | STYLE_BOLD,
	[STYLE_SELECTED] = STYLE_REVERSE,
	[STYLE_MARKED] = STYLE_REVERSE,
};

/* Calm to hot: the background behind the word, and its mark.  The calmest level
 * has none: most words are, and the eye is to find the others. */
static const struct colour dark_heat[STYLE_HEAT_LEVELS] = {
	NONE, NONE, { 6, 23, 0x0F4A4A }, { 3, 58, 0x5A4A00 },
	{ 5, 94, 0x7A3B00 }, { 1, 88, 0x8B0000 },
};
static const struct colour light_heat[STYLE_HEAT_LEVELS] = {
	NONE, NONE, { 6, 195, 0xD5F2F2 }, { 3, 229, 0xFFF3B0 },
	{ 5, 223, 0xFFD8A8 }, { 1, 217, 0xFFB3B3 },
};
static const unsigned char heat_marks[STYLE_HEAT_LEVELS] = {
	0, 0, 0, STYLE_UNDERLINE, STYLE_UNDERLINE | STYLE_BOLD,
	STYLE_UNDERLINE | STYLE_BOLD
};
static const unsigned char mono_heat[STYLE_HEAT_LEVELS] = {
	0, 0, STYLE_UNDERLINE, STYLE_BOLD | STYLE_UNDERLINE, STYLE_REVERSE,
	STYLE_REVERSE | STYLE_BOLD
};

static enum theme_kind kind;

/* The background is the last number: 7 and 9 to 15 are light. */
static bool background_is_light(void)
{
	const char *colours = getenv("COLORFGBG");
	const char *background = colours ? strrchr(colours, ';') : NULL;
	int number = background ? atoi(background + 1) : 0;

	return number == 7 || (number >= 9 && number <= 15);
}

static const char *const names[] = { "dark", "light", "mono" };

const char *theme_name(enum theme_kind theme)
{
	return names[theme];
}

int theme_named(const char *name)
{
	for (int i = THEME_DARK; i <= THEME_MONO; i++)
		if (!strcmp(name, names[i]))
			return i;
	if (!strcmp(name, "auto"))
		return background_is_light() ? THEME_LIGHT : THEME_DARK;
	return -1;
}

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return has_colors() && COLORS >= 8 && COLOR_PAIRS >= 64 &&
	       !(no_color && *no_color);
}

static int number_of(struct colour c)
{
	if (COLORS >= 1 << 24)
		return c.rgb;
	if (COLORS >= 256)
		return c.xterm;
	if (COLORS >= 16)
		return c.ansi;
	return c.ansi > 7 ? c.ansi - 8 : c.ansi;
}

/* Bright black is no colour of eight. */
static int foreground_of(struct colour c)
{
	return COLORS < 16 && c.ansi == 8 ? -1 : number_of(c);
}

static short heat_pair(int heat)
{
	return (short)(1 + STYLE_ROLES + heat);
}

void theme_start(enum theme_kind wanted)
{
	const struct look *looks = wanted == THEME_LIGHT ? light : dark;
	const struct colour *heats = wanted == THEME_LIGHT ? light_heat :
	                                                     dark_heat;

	kind = wants_colour() ? wanted : THEME_MONO;
	if (kind == THEME_MONO)
		return;
	for (int i = 0; i < STYLE_ROLES; i++)
		init_extended_pair(1 + i, foreground_of(looks[i].fg),
		                   number_of(looks[i].bg));
	for (int i = 1; i < STYLE_HEAT_LEVELS; i++)
		init_extended_pair(heat_pair(i),
		                   COLORS < 256 ? COLOR_WHITE : -1,
		                   number_of(heats[i]));
}

enum theme_kind theme_kind(void)
{
	return kind;
}

/* Emphasis is underlined where a terminal cannot lean its letters. */
static unsigned shown_attrs(unsigned attrs)
{
	if (attrs & STYLE_ITALIC && !(termattrs() & A_ITALIC))
		attrs |= STYLE_UNDERLINE;
	return attrs;
}

static unsigned curses_attrs(unsigned attrs)
{
	return (attrs & STYLE_BOLD ? A_BOLD : 0) |
	       (attrs & STYLE_ITALIC ? A_ITALIC : 0) |
	       (attrs & STYLE_UNDERLINE ? A_UNDERLINE : 0) |
	       (attrs & STYLE_REVERSE ? A_REVERSE : 0) |
	       (attrs & STYLE_STRIKE ? A_DIM : 0);
}

struct theme_look theme_look(struct style s)
{
	const struct look *looks = kind == THEME_LIGHT ? light : dark;
	struct theme_look look = { 0 };

	if (kind == THEME_MONO) {
		look.attrs = curses_attrs(shown_attrs(s.attrs) | mono[s.role] |
		                          mono_heat[s.heat]);
		return look;
	}
	look.attrs = curses_attrs(shown_attrs(s.attrs) | looks[s.role].attrs |
	                          heat_marks[s.heat]);
	look.pair = s.heat ? heat_pair(s.heat) : (short)(1 + s.role);
	return look;
}
