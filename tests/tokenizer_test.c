#include "tests/bundled.h"
#include "tests/support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"
#include "text/nfc.h"
#include "text/pretokenize.h"
#include "text/tokenizer.h"

/* The real Qwen3 tokenizer.json is 11 MB and stays outside the tree. */
#define QWEN3 "CONFAB_QWEN3_TOKENIZER"

static struct tokenizer *load(const char *path)
{
	struct error err = { "" };
	struct tokenizer *t = tokenizer_load_json(path, NULL, &err);

	if (!t)
		fail_msg("%s", err.text);
	return t;
}

/* NULL, and the test is skipped, where there is none. */
static struct tokenizer *qwen3(void)
{
	const char *path = getenv(QWEN3);

	if (path && *path)
		return load(path);
	print_message("# skipped: set " QWEN3 " to Qwen3's tokenizer.json\n");
	return NULL;
}

/* json.h refuses "\u0000"; the goldens have it once.  It becomes U+E123, which
 * they do not have, and back after parsing. */
static const char stand_in[] = "\xee\x84\xa3";

static void hide_zeros(char *line)
{
	for (char *at = line; (at = strstr(at, "\\u0000"));)
		memcpy(at, "\\ue123", 6);
}

static void show_zeros(struct strbuf *out, const char *string)
{
	const char *at;

	for (; (at = strstr(string, stand_in)); string = at + 3) {
		strbuf_add(out, string, (size_t)(at - string));
		strbuf_add_char(out, '\0');
	}
	strbuf_add_str(out, string);
}

static void assert_ids(const struct ids *ids, const struct json *expected,
                       int row, const char *what)
{
	const struct json *id = json_first(expected);
	int64_t n;

	for (size_t i = 0; i < ids->n; i++, id = json_next(id))
		if (!json_integer(id, &n) || n != ids->data[i])
			fail_msg("row %d, %s: token %zu is %d", row, what, i,
			         ids->data[i]);
	if (id)
		fail_msg("row %d, %s: only %zu tokens", row, what, ids->n);
}

static void check_row(const struct tokenizer *t, const struct json *row, int i)
{
	const struct json *plain = json_get(row, "ids_text_only");
	struct strbuf text = STRBUF_INIT, decoded = STRBUF_INIT;
	struct strbuf got = STRBUF_INIT;
	struct ids ids = { 0 };

	show_zeros(&text, json_string(json_get(row, "text")));
	tokenizer_encode(t, text.bytes, text.len, TOKENIZER_ALL, &ids);
	assert_ids(&ids, json_get(row, "ids"), i, "ids");
	show_zeros(&decoded, json_string(json_get(row, "decoded")));
	tokenizer_decode(t, ids.data, ids.n, false, &got);
	if (got.len != decoded.len ||
	    memcmp(got.bytes, decoded.bytes, got.len) != 0)
		fail_msg("row %d decodes to \"%s\"", i, got.bytes);
	ids.n = 0;
	tokenizer_encode(t, text.bytes, text.len, TOKENIZER_NO_SPECIAL, &ids);
	assert_ids(&ids, plain ? plain : json_get(row, "ids"), i,
	           "ids_text_only");
	ids_free(&ids);
	strbuf_free(&got);
	strbuf_free(&decoded);
	strbuf_free(&text);
}

static void all_1500_goldens_are_equal_id_for_id(void **state)
{
	struct tokenizer *t = qwen3();
	char *path = test_file("golden/tokenizer.jsonl");
	struct error err = { "" };
	struct json *row;
	char *line = NULL;
	size_t room = 0;
	FILE *f;
	int n = 0;

	(void)state;
	if (!t) {
		free(path);
		skip();
	}
	f = fopen(path, "r");
	assert_non_null(f);
	while (getline(&line, &room, f) > 0) {
		hide_zeros(line);
		row = json_parse(line, strlen(line), path, &err);
		if (!row)
			fail_msg("%s", err.text);
		check_row(t, row, n++);
		json_free(row);
	}
	assert_int_equal(n, 1500);
	fclose(f);
	free(line);
	free(path);
	tokenizer_free(t);
}

static void qwen3_has_151669_ids_and_26_added_tokens(void **state)
{
	struct tokenizer *t = qwen3();
	int special = 0;

	(void)state;
	if (!t)
		skip();
	assert_int_equal(tokenizer_n_ids(t), 151669);
	assert_int_equal(tokenizer_n_added(t), 26);
	for (size_t i = 0; i < 26; i++) {
		assert_int_equal(tokenizer_added_at(t, i), 151643 + (int)i);
		special += tokenizer_is_special(t, tokenizer_added_at(t, i));
	}
	assert_int_equal(special, 14);
	assert_int_equal(tokenizer_added_id(t, "<|im_end|>"), 151645);
	tokenizer_free(t);
}

