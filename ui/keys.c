#include "ui/keys.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

#define ESCAPE_MS 50   /* a terminal sends a sequence in one go */
#define PASTE_MS  1000 /* a paste stalled: what has come is shown */

#define LONGEST_SEQUENCE 31

static const char paste_begin[] = "\033[200~";
static const char paste_end[] = "\033[201~";

void keys_free(struct keys *k)
{
	strbuf_free(&k->in);
	strbuf_free(&k->paste);
	*k = (struct keys)KEYS_INIT;
}

void keys_feed(struct keys *k, const char *bytes, size_t len)
{
	k->alone = len == 1 && !k->in.len;
	strbuf_add(&k->in, bytes, len);
}

/* Bytes at the end of what waits that may begin the end of a paste. */
static size_t begun_end(const struct keys *k)
{
	size_t n = sizeof paste_end - 2;

	if (n > k->in.len)
		n = k->in.len;
	while (n && memcmp(k->in.bytes + k->in.len - n, paste_end, n))
		n--;
	return n;
}

/* Esc or Ctrl-C by itself: someone whose terminal lost the end of a paste. */
static bool is_way_out(const struct keys *k)
{
	return k->alone && k->in.len == 1 &&
	       (k->in.bytes[0] == 0x1B || k->in.bytes[0] == 'C' - '@');
}

int keys_timeout(const struct keys *k)
{
	if (!k->in.len)
		return -1;
	if (k->pasting && !is_way_out(k) && begun_end(k) == k->in.len)
		return -1;
	return k->pasting ? PASTE_MS : ESCAPE_MS;
}

static int take(struct keys *k, struct key *key, size_t len,
                enum key_type type)
{
	key->type = type;
	key->len = len < sizeof key->bytes ? len : sizeof key->bytes;
	memcpy(key->bytes, k->in.bytes, key->len);
	strbuf_remove(&k->in, 0, len);
	return 1;
}

static int take_named(struct keys *k, struct key *key, size_t len,
                      const char *modifiers, const char *name)
{
	snprintf(key->name, sizeof key->name, "%s%s", modifiers, name);
	return take(k, key, len, KEY_NAMED);
}

/* ---- paste ---- */

static void add_pasted(struct strbuf *paste, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];

		if (c == '\r') {
			/* Terminals send newlines as CR; files bring CR LF. */
			strbuf_add_char(paste, '\n');
			if (i + 1 < len && bytes[i + 1] == '\n')
				i++;
		} else if (c) {
			strbuf_add_char(paste, c);
		}
	}
}

static int take_paste(struct keys *k, struct key *key, size_t len, size_t skip)
{
	strbuf_clear(&k->paste);
	add_pasted(&k->paste, k->in.bytes, len);
	strbuf_remove(&k->in, 0, len + skip);
	k->paste_searched = 0;
	key->type = KEY_PASTE;
	return 1;
}

static int next_paste(struct keys *k, struct key *key, bool late)
{
	const size_t end_len = sizeof paste_end - 1;
	const char *end = memmem(k->in.bytes + k->paste_searched,
	                         k->in.len - k->paste_searched, paste_end,
	                         end_len);

	if (end || (late && is_way_out(k)))
		k->pasting = false;
	if (end)
		return take_paste(k, key, (size_t)(end - k->in.bytes), end_len);
	if (!k->pasting)
		return keys_next(k, key, late);
	/* Newlines of the rest are no Enter either. */
	if (late && k->in.len > begun_end(k))
		return take_paste(k, key, k->in.len - begun_end(k), 0);
	if (k->in.len > end_len)
		k->paste_searched = k->in.len - end_len;
	return 0;
}

/* ---- sequences ---- */

/* xterm's modifier parameter: 1 + shift + 2 alt + 4 control. */
static const char *modifier_names(int parameter)
{
	static const char *const names[] = {
		"",      "Shift-",      "Alt-",      "Alt-Shift-",
		"Ctrl-", "Ctrl-Shift-", "Ctrl-Alt-", "Ctrl-Alt-Shift-"
	};

	return parameter >= 1 && parameter <= 8 ? names[parameter - 1] : "";
}

