#include "tests/gguf_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_format.h"

static struct gguf *open_in(const char *dir, const char *name,
                            struct error *err)
{
	char *path = paths_join(dir, name);
	struct gguf *gguf = gguf_open(path, err);

	free(path);
	return gguf;
}

/* Writes, opens and frees the bytes; fails the test where that fails. */
static struct gguf *open_bytes(struct strbuf *s)
{
	char *dir = test_tmp_dir();
	struct error err = { "" };
	struct gguf *gguf;

	test_write(dir, "x.gguf", s->bytes, s->len);
	gguf = open_in(dir, "x.gguf", &err);
	assert_string_equal(err.text, "");
	assert_non_null(gguf);
	strbuf_free(s);
	free(dir);
	return gguf;
}

static void every_kind_of_value_is_read(void **state)
{
	struct strbuf s = STRBUF_INIT;
	struct gguf_string string;
	struct gguf *gguf;
	int64_t integer = 5;
	double number = 5;
	bool truth = false;

	(void)state;
	put_head(&s, 3, 0, 13);
	put_key(&s, "u8", 0);
	put_int(&s, 200, 1);
	put_key(&s, "i8", 1);
	put_int(&s, (uint64_t)-100, 1);
	put_key(&s, "u16", 2);
	put_int(&s, 60000, 2);
	put_key(&s, "i16", 3);
	put_int(&s, (uint64_t)-30000, 2);
	put_key(&s, "u32", 4);
	put_u32(&s, 4000000000u);
	put_key(&s, "i32", 5);
	put_u32(&s, (uint32_t)-2000000000);
	put_key(&s, "f32", 6);
	put_u32(&s, 0xc0490000); /* -3.140625 */
	put_key(&s, "yes", 7);
	put_int(&s, 1, 1);
	put_key(&s, "text", 8);
	put_u64(&s, 4);
	strbuf_add(&s, "a\0\xffz", 4);
	put_key(&s, "u64", 10);
	put_u64(&s, 1ull << 62);
	put_key(&s, "huge", 10);
	put_u64(&s, 1ull << 63);
	put_key(&s, "i64", 11);
	put_u64(&s, (uint64_t)INT64_MIN);
	put_key(&s, "f64", 12);
	put_u64(&s, 0x3ff8000000000000); /* 1.5 */
	gguf = open_bytes(&s);
	assert_int_equal(gguf_n_tensors(gguf), 0);
	assert_int_equal(gguf_n_fields(gguf), 13);
	assert_true(gguf_integer(gguf, "u8", &integer) && integer == 200);
	assert_true(gguf_integer(gguf, "i8", &integer) && integer == -100);
	assert_true(gguf_integer(gguf, "u16", &integer) && integer == 60000);
	assert_true(gguf_integer(gguf, "i16", &integer) && integer == -30000);
	assert_true(gguf_integer(gguf, "u32", &integer));
	assert_true(integer == 4000000000);
	assert_true(gguf_integer(gguf, "i32", &integer));
	assert_true(integer == -2000000000);
	assert_true(gguf_integer(gguf, "u64", &integer));
	assert_true(integer == INT64_C(1) << 62);
	assert_true(gguf_integer(gguf, "i64", &integer));
	assert_true(integer == INT64_MIN);
	assert_true(gguf_number(gguf, "f32", &number) && number == -3.140625);
	assert_true(gguf_number(gguf, "f64", &number) && number == 1.5);
	assert_true(gguf_number(gguf, "u16", &number) && number == 60000);
	assert_true(gguf_bool(gguf, "yes", &truth) && truth);
	assert_true(gguf_string(gguf, "text", &string));
	assert_int_equal(string.len, 4);
	assert_memory_equal(string.bytes, "a\0\xffz", 4);
	gguf_free(gguf);
	gguf_free(NULL);
}