static void typing_an_added_token_gives_no_added_id(void **state)
{
	static const char *const around[][2] = {
		{ "", "" },     { "a", "" },    { "", "b" },
		{ "a ", " b" }, { "\n", "\n" },
	};
	struct tokenizer *t = getenv(QWEN3) ? qwen3() : test_bundled_tokenizer();

	(void)state;
	for (size_t i = 0; i < tokenizer_n_added(t); i++) {
		int id = tokenizer_added_at(t, i);
		size_t len;
		const char *token = tokenizer_bytes(t, id, &len);

		for (size_t k = 0; k < 2 * 5; k++) {
			struct strbuf text = STRBUF_INIT;
			struct ids ids = { 0 };

			strbuf_add_str(&text, around[k / 2][0]);
			for (size_t twice = 0; twice <= k % 2; twice++)
				strbuf_add(&text, token, len);
			strbuf_add_str(&text, around[k / 2][1]);
			tokenizer_encode(t, text.bytes, text.len,
			                 TOKENIZER_PLAIN, &ids);
			for (size_t n = 0; n < ids.n; n++)
				assert_false(
					tokenizer_is_added(t, ids.data[n]));
			ids.n = 0;
			tokenizer_encode(t, text.bytes, text.len, TOKENIZER_ALL,
			                 &ids);
			size_t found = 0;
			for (size_t n = 0; n < ids.n; n++)
				found += ids.data[n] == id;
			assert_int_equal(found, 1 + k % 2);
			ids_free(&ids);
			strbuf_free(&text);
		}
	}
	tokenizer_free(t);
}

/* A text of n characters from all over Unicode, and of bytes that are none. */
static void scramble(struct strbuf *out, size_t n, unsigned *seed)
{
	static const uint32_t last[] = { 0x7f,  0x7f,   0x7f,   0x2ff,
		                         0x700, 0xffff, 0x3ffff };
	char bytes[4];
	uint32_t c;

	while (n--) {
		*seed = *seed * 1664525 + 1013904223;
		c = (*seed >> 4) % (last[(*seed >> 8) % 7] + 1);
		if ((*seed >> 24) == 7)
			strbuf_add_char(out, (char)(*seed >> 16));
		else if (c < 0xd800 || c > 0xdfff)
			strbuf_add(out, bytes, (size_t)utf8_encode(c, bytes));
	}
}

static void decoding_what_was_encoded_gives_the_text_in_form_c(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct strbuf text = STRBUF_INIT, repaired = STRBUF_INIT;
		struct strbuf normal = STRBUF_INIT, back = STRBUF_INIT;
		struct ids ids = { 0 };

		scramble(&text, (size_t)round % 97, &seed);
		utf8_repair(&repaired, text.bytes, text.len);
		nfc_append(&normal, repaired.bytes, repaired.len);
		tokenizer_encode(t, text.bytes, text.len, TOKENIZER_PLAIN,
		                 &ids);
		tokenizer_decode(t, ids.data, ids.n, false, &back);
		assert_int_equal(back.len, normal.len);
		assert_memory_equal(back.bytes, normal.bytes, normal.len);
		ids_free(&ids);
		strbuf_free(&back);
		strbuf_free(&normal);
		strbuf_free(&repaired);
		strbuf_free(&text);
	}
	tokenizer_free(t);
}

static void a_megabyte_of_letters_takes_no_quadratic_time(void **state)
{
	const size_t n = 1 << 20;
	struct tokenizer *t = test_bundled_tokenizer();
	char *text = malloc(n);
	struct ids ids = { 0 };
	struct strbuf back = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = "abcdefgh"[i * i % 8];
	tokenizer_encode(t, text, n, TOKENIZER_ALL, &ids);
	tokenizer_decode(t, ids.data, ids.n, false, &back);
	assert_int_equal(back.len, n);
	assert_memory_equal(back.bytes, text, n);
	strbuf_free(&back);
	ids_free(&ids);
	free(text);
	tokenizer_free(t);
}

static void special_tokens_are_skipped_on_demand(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct strbuf text = STRBUF_INIT;
	const char *said = "<|im_start|>user\nhi<|im_end|>";
	struct ids ids = { 0 };

	(void)state;
	tokenizer_encode(t, said, strlen(said), TOKENIZER_ALL, &ids);
	tokenizer_decode(t, ids.data, ids.n, false, &text);
	assert_string_equal(text.bytes, said);
	strbuf_clear(&text);
	tokenizer_decode(t, ids.data, ids.n, true, &text);
	assert_string_equal(text.bytes, "user\nhi");
	strbuf_free(&text);
	ids_free(&ids);
	tokenizer_free(t);
}

