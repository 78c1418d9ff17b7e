#include "ui/cells/width.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

#include "base/utf8.h"

#define ZERO_WIDTH_JOINER 0x200D

/* Keeps a hostile "character" of a million accents from being one cluster. */
#define CLUSTER_MAX 256 /* bytes */

static bool is_variation_selector(uint32_t c)
{
	return c >= 0xFE00 && c <= 0xFE0F;
}

static bool is_skin_tone(uint32_t c)
{
	return c >= 0x1F3FB && c <= 0x1F3FF;
}

static bool is_pictograph(uint32_t c)
{
	return utf8proc_get_property((utf8proc_int32_t)c)->boundclass ==
	       UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

size_t cluster_length(const char *text, size_t len)
{
	uint32_t before, c;
	utf8proc_int32_t state = 0;
	size_t pos;

	/* Two ASCII bytes make one cluster only as CR LF. */
	if (len == 1 || (!((text[0] | text[1]) & 0x80) && text[0] != '\r'))
		return 1;
	pos = (size_t)utf8_decode(text, len, &before);
	while (pos < len && pos < CLUSTER_MAX) {
		int n = utf8_decode(text + pos, len - pos, &c);

		if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)before,
		                                     (utf8proc_int32_t)c,
		                                     &state))
			break;
		pos += (size_t)n;
		before = c;
	}
	return pos;
}

size_t cluster_before(const char *text, size_t pos)
{
	size_t start = pos - 1, next;

	/* Clusters are found forwards only: go back to a beginning that is
	 * certain (after a newline or between two ASCII bytes). */
	while (start > 0 && (text[start] & 0x80 || text[start - 1] & 0x80 ||
	                     text[start] == '\n'))
		start--;
	while ((next = start + cluster_length(text + start, pos - start)) < pos)
		start = next;
	return start;
}

/* Can what is left of the cluster be drawn in one piece?  Only emoji joined
 * with U+200D, behind a first one of two columns. */
static bool joins_whole(const char *bytes, size_t len)
{
	size_t pos = 0;
	int kept = 0;
	bool joiner = false;

	while (pos < len) {
		uint32_t c;

		pos += (size_t)utf8_decode(bytes + pos, len - pos, &c);
		if (is_variation_selector(c) || is_skin_tone(c))
			continue;
		if (c == ZERO_WIDTH_JOINER)
			joiner = true;
		else if (!is_pictograph(c) || (!kept && wcwidth((wint_t)c) != 2))
			return false;
		kept++;
	}
	return joiner && kept <= CELL_BYTES / 4;
}

static void piece_add(struct cell_piece *piece, uint32_t c)
{
	char utf8[4];
	int n = utf8_encode(c, utf8);

	/* Marks beyond the fourth are not drawn. */
	if (piece->len + n > CELL_BYTES)
		return;
	memcpy(piece->bytes + piece->len, utf8, (size_t)n);
	piece->len = (unsigned char)(piece->len + n);
}

/* Marks on the base: at most four, each of no columns. */
static size_t add_marks(const char *cluster, size_t len, size_t pos, bool whole,
                        struct cell_piece *piece)
{
	int marks = 0;

	while (pos < len) {
		uint32_t c;
		int n = utf8_decode(cluster + pos, len - pos, &c);
		bool silent = is_variation_selector(c) || is_skin_tone(c) ||
		              (c == ZERO_WIDTH_JOINER && !whole);

		if (!silent && !whole && wcwidth((wint_t)c) > 0)
			break;
		if (!silent && marks++ < CELL_BYTES / 4 - 1)
			piece_add(piece, c);
		pos += (size_t)n;
	}
	return pos;
}

int cell_piece_next(const char *cluster, size_t len, size_t *pos,
                    struct cell_piece *piece)
{
	bool whole;
	uint32_t c;
	int width;

	if (*pos >= len)
		return 0;
	whole = *pos == 0 && len > 4 && joins_whole(cluster, len);
	*pos += (size_t)utf8_decode(cluster + *pos, len - *pos, &c);
	width = wcwidth((wint_t)c);
	piece->len = 0;
	piece->columns = width == 2 ? 2 : 1;
	if (width <= 0) /* nothing to stand on, or not printable */
		piece_add(piece, width ? 0xFFFD : 0x25CC);
	if (width >= 0)
		piece_add(piece, c);
	*pos = add_marks(cluster, len, *pos, whole, piece);
	return 1;
}

int cell_width(const char *cluster, size_t len)
{
	struct cell_piece piece;
	size_t pos = 0;
	int columns = 0;

	if (len == 1)
		return 1;
	while (cell_piece_next(cluster, len, &pos, &piece))
		columns += piece.columns;
	return columns ? columns : 1;
}

int text_width(const char *text, size_t len)
{
	int columns = 0;

	for (size_t pos = 0, n; pos < len; pos += n) {
		n = cluster_length(text + pos, len - pos);
		columns += cell_width(text + pos, n);
	}
	return columns;
}

size_t text_fit(const char *text, size_t len, int max)
{
	size_t pos = 0;

	while (pos < len) {
		size_t n = cluster_length(text + pos, len - pos);

		max -= cell_width(text + pos, n);
		if (max < 0)
			break;
		pos += n;
	}
	return pos;
}