static void what_is_absent_or_of_another_kind_leaves_the_answer_alone(
	void **state)
{
	struct strbuf s = STRBUF_INIT;
	struct gguf_string string = { "before", 6 };
	struct gguf *gguf;
	int64_t integer = 5;
	double number = 5;
	bool truth = true;
	size_t n = 5;

	(void)state;
	put_head(&s, 3, 0, 3);
	put_u32_key(&s, "u32", 1);
	put_string_key(&s, "text", "x");
	put_key(&s, "huge", 10);
	put_u64(&s, 1ull << 63);
	gguf = open_bytes(&s);
	assert_false(gguf_integer(gguf, "none", &integer));
	assert_false(gguf_integer(gguf, "u3", &integer));
	assert_false(gguf_integer(gguf, "u322", &integer));
	assert_false(gguf_integer(gguf, "text", &integer));
	assert_false(gguf_integer(gguf, "huge", &integer));
	assert_false(gguf_number(gguf, "text", &number));
	assert_false(gguf_bool(gguf, "u32", &truth));
	assert_false(gguf_string(gguf, "u32", &string));
	assert_false(gguf_array(gguf, "u32", &n));
	assert_false(gguf_string_array(gguf, "text", &string));
	assert_true(integer == 5 && number == 5 && truth && n == 5);
	assert_string_equal(string.bytes, "before");
	gguf_free(gguf);
}

static void arrays_are_read_item_by_item(void **state)
{
	struct strbuf s = STRBUF_INIT;
	struct gguf_string strings[3];
	int64_t integers[3];
	double numbers[2];
	struct gguf *gguf;
	size_t n;

	(void)state;
	put_head(&s, 3, 0, 5);
	put_key(&s, "strings", 9);
	put_u32(&s, 8);
	put_u64(&s, 3);
	put_text(&s, "one");
	put_text(&s, "");
	put_text(&s, "three");
	put_key(&s, "i16", 9);
	put_u32(&s, 3);
	put_u64(&s, 3);
	put_int(&s, 1, 2);
	put_int(&s, (uint64_t)-2, 2);
	put_int(&s, 3, 2);
	put_key(&s, "f64", 9);
	put_u32(&s, 12);
	put_u64(&s, 2);
	put_u64(&s, 0x3ff8000000000000);
	put_u64(&s, 0xbff8000000000000);
	put_key(&s, "empty", 9);
	put_u32(&s, 4);
	put_u64(&s, 0);
	put_key(&s, "bools", 9);
	put_u32(&s, 7);
	put_u64(&s, 2);
	put_int(&s, 0x0100, 2);
	gguf = open_bytes(&s);
	assert_true(gguf_array(gguf, "strings", &n) && n == 3);
	assert_true(gguf_string_array(gguf, "strings", strings));
	assert_int_equal(strings[0].len, 3);
	assert_memory_equal(strings[0].bytes, "one", 3);
	assert_int_equal(strings[1].len, 0);
	assert_memory_equal(strings[2].bytes, "three", 5);
	assert_true(gguf_array(gguf, "i16", &n) && n == 3);
	assert_true(gguf_integer_array(gguf, "i16", integers));
	assert_true(integers[0] == 1 && integers[1] == -2 && integers[2] == 3);
	assert_false(gguf_string_array(gguf, "i16", strings));
	assert_false(gguf_number_array(gguf, "i16", numbers));
	assert_true(gguf_number_array(gguf, "f64", numbers));
	assert_true(numbers[0] == 1.5 && numbers[1] == -1.5);
	assert_true(gguf_array(gguf, "empty", &n) && n == 0);
	assert_true(gguf_array(gguf, "bools", &n) && n == 2);
	assert_false(gguf_integer_array(gguf, "bools", integers));
	gguf_free(gguf);
}

/* Rows of 64 f32, 4 x 32 q8_0 (136 bytes) and 3 bf16. */
static void put_three_tensors(struct strbuf *s, uint32_t version)
{
	put_head(s, version, 3, 2);
	put_string_key(s, "general.architecture", "qwen3");
	put_u32_key(s, "qwen3.block_count", 7);
	put_tensor(s, "a.weight", 64, 0, 0, 0);
	put_tensor(s, "b.weight", 32, 4, 8, 256);
	put_tensor(s, "c.weight", 3, 0, 30, 416);
	put_padding(s, 32);
	put_data(s, 256 + 136);
	put_padding(s, 32);
	put_data(s, 6);
	put_padding(s, 32);
}