static void a_checkpoint_brings_its_tokenizer(void **state)
{
	char *path = test_source("data/confab-20m");
	struct error err = { "" };
	struct checkpoint *cp = checkpoint_open(path, &err);
	struct tokenizer *t = cp ? tokenizer_load(cp, NULL, &err) : NULL;

	(void)state;
	if (!t)
		fail_msg("%s", err.text);
	assert_int_equal(tokenizer_n_ids(t), 8192);
	tokenizer_free(t);
	checkpoint_free(cp);
	free(path);
}

static void *encode_a_lot(void *arg)
{
	const char *text = "It's 12 o'clock \xe2\x80\x94 na\xc3\xafve e\xcc\x81"
			   "<|im_end|> abcdefghijklmnopqrstuvwxyz";
	struct ids *out = mem_zalloc(1, sizeof(*out));

	for (int i = 0; i < 200; i++)
		tokenizer_encode(arg, text, strlen(text), TOKENIZER_ALL, out);
	return out;
}

static void several_threads_use_one_tokenizer(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct ids *alone = encode_a_lot(t);
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, encode_a_lot,
		                                t),
		                 0);
	for (int i = 0; i < 4; i++) {
		void *result;
		struct ids *ids;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		ids = result;
		assert_int_equal(ids->n, alone->n);
		assert_memory_equal(ids->data, alone->data,
		                    ids->n * sizeof(int));
		ids_free(ids);
		free(ids);
	}
	ids_free(alone);
	free(alone);
	tokenizer_free(t);
}

static void ids_out_of_range_have_no_bytes(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	static const int ids[] = { -1, 8192, 1 << 30 };
	struct strbuf text = STRBUF_INIT;
	size_t len;

	(void)state;
	assert_int_equal(tokenizer_n_ids(t), 8192);
	for (size_t i = 0; i < 3; i++) {
		assert_null(tokenizer_bytes(t, ids[i], &len));
		assert_false(tokenizer_is_added(t, ids[i]));
		assert_false(tokenizer_is_special(t, ids[i]));
	}
	tokenizer_decode(t, ids, 3, false, &text);
	assert_int_equal(text.len, 0);
	assert_int_equal(tokenizer_added_id(t, "<|im_end|"), -1);
	assert_int_equal(tokenizer_added_id(t, "<|im_end|> "), -1);
	assert_int_equal(tokenizer_added_id(t, ""), -1);
	tokenizer_free(t);
}

static void a_streamed_text_equals_the_decoded_one(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct tokenizer_stream stream = { .n_held = 0 };
		struct strbuf whole = STRBUF_INIT, streamed = STRBUF_INIT;
		int ids[64];
		size_t n = (size_t)round % 64;

		for (size_t i = 0; i < n; i++) {
			size_t len;
			const char *bytes;

			seed = seed * 1664525 + 1013904223;
			ids[i] = (int)((seed >> 8) % (i % 3 ? 300 : 8192));
			bytes = tokenizer_bytes(t, ids[i], &len);
			tokenizer_stream_add(&stream, bytes, len, &streamed);
			assert_true(stream.n_held <= 3);
			assert_true(utf8_valid(streamed.bytes, streamed.len));
		}
		tokenizer_stream_end(&stream, &streamed);
		assert_int_equal(stream.n_held, 0);
		tokenizer_decode(t, ids, n, false, &whole);
		assert_int_equal(whole.len, streamed.len);
		assert_memory_equal(whole.bytes, streamed.bytes, whole.len);
		strbuf_free(&whole);
		strbuf_free(&streamed);
	}
	tokenizer_free(t);
}

static void a_character_comes_when_its_last_byte_does(void **state)
{
	struct tokenizer_stream stream = { .n_held = 0 };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	tokenizer_stream_add(&stream, "a\xf0\x9f", 3, &out);
	assert_string_equal(out.bytes, "a");
	tokenizer_stream_add(&stream, "\x99", 1, &out);
	assert_string_equal(out.bytes, "a");
	tokenizer_stream_add(&stream, "\x82!", 2, &out);
	assert_string_equal(out.bytes, "a\xf0\x9f\x99\x82!");
	tokenizer_stream_add(&stream, "\xe2\x82", 2, &out);
	tokenizer_stream_end(&stream, &out);
	assert_string_equal(out.bytes, "a\xf0\x9f\x99\x82!\xef\xbf\xbd");
	strbuf_free(&out);
}

