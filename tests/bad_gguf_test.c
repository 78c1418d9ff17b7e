/*
 * GGUF files made to break a reader.  Each must be refused within a second and
 * 64 MiB, with a line that names the file, the thing and the numbers.
 */
#include "tests/gguf_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/paths.h"
#include "checkpoint/gguf.h"

/* ---- what the bad files have in common ---- */

static void head(struct strbuf *s, uint64_t n_tensors, uint64_t n_keys)
{
	put_head(s, 3, n_tensors, n_keys);
}

/* The rest of a file whose only fault came before. */
static void tail(struct strbuf *s, size_t data)
{
	put_padding(s, 32);
	put_data(s, data);
}

/* One tensor of that shape; `data` bytes follow. */
static void tensor(struct strbuf *s, uint64_t inner, uint64_t outer,
                   uint32_t type, uint64_t offset, size_t data)
{
	head(s, 1, 0);
	put_tensor(s, "w", inner, outer, type, offset);
	tail(s, data);
}

/* ---- header ---- */

static void empty(struct strbuf *s)
{
	(void)s;
}

static void only_magic(struct strbuf *s)
{
	strbuf_add_str(s, "GGUF");
}

static void other_magic(struct strbuf *s)
{
	strbuf_add_str(s, "GGML\3");
	put_data(s, 100);
}

static void version_0(struct strbuf *s)
{
	put_head(s, 0, 0, 0);
}

static void version_1(struct strbuf *s)
{
	strbuf_add_str(s, "GGUF");
	put_u32(s, 1); /* whose counts had 32 bits */
	put_u32(s, 0);
	put_u32(s, 0);
	put_u64(s, 0);
}

static void version_4(struct strbuf *s)
{
	put_head(s, 4, 0, 0);
}

static void big_endian(struct strbuf *s)
{
	put_head(s, 0x03000000, 0, 0);
}

static void counts_cut_off(struct strbuf *s)
{
	head(s, 0, 0);
	s->len -= 3;
}

static void billions_of_keys(struct strbuf *s)
{
	head(s, 0, 4000000000);
	put_data(s, 1000);
}

static void all_the_keys_there_are(struct strbuf *s)
{
	head(s, 0, UINT64_MAX);
	put_data(s, 1000);
}

static void more_keys_than_bytes(struct strbuf *s)
{
	head(s, 0, 100);
	put_u32_key(s, "a", 1);
}

static void billions_of_tensors(struct strbuf *s)
{
	head(s, 4000000000, 0);
	put_data(s, 1000);
}

static void more_tensors_than_bytes(struct strbuf *s)
{
	head(s, 1000, 0);
	put_tensor(s, "w", 8, 0, 0, 0);
	tail(s, 32);
}

static void tensors_of_which_one_is_data(struct strbuf *s)
{
	head(s, 2, 0);
	put_tensor(s, "w", 8, 0, 0, 0);
	tail(s, 64);
}

static void fewer_tensors_than_there_are(struct strbuf *s)
{
	head(s, 1, 0);
	put_tensor(s, "v", 8, 0, 0, 0);
	put_tensor(s, "w", 8, 0, 0, 32);
	tail(s, 64);
}

/* ---- keys ---- */

static void empty_key(struct strbuf *s)
{
	head(s, 0, 1);
	put_u32_key(s, "", 1);
	put_padding(s, 32);
}

static void key_of_exabytes(struct strbuf *s)
{
	head(s, 0, 1);
	put_u64(s, 1ull << 60);
	put_data(s, 100);
}

static void key_whose_length_wraps(struct strbuf *s)
{
	head(s, 0, 1);
	put_u64(s, UINT64_MAX - 20);
	put_data(s, 100);
}

static void key_with_an_escape(struct strbuf *s)
{
	head(s, 0, 1);
	put_u32_key(s, "a\33[2J", 1);
	put_padding(s, 32);
}

static void key_with_a_nul(struct strbuf *s)
{
	head(s, 0, 1);
	put_u64(s, 3);
	strbuf_add(s, "a\0b", 3);
	put_u32(s, 4);
	put_u32(s, 1);
}

static void key_longer_than_the_format_has(struct strbuf *s)
{
	head(s, 0, 1);
	put_u64(s, 70000);
	for (int i = 0; i < 70000; i++)
		strbuf_add_char(s, 'k');
	put_u32(s, 4);
	put_u32(s, 1);
}

static void key_twice(struct strbuf *s)
{
	head(s, 0, 2);
	put_u32_key(s, "general.alignment", 32);
	put_u32_key(s, "general.alignment", 64);
}