static void tensors_lie_where_the_file_has_them(void **state)
{
	for (uint32_t version = 2; version <= 3; version++) {
		struct strbuf s = STRBUF_INIT;
		const struct tensor *a, *b, *c;
		struct gguf *gguf;

		(void)state;
		put_three_tensors(&s, version);
		gguf = open_bytes(&s);
		assert_int_equal(gguf_n_tensors(gguf), 3);
		assert_int_equal(gguf_n_files(gguf), 1);
		assert_string_equal(gguf_tensor_name(gguf, 1), "b.weight");
		a = gguf_tensor(gguf, 0);
		b = gguf_tensor(gguf, 1);
		c = gguf_tensor(gguf, 2);
		assert_int_equal(a->dtype, DTYPE_F32);
		assert_int_equal(a->n_dims, 1);
		assert_int_equal(a->bytes, 256);
		assert_int_equal(*(const uint8_t *)a->data, 1);
		assert_int_equal(b->dtype, DTYPE_Q8_0);
		assert_int_equal(b->n_dims, 2);
		assert_int_equal(b->shape[0], 4); /* outermost first */
		assert_int_equal(b->shape[1], 32);
		assert_ptr_equal(b->data, (const char *)a->data + 256);
		assert_int_equal(c->dtype, DTYPE_BF16);
		assert_ptr_equal(c->data, (const char *)a->data + 416);
		assert_int_equal(c->bytes, 6);
		gguf_free(gguf);
	}
}

static void another_alignment_is_kept_to(void **state)
{
	struct strbuf s = STRBUF_INIT;
	struct gguf *gguf;

	(void)state;
	put_head(&s, 3, 2, 1);
	put_u32_key(&s, "general.alignment", 128);
	put_tensor(&s, "a", 1, 0, 0, 0);
	put_tensor(&s, "b", 1, 0, 0, 128);
	put_padding(&s, 128);
	put_data(&s, 4);
	put_padding(&s, 128);
	put_data(&s, 4); /* and none after the last, which is fine */
	gguf = open_bytes(&s);
	assert_ptr_equal(gguf_tensor(gguf, 1)->data,
	                 (const char *)gguf_tensor(gguf, 0)->data + 128);
	gguf_free(gguf);
}

static void all_types_have_their_number(void **state)
{
	static const uint32_t numbers[DTYPE_COUNT] = {
		[DTYPE_Q8_0_X16] = 0x43460008,
		[DTYPE_Q4_0_X16] = 0x43460002,
		[DTYPE_Q4_K_X16] = 0x4346000c,
		[DTYPE_Q6_K_X16] = 0x4346000e,
		[DTYPE_BF16_X16] = 0x4346001e,
		[DTYPE_F32] = 0,
		[DTYPE_F16] = 1,
		[DTYPE_Q4_0] = 2,
		[DTYPE_Q4_1] = 3,
		[DTYPE_Q5_0] = 6,
		[DTYPE_Q5_1] = 7,
		[DTYPE_Q8_0] = 8,
		[DTYPE_Q2_K] = 10,
		[DTYPE_Q3_K] = 11,
		[DTYPE_Q4_K] = 12,
		[DTYPE_Q5_K] = 13,
		[DTYPE_Q6_K] = 14,
		[DTYPE_BF16] = 30,
		[DTYPE_IQ4_NL] = 20,
		[DTYPE_IQ4_XS] = 23,
	};

	(void)state;
	for (int t = 0; t < DTYPE_COUNT; t++) {
		enum dtype back;

		assert_int_equal(gguf_format_number((enum dtype)t), numbers[t]);
		assert_true(gguf_format_dtype(numbers[t], &back));
		assert_int_equal(back, t);
		assert_string_equal(gguf_format_type_name(numbers[t]),
		                    dtype_info((enum dtype)t)->name);
	}
}