/*
 * A small tokenizer.json: the 256 bytes (ids 0-255), "ab" (256), "abc" (257),
 * and what the caller says.
 */
struct small {
	const char *vocab;  /* after "abc", with a comma in front */
	const char *merges; /* the whole array */
	const char *added;  /* the whole array */
	const char *model;  /* more members of model, a comma behind */
	const char *normalizer;
	const char *pre_tokenizer;
	const char *decoder;
};

#define QWEN_SPLIT \
	"{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\"," \
	"\"pattern\":{\"Regex\":\"\\\\p{L}+|\\\\s+\"},\"behavior\":" \
	"\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\"," \
	"\"add_prefix_space\":false,\"use_regex\":false}]}"

static const struct small sound = {
	.vocab = "",
	.merges = "[[\"a\",\"b\"],[\"ab\",\"c\"]]",
	.added = "[{\"id\":300,\"content\":\"<x>\",\"special\":true,"
		 "\"normalized\":false}]",
	.model = "\"type\":\"BPE\",",
	.normalizer = "{\"type\":\"NFC\"}",
	.pre_tokenizer = QWEN_SPLIT,
	.decoder = "{\"type\":\"ByteLevel\"}",
};

static uint32_t spelled(int byte)
{
	int shift = 0;

	if ((byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad))
		return (uint32_t)byte;
	for (int b = 0; b < byte; b++)
		shift += !((b > 0x20 && b < 0x7f) || (b > 0xa0 && b != 0xad));
	return 0x100u + (uint32_t)shift;
}

static void write_small(struct strbuf *out, const struct small *small)
{
	char utf8[4];

	strbuf_printf(out,
	              "{\"version\":\"1.0\",\"added_tokens\":%s,"
	              "\"normalizer\":%s,\"pre_tokenizer\":%s,\"decoder\":%s,"
	              "\"model\":{%s\"merges\":%s,\"vocab\":{",
	              small->added, small->normalizer, small->pre_tokenizer,
	              small->decoder, small->model, small->merges);
	for (int byte = 0; byte < 256; byte++) {
		json_write_string(out, utf8,
		                  (size_t)utf8_encode(spelled(byte), utf8));
		strbuf_printf(out, ":%d,", byte);
	}
	strbuf_printf(out, "\"ab\":256,\"abc\":257%s}}}", small->vocab);
}

static struct tokenizer *load_small(const struct small *small,
                                    struct error *err)
{
	static char *dir;
	struct strbuf json = STRBUF_INIT;
	char path[4096];
	struct tokenizer *t;

	if (!dir)
		dir = test_tmp_dir();
	write_small(&json, small);
	test_write(dir, "tokenizer.json", json.bytes, json.len);
	snprintf(path, sizeof(path), "%s/tokenizer.json", dir);
	t = tokenizer_load_json(path, NULL, err);
	strbuf_free(&json);
	return t;
}

static void assert_encodes(const struct tokenizer *t, const char *text,
                           enum tokenizer_mode mode, size_t n,
                           const int *expected)
{
	struct ids ids = { 0 };

	tokenizer_encode(t, text, strlen(text), mode, &ids);
	assert_int_equal(ids.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ids.data[i], expected[i]);
	ids_free(&ids);
}

static void both_spellings_of_merges_are_read(void **state)
{
	struct small small = sound;
	struct error err;

	(void)state;
	for (int form = 0; form < 2; form++) {
		struct tokenizer *t;

		if (form)
			small.merges = "[\"#version: 0.2\",\"a b\",\"ab c\"]";
		t = load_small(&small, &err);
		assert_non_null(t);
		assert_encodes(t, "abcab", TOKENIZER_ALL, 2,
		               (int[]){ 257, 256 });
		assert_encodes(t, "bab<x>c", TOKENIZER_ALL, 4,
		               (int[]){ 'b', 256, 300, 'c' });
		assert_int_equal(tokenizer_n_ids(t), 301);
		tokenizer_free(t);
	}
}

static void a_lower_rank_is_merged_first(void **state)
{
	struct small small = sound;
	struct error err;
	struct tokenizer *t;

	(void)state;
	small.vocab = ",\"bc\":258";
	small.merges = "[\"b c\",\"a b\",\"ab c\"]";
	t = load_small(&small, &err);
	assert_non_null(t);
	assert_encodes(t, "abc", TOKENIZER_ALL, 2, (int[]){ 'a', 258 });
	tokenizer_free(t);
	small.model = "\"type\":\"BPE\",\"ignore_merges\":true,";
	t = load_small(&small, &err);
	assert_non_null(t);
	assert_encodes(t, "abc", TOKENIZER_ALL, 1, (int[]){ 257 });
	tokenizer_free(t);
}

