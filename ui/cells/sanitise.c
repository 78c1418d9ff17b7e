#include "ui/cells/sanitise.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "ui/cells/width.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

struct range {
	uint32_t first, last;
};

/*
 * What a reader cannot see, or what changes the order of what he sees:
 * Default_Ignorable_Code_Point of Unicode 15 (DerivedCoreProperties.txt), the
 * line and paragraph separators, the annotation and musical controls.
 */
static const struct range invisible[] = {
	{ 0x00AD, 0x00AD },   { 0x034F, 0x034F },   { 0x061C, 0x061C },
	{ 0x115F, 0x1160 },   { 0x17B4, 0x17B5 },   { 0x180B, 0x180F },
	{ 0x200B, 0x200F },   { 0x2028, 0x202F },   { 0x2060, 0x206F },
	{ 0x3164, 0x3164 },   { 0xFE00, 0xFE0F },   { 0xFEFF, 0xFEFF },
	{ 0xFFA0, 0xFFA0 },   { 0xFFF0, 0xFFFB },   { 0x1BCA0, 0x1BCA3 },
	{ 0x1D173, 0x1D17A }, { 0xE0000, 0xE0FFF },
};

static bool is_invisible(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_SIZE(invisible); i++)
		if (c >= invisible[i].first && c <= invisible[i].last)
			return true;
	return false;
}

static bool is_emoji_cluster(const char *cluster, size_t len)
{
	uint32_t c;
	int n = utf8_decode(cluster, len, &c);

	if (utf8proc_get_property((utf8proc_int32_t)c)->boundclass ==
	    UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC)
		return true;
	/* A keycap: digit, U+FE0F, U+20E3. */
	return len == (size_t)n + 6 && !memcmp(cluster + n, "\uFE0F\u20E3", 6);
}

static void add_code(struct strbuf *out, uint32_t c)
{
	strbuf_printf(out, "<U+%04X>", (unsigned)c);
}

static void add_control(struct strbuf *out, uint32_t c)
{
	char picture[4];

	strbuf_add(out, picture,
	           (size_t)utf8_encode(c == 0x7F ? 0x2421 : 0x2400 + c, picture));
}

/* False where the character was replaced by its name. */
static bool add_visible(struct strbuf *out, const char *bytes, int n, uint32_t c,
                        bool emoji, bool first)
{
	char utf8[4];
	int width = wcwidth((wint_t)c);

	if (c < 0x20 || c == 0x7F) {
		add_control(out, c);
	} else if (emoji && (c == 0x200D || c == 0xFE0E || c == 0xFE0F)) {
		strbuf_add(out, bytes, (size_t)n);
	} else if (width < 0 || is_invisible(c)) {
		add_code(out, c);
		return false;
	} else {
		if (first && width == 0)
			strbuf_add_str(out, "\u25CC");
		strbuf_add(out, utf8, (size_t)utf8_encode(c, utf8));
	}
	return true;
}

void sanitise_cluster(struct strbuf *out, const char *cluster, size_t len)
{
	bool emoji;

	if (len == 1 && cluster[0] >= ' ' && cluster[0] <= '~') {
		strbuf_add_char(out, cluster[0]);
		return;
	}
	emoji = is_emoji_cluster(cluster, len);
	for (size_t pos = 0; pos < len;) {
		uint32_t c;
		int n = utf8_decode(cluster + pos, len - pos, &c);

		/* Behind a name there is no emoji to be part of. */
		emoji &= add_visible(out, cluster + pos, n, c, emoji, pos == 0);
		pos += (size_t)n;
	}
}

void sanitise(struct strbuf *out, const char *text, size_t len)
{
	for (size_t pos = 0, n; pos < len; pos += n) {
		n = cluster_length(text + pos, len - pos);
		sanitise_cluster(out, text + pos, n);
	}
}