static void unknown_kind(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "a", 13);
	put_u64(s, 0);
}

static void value_cut_off(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "general.name", 10);
	put_u32(s, 1);
}

static void bool_of_two(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "a", 7);
	put_int(s, 2, 1);
}

static void bool_array_with_a_three(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "a", 9);
	put_u32(s, 7);
	put_u64(s, 3);
	put_int(s, 0x030001, 3);
}

static void string_past_the_end(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "general.name", 8);
	put_u64(s, 1000);
	put_data(s, 999);
}

static void string_whose_length_wraps(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "general.name", 8);
	put_u64(s, UINT64_MAX);
	put_data(s, 100);
}

static void array_of_arrays(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "a", 9);
	put_u32(s, 9);
	put_u64(s, 1);
	put_u32(s, 4);
	put_u64(s, 1);
	put_u32(s, 1);
}

static void array_of_unknown_kind(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "a", 9);
	put_u32(s, 4096);
	put_u64(s, 1);
	put_u64(s, 1);
}

static void array_of_billions(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "tokenizer.ggml.tokens", 9);
	put_u32(s, 8);
	put_u64(s, 5000000000);
	put_data(s, 1000);
}

static void array_whose_size_wraps(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "a", 9);
	put_u32(s, 10);
	put_u64(s, (1ull << 61) + 1); /* times 8 is 8 */
	put_u64(s, 7);
}

static void array_longer_than_the_file(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "a", 9);
	put_u32(s, 12);
	put_u64(s, 20);
	put_data(s, 100);
}

static void array_of_strings_cut_off(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "tokenizer.ggml.tokens", 9);
	put_u32(s, 8);
	put_u64(s, 3);
	put_text(s, "one");
	put_text(s, "two");
}

static void alignment_0(struct strbuf *s)
{
	head(s, 0, 1);
	put_u32_key(s, "general.alignment", 0);
}

static void alignment_33(struct strbuf *s)
{
	head(s, 0, 1);
	put_u32_key(s, "general.alignment", 33);
}

static void alignment_of_gigabytes(struct strbuf *s)
{
	head(s, 0, 1);
	put_u32_key(s, "general.alignment", 1u << 31);
}

/* q8_0_x16: 16 rows together, of 64 elements. */
#define PACKED_Q8_0 0x43460008

static void packed_of_narrow_alignment(struct strbuf *s)
{
	tensor(s, 64, 16, PACKED_Q8_0, 0, 1088);
}

/* In a file that may hold packed types. */
static void packed(struct strbuf *s, uint64_t inner, uint64_t outer,
                   uint32_t type, size_t data)
{
	head(s, 1, 1);
	put_u32_key(s, "general.alignment", 64);
	put_tensor(s, "w", inner, outer, type, 0);
	put_padding(s, 64);
	put_data(s, data);
}

static void packed_of_15_rows(struct strbuf *s)
{
	packed(s, 64, 15, PACKED_Q8_0, 1020);
}

static void packed_without_rows(struct strbuf *s)
{
	packed(s, 64, 0, PACKED_Q8_0, 68);
}

static void packed_of_half_a_record(struct strbuf *s)
{
	packed(s, 32, 16, PACKED_Q8_0, 544);
}

static void packed_past_the_end(struct strbuf *s)
{
	packed(s, 64, 32, PACKED_Q8_0, 2175);
}

static void packed_of_a_type_that_is_not(struct strbuf *s)
{
	packed(s, 256, 16, 0x4346000d, 2816); /* q5_k */
}

static void alignment_in_words(struct strbuf *s)
{
	head(s, 0, 1);
	put_string_key(s, "general.alignment", "32");
}

static void parts_0xffff(struct strbuf *s)
{
	head(s, 0, 2);
	put_key(s, "split.no", 2);
	put_int(s, 0, 2);
	put_key(s, "split.count", 2);
	put_int(s, 0xffff, 2);
}

/* 60 MB of strings: right in itself, but no vocabulary. */
static void header_without_end(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "tokenizer.ggml.tokens", 9);
	put_u32(s, 8);
	put_u64(s, 7500000);
	strbuf_reserve(s, 60000000);
	memset(s->bytes + s->len, 0, 60000000); /* empty strings */
	s->len += 60000000;
}

static void value_of_100_mb(struct strbuf *s)
{
	head(s, 0, 1);
	put_key(s, "a", 8);
	put_u64(s, 100000000);
	strbuf_reserve(s, 100000000);
	memset(s->bytes + s->len, 'x', 100000000);
	s->len += 100000000;
}