static void normalized_added_tokens_are_found_after_nfc(void **state)
{
	struct small small = sound;
	struct error err;
	struct tokenizer *t;

	(void)state;
	/* "é" typed as e and an accent, and as one character. */
	small.added =
		"[{\"id\":300,\"content\":\"e\\u0301\",\"special\":false,"
		"\"normalized\":true},{\"id\":301,\"content\":\"o\\u0301\","
		"\"special\":false,\"normalized\":false}]";
	t = load_small(&small, &err);
	assert_non_null(t);
	assert_encodes(t, "xe\xcc\x81", TOKENIZER_ALL, 2, (int[]){ 'x', 300 });
	assert_encodes(t, "x\xc3\xa9", TOKENIZER_ALL, 2, (int[]){ 'x', 300 });
	assert_encodes(t, "o\xcc\x81", TOKENIZER_ALL, 1, (int[]){ 301 });
	assert_encodes(t, "\xc3\xb3", TOKENIZER_ALL, 2, (int[]){ 0xc3, 0xb3 });
	assert_encodes(t, "\xc3\xa9", TOKENIZER_PLAIN, 2,
	               (int[]){ 0xc3, 0xa9 });
	tokenizer_free(t);
}

/* Between added tokens every part has its own form C. */
static void form_c_is_made_of_each_part_and_only_where_it_is_asked_for(void **s)
{
	static const char text[] = "e\xcc\x81<x>o\xcc\x81";
	struct small small = sound;
	struct error err;
	struct tokenizer *t = load_small(&small, &err);

	(void)s;
	assert_non_null(t);
	assert_encodes(t, text, TOKENIZER_ALL, 5,
	               (int[]){ 0xc3, 0xa9, 300, 0xc3, 0xb3 });
	tokenizer_free(t);
	small.normalizer = "null";
	t = load_small(&small, &err);
	assert_non_null(t);
	assert_encodes(t, text, TOKENIZER_ALL, 7,
	               (int[]){ 'e', 0xcc, 0x81, 300, 'o', 0xcc, 0x81 });
	tokenizer_free(t);
}

static void bytes_that_are_no_text_are_encoded_as_their_replacement(
	void **state)
{
	struct small small = sound;
	struct error err;
	struct tokenizer *t;

	(void)state;
	small.normalizer = "null"; /* form C would mend it, too */
	t = load_small(&small, &err);
	assert_non_null(t);
	assert_encodes(t, "ab\xff", TOKENIZER_ALL, 4,
	               (int[]){ 256, 0xef, 0xbf, 0xbd });
	assert_encodes(t, "\xe2\x82", TOKENIZER_PLAIN, 3,
	               (int[]){ 0xef, 0xbf, 0xbd });
	tokenizer_free(t);
}

static void what_is_added_but_not_special_is_not_skipped(void **state)
{
	struct small small = sound;
	struct strbuf text = STRBUF_INIT;
	struct error err;
	struct tokenizer *t;

	(void)state;
	small.added = "[{\"id\":300,\"content\":\"<x>\",\"special\":true},"
		      "{\"id\":301,\"content\":\"<y>\",\"special\":false}]";
	t = load_small(&small, &err);
	assert_non_null(t);
	tokenizer_decode(t, (const int[]){ 300, 301, 'a' }, 3, true, &text);
	assert_string_equal(text.bytes, "<y>a");
	strbuf_free(&text);
	tokenizer_free(t);
}

static void the_longest_added_token_wins_and_hides_what_is_in_it(void **state)
{
	struct small small = sound;
	struct error err;
	struct tokenizer *t;

	(void)state;
	small.added = "[{\"id\":300,\"content\":\"<x\",\"special\":false,"
		      "\"normalized\":false},{\"id\":301,\"content\":\"<x>\","
		      "\"special\":true,\"normalized\":false},{\"id\":302,"
		      "\"content\":\"x>\",\"special\":false,"
		      "\"normalized\":false}]";
	t = load_small(&small, &err);
	assert_non_null(t);
	assert_encodes(t, "<x>", TOKENIZER_ALL, 1, (int[]){ 301 });
	assert_encodes(t, "<x<x>", TOKENIZER_ALL, 2, (int[]){ 300, 301 });
	assert_encodes(t, "x>", TOKENIZER_NO_SPECIAL, 1, (int[]){ 302 });
	assert_encodes(t, "<x>", TOKENIZER_NO_SPECIAL, 3,
	               (int[]){ '<', 'x', '>' });
	tokenizer_free(t);
}