static const char *tilde_key(int number)
{
	static const struct {
		int number;
		const char *name;
	} table[] = {
		{ 1, "Home" },  { 2, "Insert" }, { 3, "Delete" }, { 4, "End" },
		{ 5, "PgUp" },  { 6, "PgDn" },   { 7, "Home" },   { 8, "End" },
		{ 11, "F1" },   { 12, "F2" },    { 13, "F3" },    { 14, "F4" },
		{ 15, "F5" },   { 17, "F6" },    { 18, "F7" },    { 19, "F8" },
		{ 20, "F9" },   { 21, "F10" },   { 23, "F11" },   { 24, "F12" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].number == number)
			return table[i].name;
	return NULL;
}

static const char *letter_key(char letter)
{
	switch (letter) {
	case 'A':
		return "Up";
	case 'B':
		return "Down";
	case 'C':
		return "Right";
	case 'D':
		return "Left";
	case 'F':
		return "End";
	case 'H':
		return "Home";
	case 'P':
		return "F1";
	case 'Q':
		return "F2";
	case 'R':
		return "F3";
	case 'S':
		return "F4";
	case 'M':
		return "Enter"; /* the keypad's */
	case 'Z':
		return "Tab";
	default:
		return NULL;
	}
}

/* Parses "<number;number;..." up to the final byte; -1 where there is none. */
static void parameters(const char *p, int values[3])
{
	for (int i = 0; i < 3; i++) {
		values[i] = -1;
		if (*p >= '0' && *p <= '9') {
			char *end;
			long value = strtol(p, &end, 10);

			values[i] = value < INT_MAX ? (int)value : INT_MAX;
			p = end;
		}
		if (*p != ';')
			break;
		p++;
	}
}

static int mouse(struct keys *k, struct key *key, size_t len)
{
	int values[3] = { -1, -1, -1 };

	parameters(k->in.bytes + 3, values);
	key->button = values[0];
	key->col = values[1] - 1;
	key->row = values[2] - 1;
	key->released = k->in.bytes[len - 1] == 'm';
	return take(k, key, len, values[2] > 0 ? KEY_MOUSE : KEY_UNKNOWN);
}

/* ESC [ ... final, len bytes in all. */
static int csi(struct keys *k, struct key *key, size_t len)
{
	char final = k->in.bytes[len - 1];
	int values[3] = { -1, -1, -1 };
	const char *name;

	if (k->in.bytes[2] == '<' && (final == 'M' || final == 'm'))
		return mouse(k, key, len);
	if (len == 3 && (final == 'I' || final == 'O')) {
		key->button = final == 'I';
		return take(k, key, len, KEY_FOCUS);
	}
	parameters(k->in.bytes + 2, values);
	name = final == '~' ? tilde_key(values[0]) : letter_key(final);
	if (!name)
		return take(k, key, len, KEY_UNKNOWN);
	if (final == 'Z')
		return take_named(k, key, len, "Shift-", name);
	return take_named(k, key, len, modifier_names(values[1]), name);
}

/* The Linux console: ESC [ [ A is F1. */
static int linux_function(struct keys *k, struct key *key)
{
	char name[4] = { 'F', 0 };

	if (k->in.bytes[3] < 'A' || k->in.bytes[3] > 'E')
		return take(k, key, 4, KEY_UNKNOWN);
	name[1] = (char)(k->in.bytes[3] - 'A' + '1');
	return take_named(k, key, 4, "", name);
}

static int next_csi(struct keys *k, struct key *key, bool late)
{
	size_t i = 2;

	if (k->in.len >= 4 && k->in.bytes[2] == '[')
		return linux_function(k, key);
	while (i < k->in.len && k->in.bytes[i] >= 0x20 && k->in.bytes[i] < 0x40 &&
	       i < LONGEST_SEQUENCE)
		i++;
	if (i == k->in.len || (i == 2 && k->in.bytes[2] == '['))
		return late ? take(k, key, k->in.len, KEY_UNKNOWN) : 0;
	if (k->in.bytes[i] < 0x40 || k->in.bytes[i] > 0x7E)
		return take(k, key, i, KEY_UNKNOWN);
	if (i + 1 == sizeof paste_begin - 1 &&
	    !memcmp(k->in.bytes, paste_begin, i + 1)) {
		strbuf_remove(&k->in, 0, i + 1);
		k->pasting = true;
		k->paste_searched = 0;
		return next_paste(k, key, false);
	}
	return csi(k, key, i + 1);
}

