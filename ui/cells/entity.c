#include "ui/cells/entity.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

/* The entities that models write; others are shown as they stand. */
static const char *named(const char *text, size_t len)
{
	static const struct {
		const char *name, *text;
	} table[] = {
		{ "&amp;", "&" },    { "&lt;", "<" },    { "&gt;", ">" },
		{ "&quot;", "\"" },  { "&apos;", "'" },  { "&nbsp;", " " },
		{ "&copy;", "©" },   { "&reg;", "®" },   { "&deg;", "°" },
		{ "&hellip;", "…" }, { "&ndash;", "–" }, { "&mdash;", "—" },
		{ "&times;", "×" },  { "&rarr;", "→" },  { "&larr;", "←" },
		{ "&euro;", "€" },   { "&pound;", "£" }, { "&middot;", "·" },
		{ "&bull;", "•" },   { "&laquo;", "«" }, { "&raquo;", "»" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strlen(table[i].name) == len &&
		    !memcmp(table[i].name, text, len))
			return table[i].text;
	return NULL;
}

static uint32_t numeric(const char *text, size_t len)
{
	char digits[16] = { 0 };
	unsigned long c;
	bool hex;

	if (len < 4 || len > 12 || text[1] != '#')
		return 0;
	hex = text[2] == 'x' || text[2] == 'X';
	memcpy(digits, text + (hex ? 3 : 2), len - (hex ? 4 : 3));
	c = strtoul(digits, NULL, hex ? 16 : 10);
	return c && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF) ? (uint32_t)c
	                                                        : 0xFFFD;
}

size_t entity_text(char out[ENTITY_BYTES], const char *entity, size_t len)
{
	const char *text = named(entity, len);
	uint32_t c = text ? 0 : numeric(entity, len);

	if (text) {
		memcpy(out, text, strlen(text));
		return strlen(text);
	}
	return c ? (size_t)utf8_encode(c, out) : 0;
}