static void merges_never_make_an_added_token(void **state)
{
	struct small small = sound;
	struct error err;
	struct tokenizer *t;

	(void)state;
	small.added = "[{\"id\":257,\"content\":\"abc\",\"special\":true,"
		      "\"normalized\":false}]";
	t = load_small(&small, &err);
	assert_non_null(t);
	assert_encodes(t, "abc", TOKENIZER_ALL, 1, (int[]){ 257 });
	assert_encodes(t, "abc", TOKENIZER_PLAIN, 2, (int[]){ 256, 'c' });
	tokenizer_free(t);
}

/* As Hugging Face has it where a pad token is "!". */
static void a_byte_that_is_an_added_token_is_never_merged(void **state)
{
	struct small small = sound;
	struct error err;
	struct tokenizer *t;

	(void)state;
	small.added = "[{\"id\":98,\"content\":\"b\",\"special\":true,"
		      "\"normalized\":false}]";
	small.vocab = ",\"ca\":258";
	small.merges = "[\"a b\",\"ab c\",\"c a\"]";
	t = load_small(&small, &err);
	assert_non_null(t);
	for (int mode = TOKENIZER_ALL; mode <= TOKENIZER_PLAIN; mode++)
		assert_encodes(t, "abbca", mode, 4,
		               (int[]){ 'a', 'b', 'b', 258 });
	assert_int_equal(tokenizer_added_id(t, "b"), 'b');
	tokenizer_free(t);
}

/* A sound file but for one member. */
#define BAD(member, value, message) \
	{ \
		offsetof(struct small, member), value, message \
	}
#define MODEL(members) "\"type\":\"BPE\"," members ","
#define ADDED(members) "[{\"id\":300,\"content\":\"<x>\"," members "}]"
#define SPLIT(part)    "{\"type\":\"Sequence\",\"pretokenizers\":[" part "]}"