/* ---- tensors ---- */

static void no_dimensions(struct strbuf *s)
{
	head(s, 1, 0);
	put_text(s, "w");
	put_u32(s, 0);
	put_u32(s, 0);
	put_u64(s, 0);
	tail(s, 4);
	put_data(s, 32);
}

static void five_dimensions(struct strbuf *s)
{
	head(s, 1, 0);
	put_text(s, "w");
	put_u32(s, 5);
	for (int i = 0; i < 5; i++)
		put_u64(s, 1);
	put_u32(s, 0);
	put_u64(s, 0);
	tail(s, 4);
}

static void billions_of_dimensions(struct strbuf *s)
{
	head(s, 1, 0);
	put_text(s, "w");
	put_u32(s, 0xffffffff);
	put_data(s, 100);
}

static void dimension_0(struct strbuf *s)
{
	head(s, 1, 0);
	put_text(s, "w");
	put_u32(s, 2);
	put_u64(s, 32);
	put_u64(s, 0);
	put_u32(s, 0);
	put_u64(s, 0);
	tail(s, 32);
}

static void dimension_below_0(struct strbuf *s)
{
	tensor(s, (uint64_t)-32, 1, 0, 0, 128);
}

static void product_that_wraps(struct strbuf *s)
{
	tensor(s, 1ull << 32, 1ull << 32, 0, 0, 128);
}

static void bytes_that_wrap(struct strbuf *s)
{
	tensor(s, 1ull << 31, 1ull << 31, 0, 0, 128);
}

static void product_that_wraps_to_a_little(struct strbuf *s)
{
	tensor(s, 4, (1ull << 62) + 8, 0, 0, 128); /* 16 bytes times 2^62 + 8 */
}

static void rows_that_are_no_blocks(struct strbuf *s)
{
	tensor(s, 33, 2, 8, 0, 136);
}

static void rows_that_are_no_super_blocks(struct strbuf *s)
{
	tensor(s, 128, 2, 12, 0, 144);
}

static void type_that_is_unknown(struct strbuf *s)
{
	tensor(s, 32, 2, 1000, 0, 128);
}

static void type_that_is_not_read(struct strbuf *s)
{
	tensor(s, 256, 1, 16, 0, 66);
}

static void data_cut_off(struct strbuf *s)
{
	tensor(s, 32, 4, 0, 0, 511);
}

static void no_data_at_all(struct strbuf *s)
{
	head(s, 1, 0);
	put_tensor(s, "w", 32, 4, 0, 0);
}

static void offset_that_is_not_aligned(struct strbuf *s)
{
	tensor(s, 8, 0, 0, 4, 64);
}

static void offset_after_a_gap(struct strbuf *s)
{
	tensor(s, 8, 0, 0, 32, 64);
}

static void offset_that_wraps(struct strbuf *s)
{
	tensor(s, 8, 0, 0, (uint64_t)-32, 64);
}

static void overlap(struct strbuf *s)
{
	head(s, 2, 0);
	put_tensor(s, "v", 16, 0, 0, 0);
	put_tensor(s, "w", 16, 0, 0, 32);
	tail(s, 128);
}

static void same_place(struct strbuf *s)
{
	head(s, 2, 0);
	put_tensor(s, "v", 16, 0, 0, 0);
	put_tensor(s, "w", 16, 0, 0, 0);
	tail(s, 128);
}

static void sum_that_wraps(struct strbuf *s)
{
	head(s, 3, 0);
	put_tensor(s, "u", 1ull << 61, 0, 24, 0); /* i8 */
	put_tensor(s, "v", 1ull << 61, 0, 24, 1ull << 61);
	put_tensor(s, "w", 8, 0, 0, 1ull << 62);
	tail(s, 128);
}

static void sizes_that_together_wrap(struct strbuf *s)
{
	head(s, 2, 0);
	put_tensor(s, "v", 1ull << 60, 15, 1, 0); /* f16: 15 * 2^61 */
	put_tensor(s, "w", 8, 0, 0, 0);
	tail(s, 128);
}

static void name_twice(struct strbuf *s)
{
	head(s, 2, 0);
	put_tensor(s, "w", 8, 0, 0, 0);
	put_tensor(s, "w", 8, 0, 0, 32);
	tail(s, 64);
}

static void empty_name(struct strbuf *s)
{
	head(s, 1, 0);
	put_tensor(s, "", 8, 0, 0, 0);
	tail(s, 32);
}