/* Part i of n with one tensor; bytes of part 0 may hold none. */
static void put_part(struct strbuf *s, uint16_t no, uint16_t n, int32_t total,
                     const char *tensor)
{
	put_head(s, 3, tensor ? 1 : 0, no ? 3 : 4);
	if (!no)
		put_string_key(s, "general.name", "of the first");
	put_key(s, "split.no", 2);
	put_int(s, no, 2);
	put_key(s, "split.count", 2);
	put_int(s, n, 2);
	put_key(s, "split.tensors.count", 5);
	put_u32(s, (uint32_t)total);
	if (!tensor)
		return;
	put_tensor(s, tensor, 8, 0, 0, 0);
	put_padding(s, 32);
	put_data(s, 32);
}

static void write_part(const char *dir, const char *name, uint16_t no,
                       uint16_t n, int32_t total, const char *tensor)
{
	struct strbuf s = STRBUF_INIT;

	put_part(&s, no, n, total, tensor);
	test_write(dir, name, s.bytes, s.len);
	strbuf_free(&s);
}

static void parts_are_found_by_the_name_of_the_first(void **state)
{
	char *dir = test_tmp_dir();
	struct error err = { "" };
	struct gguf_string name;
	struct gguf *gguf;

	(void)state;
	write_part(dir, "m-00001-of-00003.gguf", 0, 3, 2, NULL);
	write_part(dir, "m-00002-of-00003.gguf", 1, 3, 2, "a");
	write_part(dir, "m-00003-of-00003.gguf", 2, 3, 2, "b");
	gguf = open_in(dir, "m-00001-of-00003.gguf", &err);
	assert_string_equal(err.text, "");
	assert_int_equal(gguf_n_files(gguf), 3);
	assert_int_equal(gguf_n_tensors(gguf), 2);
	assert_string_equal(gguf_tensor_name(gguf, 0), "a");
	assert_string_equal(gguf_tensor_name(gguf, 1), "b");
	assert_int_equal(gguf_tensor_file(gguf, 1), 2);
	assert_non_null(
		strstr(gguf_file(gguf, 2)->path, "m-00003-of-00003.gguf"));
	assert_true(gguf_string(gguf, "general.name", &name));
	gguf_free(gguf);
	free(dir);
}