/* OSC and DCS come as answers only: dropped up to BEL or ST. */
static int skip_string(struct keys *k, struct key *key, bool late)
{
	for (size_t i = 2; i < k->in.len; i++) {
		if (k->in.bytes[i] == '\a')
			return take(k, key, i + 1, KEY_UNKNOWN);
		if (k->in.bytes[i] == '\\' && k->in.bytes[i - 1] == '\033')
			return take(k, key, i + 1, KEY_UNKNOWN);
	}
	if (late && k->in.len == 2) /* no answer begins so slowly */
		return take_named(k, key, 2, "Alt-",
		                  (char[2]){ k->in.bytes[1], '\0' });
	return late ? take(k, key, k->in.len, KEY_UNKNOWN) : 0;
}

/* ---- single bytes ---- */

static int next_control(struct keys *k, struct key *key, size_t at,
                        const char *modifiers)
{
	unsigned char c = (unsigned char)k->in.bytes[at];
	char name[8] = "Ctrl-@";

	switch (c) {
	case '\r':
		return take_named(k, key, at + 1, modifiers, "Enter");
	case '\t':
		return take_named(k, key, at + 1, modifiers, "Tab");
	case 0x1B:
		return take_named(k, key, at + 1, modifiers, "Esc");
	case 0x7F:
		return take_named(k, key, at + 1, modifiers, "Backspace");
	default:
		name[5] = (char)(c + '@');
		return take_named(k, key, at + 1, modifiers, name);
	}
}

static int next_text(struct keys *k, struct key *key, bool late)
{
	uint32_t c;
	size_t n;

	if (!late && !utf8_complete(k->in.bytes, k->in.len < 4 ? k->in.len : 4))
		return 0;
	n = (size_t)utf8_decode(k->in.bytes, k->in.len, &c);
	if (c == 0xFFFD && n != 3)
		return take(k, key, n, KEY_UNKNOWN); /* ill-formed */
	snprintf(key->name, sizeof key->name, "%.*s", (int)n, k->in.bytes);
	return take(k, key, n, KEY_TEXT);
}

/* Alt and a letter that no key is named after. */
static int next_alt_text(struct keys *k, struct key *key, bool late)
{
	const char *text = k->in.bytes + 1;
	size_t len = k->in.len - 1;
	uint32_t c;

	if (!late && !utf8_complete(text, len < 4 ? len : 4))
		return 0;
	return take(k, key, 1 + (size_t)utf8_decode(text, len, &c),
	            KEY_UNKNOWN);
}

static int next_escape(struct keys *k, struct key *key, bool late)
{
	char c;

	if (k->in.len == 1)
		return late ? take_named(k, key, 1, "", "Esc") : 0;
	c = k->in.bytes[1];
	if (c == '[')
		return k->in.len == 2 && late ?
		               take_named(k, key, 2, "Alt-", "[") :
		               next_csi(k, key, late);
	if (c == ']' || c == 'P')
		return skip_string(k, key, late);
	if (c == 'O' && k->in.len >= 3) {
		const char *name = letter_key(k->in.bytes[2]);

		return name ? take_named(k, key, 3, "", name) :
		              take(k, key, 3, KEY_UNKNOWN);
	}
	if (c == 'O' && !late)
		return 0;
	if (c != 0x1B && ((unsigned char)c < 0x20 || c == 0x7F))
		return next_control(k, key, 1, "Alt-");
	if (c & 0x80)
		return next_alt_text(k, key, late);
	if (c == 0x1B) /* Esc, and then a key of its own */
		return take_named(k, key, 1, "", "Esc");
	return take_named(k, key, 2, "Alt-", (char[2]){ c, '\0' });
}

int keys_next(struct keys *k, struct key *key, bool late)
{
	unsigned char c;

	memset(key, 0, sizeof *key);
	if (k->pasting)
		return next_paste(k, key, late);
	if (!k->in.len)
		return 0;
	c = (unsigned char)k->in.bytes[0];
	if (c == 0x1B)
		return next_escape(k, key, late);
	if (c < 0x20 || c == 0x7F)
		return next_control(k, key, 0, "");
	return next_text(k, key, late);
}