static void long_name(struct strbuf *s)
{
	char name[301];

	memset(name, 'n', 300);
	name[300] = '\0';
	head(s, 1, 0);
	put_tensor(s, name, 8, 0, 0, 0);
	tail(s, 32);
}

static void name_with_a_newline(struct strbuf *s)
{
	head(s, 1, 0);
	put_tensor(s, "a\nb", 8, 0, 0, 0);
	tail(s, 32);
}

static void name_of_exabytes(struct strbuf *s)
{
	head(s, 1, 0);
	put_u64(s, 1ull << 62);
	put_data(s, 100);
}

static void something_in_the_padding(struct strbuf *s)
{
	head(s, 1, 0);
	put_tensor(s, "w", 8, 0, 0, 0);
	strbuf_add_char(s, 1);
	tail(s, 32);
}

static void something_after_the_last(struct strbuf *s)
{
	tensor(s, 8, 0, 0, 0, 40);
}

static void much_after_the_last(struct strbuf *s)
{
	tensor(s, 8, 0, 0, 0, 32);
	for (int i = 0; i < 100000; i++)
		strbuf_add_char(s, 0);
}

/* clang-format off */
#define CASE(name, says) { #name, name, says }

static const struct {
	const char *name;
	void (*make)(struct strbuf *s);
	const char *says;
} cases[] = {
	CASE(empty, "4 bytes at offset 0, where 0 bytes"),
	CASE(only_magic, "the version of 4 bytes at offset 4"),
	CASE(other_magic, "47 47 4d 4c"),
	CASE(version_0, "version 0, not 2 or 3"),
	CASE(version_1, "version 1, not 2 or 3"),
	CASE(version_4, "version 4, not 2 or 3"),
	CASE(big_endian, "big-endian"),
	CASE(counts_cut_off, "8 bytes at offset 16, where 5 bytes"),
	CASE(billions_of_keys, "4000000000 keys in a file of 1024"),
	CASE(all_the_keys_there_are, "18446744073709551615 keys"),
	CASE(more_keys_than_bytes, "100 keys in a file of 41"),
	CASE(billions_of_tensors, "4000000000 tensors in a file of 1024"),
	CASE(more_tensors_than_bytes, "1000 tensors in a file of 96"),
	CASE(tensors_of_which_one_is_data, "tensor 2 of 2: "),
	CASE(fewer_tensors_than_there_are, "padding after the header: byte"),
	CASE(empty_key, "key 1 of 1: a name of 0 bytes"),
	CASE(key_of_exabytes, "1152921504606846976 bytes"),
	CASE(key_whose_length_wraps, "18446744073709551595 bytes"),
	CASE(key_with_an_escape, "byte 0x1b at 1"),
	CASE(key_with_a_nul, "byte 0x00 at 1"),
	CASE(key_longer_than_the_format_has, "70000 bytes, not of 1 to 65535"),
	CASE(key_twice, "key general.alignment: there is another"),
	CASE(unknown_kind, "key a: value kind 13, where 12"),
	CASE(value_cut_off, "key general.name: a value of 8 bytes"),
	CASE(bool_of_two, "key a: a bool of value 2"),
	CASE(bool_array_with_a_three, "key a: a bool of value 3"),
	CASE(string_past_the_end, "a string of 1000 bytes"),
	CASE(string_whose_length_wraps, "a string of 18446744073709551615"),
	CASE(array_of_arrays, "key a: an array of arrays"),
	CASE(array_of_unknown_kind, "key a: item kind 4096"),
	CASE(array_of_billions, "an array of 5000000000 items"),
	CASE(array_whose_size_wraps, "an array of 2305843009213693953 items"),
	CASE(array_longer_than_the_file, "a value of 160 bytes"),
	CASE(array_of_strings_cut_off, "length of 8 bytes at offset 91"),
	CASE(alignment_0, "key general.alignment: 0, not a power"),
	CASE(alignment_33, "key general.alignment: 33, not a power"),
	CASE(alignment_of_gigabytes, "alignment: 2147483648, not a power"),
	CASE(packed_of_narrow_alignment,
	     "w: type q8_0_x16 in a file of alignment 32, not 64"),
	CASE(packed_of_15_rows, "w: 15 rows of type q8_0_x16, which has 16"),
	CASE(packed_without_rows, "w: 1 rows of type q8_0_x16, which has 16"),
	CASE(packed_of_half_a_record, "rows of 32 elements of type q8_0_x16"),
	CASE(packed_past_the_end, "w: 2176 bytes at offset"),
	CASE(packed_of_a_type_that_is_not, "type 1128661005 (unknown)"),
	CASE(alignment_in_words, "key general.alignment: not an integer"),
	CASE(parts_0xffff, "key split.count: 65535 parts"),
	CASE(header_without_end, "a header of over 50331648 bytes"),
	CASE(value_of_100_mb, "100000000 bytes at offset 45 would make"),
	CASE(no_dimensions, "tensor w: 0 dimensions"),
	CASE(five_dimensions, "tensor w: 5 dimensions"),
	CASE(billions_of_dimensions, "tensor w: 4294967295 dimensions"),
	CASE(dimension_0, "tensor w: dimension 1 is 0"),
	CASE(dimension_below_0, "tensor w: dimension 0 is 184467"),
	CASE(product_that_wraps, "tensor w: the product"),
	CASE(bytes_that_wrap, "tensor w: the product"),
	CASE(product_that_wraps_to_a_little, "tensor w: the product"),
	CASE(rows_that_are_no_blocks, "rows of 33 elements of type q8_0"),
	CASE(rows_that_are_no_super_blocks, "rows of 128 elements of type q4_k"),
	CASE(type_that_is_unknown, "tensor w: type 1000 (unknown)"),
	CASE(type_that_is_not_read, "tensor w: type 16 (iq2_xxs)"),
	CASE(data_cut_off, "512 bytes at offset 96, where the file of 607"),
	CASE(no_data_at_all, "tensor w: 512 bytes at offset"),
	CASE(offset_that_is_not_aligned, "offset is 4, but the tensors before "),
	CASE(offset_after_a_gap, "offset is 32, but"),
	CASE(offset_that_wraps, "offset is 18446744073709551584, but"),
	CASE(overlap, "tensor w: its offset is 32, but the tensors before it "
	              "end at 64"),
	CASE(same_place, "tensor w: its offset is 0, but"),
	CASE(sum_that_wraps, "type 24 (i8)"),
	CASE(sizes_that_together_wrap, "tensor v: "),
	CASE(name_twice, "tensor w: there is another"),
	CASE(empty_name, "tensor 1 of 1: a name of 0 bytes"),
	CASE(long_name, "tensor 1 of 1: a name of 300 bytes"),
	CASE(name_with_a_newline, "byte 0x0a at 1"),
	CASE(name_of_exabytes, "4611686018427387904 bytes"),
	CASE(something_in_the_padding, "byte 0x01 at offset"),
	CASE(something_after_the_last, "after the last tensor: byte"),
	CASE(much_after_the_last, "100000 bytes at offset 96 that belong"),
};
/* clang-format on */