static void parts_that_do_not_fit_are_refused(void **state)
{
	static const struct {
		const char *file; /* opened, or with NULL part the first */
		uint16_t no, n;
		int32_t total;
		const char *tensor;
		const char *says;
	} cases[] = {
		{ "m-00002-of-00002.gguf", 2, 2, 2, "b", "split.no: 2" },
		{ "m-00002-of-00002.gguf", 1, 3, 2, "b", "split.count: 3" },
		{ "m-00002-of-00002.gguf", 1, 2, 2, "a", "tensor a" },
		{ "m-00002-of-00002.gguf", 1, 2, 2, NULL, "hold 1" },
		{ "m-00002-of-00003.gguf", 1, 2, 2, "b", "No such file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *dir = test_tmp_dir();
		struct error err = { "" };

		write_part(dir, "m-00001-of-00002.gguf", 0, 2, 2, "a");
		write_part(dir, cases[i].file, cases[i].no, cases[i].n,
		           cases[i].total, cases[i].tensor);
		assert_null(open_in(dir, "m-00001-of-00002.gguf", &err));
		if (!strstr(err.text, cases[i].says))
			fail_msg("%zu: %s", i, err.text);
		free(dir);
	}
}

static void a_later_part_or_another_name_is_refused(void **state)
{
	char *dir = test_tmp_dir();
	struct error err = { "" };

	(void)state;
	write_part(dir, "m-00001-of-00002.gguf", 0, 2, 2, "a");
	write_part(dir, "m-00002-of-00002.gguf", 1, 2, 2, "b");
	write_part(dir, "renamed.gguf", 0, 2, 2, "a");
	assert_null(open_in(dir, "m-00002-of-00002.gguf", &err));
	assert_non_null(strstr(err.text, "split.no: 1"));
	assert_null(open_in(dir, "renamed.gguf", &err));
	assert_non_null(strstr(err.text, "-00001-of-00002.gguf"));
	free(dir);
}

static void parts_that_hold_more_than_they_say_are_refused(void **state)
{
	char *dir = test_tmp_dir();
	struct error err = { "" };

	(void)state;
	write_part(dir, "m-00001-of-00002.gguf", 0, 2, 1, "a");
	write_part(dir, "m-00002-of-00002.gguf", 1, 2, 1, "b");
	assert_null(open_in(dir, "m-00001-of-00002.gguf", &err));
	assert_non_null(strstr(err.text, "split.tensors.count: 1"));
	free(dir);
}

/* ---- prefixes and flipped bits ---- */

/* All that the interface tells of a file. */
static void describe(struct strbuf *out, const struct gguf *gguf)
{
	for (size_t i = 0; i < gguf_n_fields(gguf); i++) {
		const struct gguf_field *f = gguf_field(gguf, i);

		strbuf_add(out, f->key.bytes, f->key.len);
		strbuf_printf(out, " %d %d %zu:", f->kind, f->item, f->n);
		strbuf_add(out, f->value, f->bytes);
	}
	for (size_t i = 0; i < gguf_n_tensors(gguf); i++) {
		const struct tensor *t = gguf_tensor(gguf, i);

		strbuf_printf(out, "%s %d %d", gguf_tensor_name(gguf, i),
		              t->dtype, t->n_dims);
		for (int d = 0; d < t->n_dims; d++)
			strbuf_printf(out, " %lld", (long long)t->shape[d]);
		strbuf_add(out, t->data, t->bytes);
	}
}

/* A file with something of everything.  Some bytes are content (of a name, a
 * text, a number, or which kind of number), and another value there makes
 * another file that is just as right; the rest is structure. */
struct sample {
	struct strbuf s;
	size_t begin[64], end[64]; /* of content */
	size_t n;
};

static void content(struct sample *x, size_t bytes_before)
{
	x->begin[x->n] = x->s.len - bytes_before;
	x->end[x->n++] = x->s.len;
}

static void sample_key(struct sample *x, const char *key, uint32_t kind)
{
	put_text(&x->s, key);
	content(x, strlen(key));
	put_u32(&x->s, kind);
	content(x, 4); /* another kind of the same width */
}

static void make_sample(struct sample *x)
{
	*x = (struct sample){ .s = STRBUF_INIT };
	put_head(&x->s, 3, 3, 6);
	sample_key(x, "general.architecture", 8);
	put_text(&x->s, "qwen3");
	content(x, 5);
	sample_key(x, "qwen3.block_count", 4);
	put_u32(&x->s, 7);
	content(x, 4);
	sample_key(x, "flag", 7);
	put_int(&x->s, 1, 1);
	content(x, 1);
	sample_key(x, "words", 9);
	put_u32(&x->s, 8);
	put_u64(&x->s, 2);
	put_text(&x->s, "one");
	content(x, 3);
	put_text(&x->s, "three");
	content(x, 5);
	sample_key(x, "numbers", 9);
	put_u32(&x->s, 5);
	content(x, 4);
	put_u64(&x->s, 3);
	put_u64(&x->s, 0x0123456789abcdef);
	put_u32(&x->s, 0x81234567);
	content(x, 12);
	sample_key(x, "epsilon", 6);
	put_u32(&x->s, 0x3586371d);
	content(x, 4);
	put_text(&x->s, "a.weight");
	content(x, 8);
	put_u32(&x->s, 1);
	put_u64(&x->s, 64);
	put_u32(&x->s, 0);
	put_u64(&x->s, 0);
	put_text(&x->s, "b.weight");
	content(x, 8);
	put_u32(&x->s, 2);
	put_u64(&x->s, 32);
	put_u64(&x->s, 4);
	put_u32(&x->s, 8);
	put_u64(&x->s, 256);
	put_text(&x->s, "c.weight");
	content(x, 8);
	put_u32(&x->s, 1);
	put_u64(&x->s, 3);
	put_u32(&x->s, 30);
	put_u64(&x->s, 416);
	put_padding(&x->s, 32);
}

static bool is_content(const struct sample *x, size_t at)
{
	for (size_t i = 0; i < x->n; i++)
		if (at >= x->begin[i] && at < x->end[i])
			return true;
	return false;
}

static void every_flipped_bit_of_the_header_is_an_error_or_harmless(
	void **state)
{
	char *dir = test_tmp_dir();
	struct strbuf right = STRBUF_INIT;
	struct sample x;
	struct gguf *gguf;
	size_t header, refused = 0, equal = 0, changed = 0;

	(void)state;
	make_sample(&x);
	header = x.s.len;
	put_data(&x.s, 256 + 136);
	put_padding(&x.s, 32);
	put_data(&x.s, 6);
	test_write(dir, "x", x.s.bytes, x.s.len);
	gguf = open_in(dir, "x", NULL);
	assert_non_null(gguf);
	describe(&right, gguf);
	gguf_free(gguf);
	for (size_t bit = 0; bit < 8 * header; bit++) {
		struct strbuf got = STRBUF_INIT;
		struct error err = { "" };
		size_t different = 0;

		x.s.bytes[bit / 8] ^= (char)(1 << bit % 8);
		test_write(dir, "x", x.s.bytes, x.s.len);
		x.s.bytes[bit / 8] ^= (char)(1 << bit % 8);
		gguf = open_in(dir, "x", &err);
		if (!gguf) {
			assert_true(strlen(err.text) > 10);
			refused++;
			continue;
		}
		describe(&got, gguf);
		gguf_free(gguf);
		for (size_t i = 0; i < got.len && i < right.len; i++)
			different += got.bytes[i] != right.bytes[i];
		if (got.len == right.len && !different)
			equal++;
		else if (is_content(&x, bit / 8))
			changed++;
		else
			fail_msg("bit %zu of byte %zu: another file", bit % 8,
			         bit / 8);
		strbuf_free(&got);
	}
	print_message("# %zu bits: %zu refused, %zu without effect, %zu of "
	              "content\n",
	              8 * header, refused, equal, changed);
	assert_true(refused > 5 * header);
	strbuf_free(&right);
	strbuf_free(&x.s);
	free(dir);
}

static void every_prefix_is_refused(void **state)
{
	char *dir = test_tmp_dir();
	struct sample x;
	struct gguf *gguf;

	(void)state;
	make_sample(&x);
	put_data(&x.s, 256 + 136);
	put_padding(&x.s, 32);
	put_data(&x.s, 6);
	for (size_t len = 0; len < x.s.len; len++) {
		struct error err = { "" };

		test_write(dir, "x", x.s.bytes, len);
		gguf = open_in(dir, "x", &err);
		if (gguf)
			fail_msg("%zu of %zu bytes were enough", len, x.s.len);
		assert_non_null(strstr(err.text, "/x: "));
	}
	test_write(dir, "x", x.s.bytes, x.s.len);
	gguf = open_in(dir, "x", NULL);
	assert_non_null(gguf);
	gguf_free(gguf);
	strbuf_free(&x.s);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_kind_of_value_is_read),
	cmocka_unit_test(
		what_is_absent_or_of_another_kind_leaves_the_answer_alone),
	cmocka_unit_test(arrays_are_read_item_by_item),
	cmocka_unit_test(tensors_lie_where_the_file_has_them),
	cmocka_unit_test(another_alignment_is_kept_to),
	cmocka_unit_test(all_types_have_their_number),
	cmocka_unit_test(parts_are_found_by_the_name_of_the_first),
	cmocka_unit_test(parts_that_do_not_fit_are_refused),
	cmocka_unit_test(a_later_part_or_another_name_is_refused),
	cmocka_unit_test(parts_that_hold_more_than_they_say_are_refused),
	cmocka_unit_test(
		every_flipped_bit_of_the_header_is_an_error_or_harmless),
	cmocka_unit_test(every_prefix_is_refused),
};

TEST_MAIN(tests)