static const struct {
	size_t member;
	const char *value;
	const char *says;
} bad[] = {
	BAD(vocab, ",\"x1\":-1", "\"x1\" has id -1"),
	BAD(vocab, ",\"x1\":9007199254740991", "has id 9007199254740991"),
	BAD(vocab, ",\"x1\":2097152", "not one of 0 to 2097151"),
	BAD(vocab, ",\"x1\":1e300", "is no integer"),
	BAD(vocab, ",\"x1\":1.5", "\"x1\" is no integer"),
	BAD(vocab, ",\"x1\":\"7\"", "\"x1\" is no integer"),
	BAD(vocab, ",\"x1\":null", "\"x1\" is no integer"),
	BAD(vocab, ",\"x1\":257", "id 257 is given twice"),
	BAD(vocab, ",\"abc\":258", "abc"), /* a duplicate key */
	BAD(merges, "null", "no array \"merges\""),
	BAD(merges, "[\"ab\"]", "merge 0 is neither"),
	BAD(merges, "[\"a b c\"]", "merge 0 is neither"),
	BAD(merges, "[[\"a\"]]", "merge 0 is neither"),
	BAD(merges, "[[\"a\",\"b\",\"c\"]]", "merge 0 is neither"),
	BAD(merges, "[\"a b\",[\"a\",1]]", "merge 1 is neither"),
	BAD(merges, "[7]", "merge 0 is neither"),
	BAD(merges, "[\"a zz\"]", "merge 0 names \"zz\", which is no token"),
	BAD(merges, "[\"zz a\"]", "merge 0 names \"zz\", which is no token"),
	BAD(merges, "[\"a b\",\"b a\"]", "merge 1 names \"ba\""),
	BAD(merges, "[\" a\"]", "merge 0 names \"\""),
	BAD(added, "{}", "added_tokens is no array"),
	BAD(added, "[7]", "added token 0: "),
	BAD(added, "[{\"content\":\"<x>\"}]", "added token 0: id"),
	BAD(added, "[{\"id\":300}]", "added token 0: id"),
	BAD(added, "[{\"id\":-2,\"content\":\"<x>\"}]", "id -2"),
	BAD(added, "[{\"id\":1e15,\"content\":\"<x>\"}]",
	    "id 1000000000000000"),
	BAD(added, "[{\"id\":300,\"content\":\"\"}]", "300 is empty"),
	BAD(added, "[{\"id\":257,\"content\":\"<x>\"}]",
	    "which is another token's"),
	BAD(added, "[{\"id\":300,\"content\":\"abc\"}]",
	    "has id 300, in the vocabulary 257"),
	BAD(added, "[{\"id\":233,\"content\":\"\\u00e9\"}]",
	    "is the token of the byte 0xe9"),
	BAD(added,
	    "[{\"id\":300,\"content\":\"<x>\"},{\"id\":300,\"content\":\"<y>\"}"
	    "]",
	    "two added tokens have the id 300"),
	BAD(added,
	    "[{\"id\":300,\"content\":\"<x>\"},{\"id\":301,\"content\":\"<x>\"}"
	    "]",
	    "is there twice, as 300 and 301"),
	BAD(added, ADDED("\"special\":1"), "special"),
	BAD(added, ADDED("\"lstrip\":true"), "\"lstrip\" is set"),
	BAD(added, ADDED("\"rstrip\":true"), "\"rstrip\" is set"),
	BAD(added, ADDED("\"single_word\":true"), "\"single_word\" is set"),
	BAD(model, "", "model \"(no type)\", only BPE"),
	BAD(model, "\"type\":\"Unigram\",", "model \"Unigram\", only BPE"),
	BAD(model, "\"type\":5,", "model \"(no type)\", only BPE"),
	BAD(model, MODEL("\"byte_fallback\":true"), "\"byte_fallback\" is set"),
	BAD(model, MODEL("\"unk_token\":\"a\""), "\"unk_token\" is set"),
	BAD(model, MODEL("\"dropout\":0.1"), "\"dropout\" is set"),
	BAD(model, MODEL("\"continuing_subword_prefix\":\"##\""), "is set"),
	BAD(model, MODEL("\"end_of_word_suffix\":\"w\""), "is set"),
	BAD(model, MODEL("\"ignore_merges\":1"), "ignore_merges"),
	BAD(normalizer, "{\"type\":\"NFKC\"}", "normalizer \"NFKC\""),
	BAD(normalizer, "{}", "normalizer \"(no type)\""),
	BAD(normalizer, "\"NFC\"", "normalizer \"(no object)\""),
	BAD(decoder, "null", "decoder \"none\""),
	BAD(decoder, "{\"type\":\"WordPiece\"}", "decoder \"WordPiece\""),
	BAD(pre_tokenizer, "null", "pre_tokenizer \"none\""),
	BAD(pre_tokenizer, "{\"type\":\"ByteLevel\"}",
	    "pre_tokenizer \"ByteLevel\""),
	BAD(pre_tokenizer, SPLIT(""), "a Sequence of 0"),
	BAD(pre_tokenizer, "{\"type\":\"Sequence\"}",
	    "pre_tokenizer \"Sequence\""),
	BAD(pre_tokenizer,
	    SPLIT("{\"type\":\"Digits\"},{\"type\":\"ByteLevel\"}"),
	    "begins with \"Digits\""),
	BAD(pre_tokenizer,
	    SPLIT("{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},"
	          "\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\","
	          "\"use_regex\":false}"),
	    "Split without a pattern \"Regex\""),
	BAD(pre_tokenizer,
	    SPLIT("{\"type\":\"Split\",\"pattern\":{\"Regex\":\" \"},"
	          "\"behavior\":\"Removed\"},{\"type\":\"ByteLevel\","
	          "\"use_regex\":false}"),
	    "behavior \"Removed\""),
	BAD(pre_tokenizer,
	    SPLIT("{\"type\":\"Split\",\"pattern\":{\"Regex\":\" \"},"
	          "\"behavior\":\"Isolated\",\"invert\":true},"
	          "{\"type\":\"ByteLevel\",\"use_regex\":false}"),
	    "\"invert\" is set"),
	BAD(pre_tokenizer,
	    SPLIT("{\"type\":\"Split\",\"pattern\":{\"Regex\":\" \"},"
	          "\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\"}"),
	    "use_regex"),
	BAD(pre_tokenizer,
	    SPLIT("{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a\"},"
	          "\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\","
	          "\"use_regex\":false}"),
	    "split pattern: missing closing parenthesis"),
};

static void what_does_not_hold_together_is_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct small small = sound;
		struct error err = { "" };
		struct tokenizer *t;

		memcpy((char *)&small + bad[i].member, &bad[i].value,
		       sizeof(bad[i].value));
		t = load_small(&small, &err);
		if (t)
			fail_msg("bad file %zu (%s) was read", i, bad[i].says);
		if (!strstr(err.text, bad[i].says) ||
		    !strstr(err.text, "tokenizer.json: "))
			fail_msg("bad file %zu: \"%s\" does not say \"%s\"", i,
			         err.text, bad[i].says);
	}
}