#define N_CASES (sizeof cases / sizeof cases[0])

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* In a process of its own, whose peak of memory tells.  0: as it should be. */
static int try_to_open(const char *path, const char *says)
{
	struct error err = { "" };
	long before = peak_kib();
	double start = now();
	struct gguf *gguf = gguf_open(path, &err);

	if (gguf || !strstr(err.text, says) ||
	    strncmp(err.text, path, strlen(path))) {
		fprintf(stderr, "says: %s\n", gguf ? "nothing" : err.text);
		return 1;
	}
	if (now() - start > 1)
		return 2;
	return peak_kib() - before > 64 * 1024 ? 3 : 0;
}

static void every_bad_file_is_refused_cheaply_and_by_name(void **state)
{
	static const char *const faults[] = { "", "accepted, or another reason",
		                              "took over a second",
		                              "took over 64 MiB" };
	char *dir = test_tmp_dir(), *path = paths_join(dir, "bad.gguf");

	(void)state;
	for (size_t i = 0; i < N_CASES; i++) {
		struct strbuf s = STRBUF_INIT;
		int status;
		pid_t child;

		cases[i].make(&s);
		test_write(dir, "bad.gguf", s.bytes, s.len);
		strbuf_free(&s);
		fflush(NULL);
		child = fork();
		if (child == 0)
			_exit(try_to_open(path, cases[i].says));
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFEXITED(status))
			fail_msg("%s: died of signal %d", cases[i].name,
			         WTERMSIG(status));
		if (WEXITSTATUS(status))
			fail_msg("%s: %s", cases[i].name,
			         WEXITSTATUS(status) <= 3
			                 ? faults[WEXITSTATUS(status)]
			                 : "failed under the sanitizer");
	}
	print_message("# %zu bad files\n", N_CASES);
	free(path);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_bad_file_is_refused_cheaply_and_by_name),
};

TEST_MAIN(tests)
