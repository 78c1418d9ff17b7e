#include "text/byte_level.h"

#include "base/strbuf.h"
#include "base/utf8.h"

static bool stands_for_itself(uint32_t byte)
{
	return (byte >= 0x21 && byte <= 0x7e) ||
	       (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

/*
 * The 68 others: 0x00-0x20 become U+0100-U+0120, 0x7f-0xa0 become
 * U+0121-U+0142, 0xad becomes U+0143.
 */
uint32_t byte_level_character(unsigned char byte)
{
	if (stands_for_itself(byte))
		return byte;
	if (byte <= 0x20)
		return 0x100u + byte;
	if (byte <= 0xa0)
		return 0x121u + byte - 0x7f;
	return 0x143;
}

/* The byte a character stands for, or -1. */
static int byte_of(uint32_t character)
{
	if (character < 0x100)
		return stands_for_itself(character) ? (int)character : -1;
	if (character <= 0x120)
		return (int)(character - 0x100);
	if (character <= 0x142)
		return (int)(character - 0x121 + 0x7f);
	return character == 0x143 ? 0xad : -1;
}

bool byte_level_decode(struct strbuf *out, const char *token, size_t len)
{
	size_t before = out->len, pos = 0;
	uint32_t character;
	int byte;

	while (pos < len) {
		pos += (size_t)utf8_decode(token + pos, len - pos, &character);
		byte = byte_of(character);
		if (byte < 0) {
			strbuf_remove(out, before, out->len - before);
			return false;
		}
		strbuf_add_char(out, (char)byte);
	}
	return true;
}