/* With "x"s: a token, an added token, or 1100 added tokens of 4096 bytes. */
static void assert_long_is_refused(int kind, const char *says)
{
	struct strbuf long_text = STRBUF_INIT, list = STRBUF_INIT;
	struct small small = sound;
	struct error err = { "" };

	for (int i = 0; i < (kind == 2 ? 4092 : 5000000); i++)
		strbuf_add_char(&long_text, 'x');
	if (kind == 0)
		strbuf_printf(&list, ",\"%s\":258", long_text.bytes);
	for (int i = 0; kind && i < (kind == 2 ? 1100 : 1); i++)
		strbuf_printf(&list, "%s{\"id\":%d,\"content\":\"%s%04d\"}",
		              i ? "," : "[", 300 + i, long_text.bytes, i);
	strbuf_add_str(&list, kind ? "]" : "");
	*(kind ? &small.added : &small.vocab) = list.bytes;
	assert_null(load_small(&small, &err));
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	strbuf_free(&list);
	strbuf_free(&long_text);
}

static void tokens_of_megabytes_are_refused(void **state)
{
	(void)state;
	assert_long_is_refused(0, "xxx…\" has 5000000 bytes, at most 4096");
	assert_long_is_refused(1, "xxx…\" has 5000004 bytes, at most 4096");
	assert_long_is_refused(
		2, "1100 added tokens have 4505600 bytes, at most 4194304");
}

static void a_missing_byte_is_refused(void **state)
{
	struct strbuf json = STRBUF_INIT;
	struct error err = { "" };
	char *dir = test_tmp_dir(), path[4096], *byte;

	(void)state;
	write_small(&json, &sound);
	byte = strstr(json.bytes, "\"q\":");
	assert_non_null(byte);
	memcpy(byte, "\"qq\"", 4);
	json.bytes[byte - json.bytes + 4] = ':'; /* "q":113, to "qq":13, */
	test_write(dir, "tokenizer.json", json.bytes, json.len);
	snprintf(path, sizeof(path), "%s/tokenizer.json", dir);
	assert_null(tokenizer_load_json(path, NULL, &err));
	assert_non_null(strstr(err.text, path));
	strbuf_free(&json);
	free(dir);
}

static void what_is_no_json_object_is_refused(void **state)
{
	static const char *const texts[] = { "", "[]", "7", "{", "{}", "null" };
	char *dir = test_tmp_dir(), path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/tokenizer.json", dir);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = { "" };

		test_write(dir, "tokenizer.json", texts[i], strlen(texts[i]));
		assert_null(tokenizer_load_json(path, NULL, &err));
		assert_non_null(strstr(err.text, path));
	}
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(all_1500_goldens_are_equal_id_for_id),
	cmocka_unit_test(qwen3_has_151669_ids_and_26_added_tokens),
	cmocka_unit_test(typing_an_added_token_gives_no_added_id),
	cmocka_unit_test(decoding_what_was_encoded_gives_the_text_in_form_c),
	cmocka_unit_test(a_megabyte_of_letters_takes_no_quadratic_time),
	cmocka_unit_test(special_tokens_are_skipped_on_demand),
	cmocka_unit_test(a_checkpoint_brings_its_tokenizer),
	cmocka_unit_test(several_threads_use_one_tokenizer),
	cmocka_unit_test(ids_out_of_range_have_no_bytes),
	cmocka_unit_test(a_streamed_text_equals_the_decoded_one),
	cmocka_unit_test(a_character_comes_when_its_last_byte_does),
	cmocka_unit_test(both_spellings_of_merges_are_read),
	cmocka_unit_test(a_lower_rank_is_merged_first),
	cmocka_unit_test(normalized_added_tokens_are_found_after_nfc),
	cmocka_unit_test(
		form_c_is_made_of_each_part_and_only_where_it_is_asked_for),
	cmocka_unit_test(
		bytes_that_are_no_text_are_encoded_as_their_replacement),
	cmocka_unit_test(what_is_added_but_not_special_is_not_skipped),
	cmocka_unit_test(the_longest_added_token_wins_and_hides_what_is_in_it),
	cmocka_unit_test(merges_never_make_an_added_token),
	cmocka_unit_test(a_byte_that_is_an_added_token_is_never_merged),
	cmocka_unit_test(what_does_not_hold_together_is_refused_by_name),
	cmocka_unit_test(tokens_of_megabytes_are_refused),
	cmocka_unit_test(a_missing_byte_is_refused),
	cmocka_unit_test(what_is_no_json_object_is_refused),
};

TEST_MAIN(tests)
