/*
 * style.h - what a cell means; a theme decides how that looks
 *
 * Views never name a colour.  They say what a piece of text is, and the theme
 * turns role, attributes and heat into what the terminal can show.
 */
#ifndef CONFAB_STYLE_H
#define CONFAB_STYLE_H

#include <stdint.h>

enum style_role {
	STYLE_TEXT,
	STYLE_DIM,          /* timestamps, hints, rules */
	STYLE_HEADER,       /* the title line */
	STYLE_STATUS,       /* the last line */
	STYLE_KEY,          /* the name of a key in status line and help */
	STYLE_PROMPT,       /* the ">" of the input line */
	STYLE_USER,         /* "You" */
	STYLE_MODEL,        /* the model's name above a reply */
	STYLE_SYSTEM,
	STYLE_THINKING,
	STYLE_NOTICE,       /* what the program says about itself */
	STYLE_ERROR,
	STYLE_HEADING,
	STYLE_CODE,
	STYLE_CODE_LABEL,
	STYLE_CODE_KEYWORD,
	STYLE_CODE_STRING,
	STYLE_CODE_COMMENT,
	STYLE_CODE_NUMBER,
	STYLE_QUOTE,
	STYLE_LINK,
	STYLE_BULLET,
	STYLE_RULE,
	STYLE_MATCH,        /* a search hit */
	STYLE_MATCH_CURRENT,
	STYLE_SELECTED,     /* the token cursor, the chosen row of a list */
	STYLE_MARKED,       /* a selection to copy */
	STYLE_BAR,          /* raw probability, progress */
	STYLE_BAR_SAMPLED,  /* probability after the samplers */
	STYLE_CUT,          /* a candidate that a sampler removed */
	STYLE_ROLES
};

enum style_attr {
	STYLE_BOLD = 1,
	STYLE_ITALIC = 2,
	STYLE_UNDERLINE = 4,
	STYLE_REVERSE = 8,
	STYLE_STRIKE = 16   /* shown dim: few terminals strike through */
};

/* Heat: 0 is none, 1 calm .. STYLE_HEAT_LEVELS - 1 hot. */
#define STYLE_HEAT_LEVELS 6

struct style {
	uint8_t role;
	uint8_t attrs;
	uint8_t heat;
};

static inline struct style style(enum style_role role)
{
	return (struct style){ (uint8_t)role, 0, 0 };
}

#endif
