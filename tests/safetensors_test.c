#include "tests/safetensors_file.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "checkpoint/safetensors.h"

/* 24 + 8 + 6 + 4 bytes, listed in another order than they lie. */
static const char small[] = "{\"b.weight\":{\"dtype\":\"F16\",\"shape\":[4],"
			    "\"data_offsets\":[24,32]},"
			    "\"__metadata__\":{\"format\":\"pt\"},"
			    "\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],"
			    "\"data_offsets\":[0,24]},"
			    "\"c\":{\"dtype\":\"BF16\",\"shape\":[1,3,1],"
			    "\"data_offsets\":[32,38]},"
			    "\"scalar\":{\"data_offsets\":[38,40],\"shape\":[],"
			    "\"dtype\":\"BF16\"}}";
#define SMALL_DATA 40

static struct safetensors *open_in(const char *dir, const char *name,
                                   struct error *err)
{
	char *path = paths_join(dir, name);
	struct safetensors *st = safetensors_open(path, err);

	free(path);
	return st;
}

static void a_file_is_what_its_header_says(void **state)
{
	char *dir = test_tmp_dir();
	struct error err = { "" };
	struct safetensors *st;
	const struct tensor *t;

	(void)state;
	put_safetensors(dir, "x", small, SMALL_DATA);
	st = open_in(dir, "x", &err);
	assert_string_equal(err.text, "");
	assert_int_equal(safetensors_n_tensors(st), 4);
	assert_string_equal(safetensors_name(st, 0), "a.weight");
	assert_string_equal(safetensors_name(st, 1), "b.weight");
	assert_string_equal(safetensors_name(st, 2), "c");
	assert_string_equal(safetensors_name(st, 3), "scalar");
	t = safetensors_tensor(st, 0);
	assert_int_equal(t->dtype, DTYPE_F32);
	assert_int_equal(t->n_dims, 2);
	assert_int_equal(t->shape[0], 2);
	assert_int_equal(t->shape[1], 3);
	assert_int_equal(t->bytes, 24);
	for (int i = 0; i < 24; i++)
		assert_int_equal(((const uint8_t *)t->data)[i],
		                 (uint8_t)(37 * i + 1));
	t = safetensors_tensor(st, 1);
	assert_int_equal(t->dtype, DTYPE_F16);
	assert_int_equal(t->n_dims, 1);
	assert_int_equal(*(const uint8_t *)t->data, (uint8_t)(37 * 24 + 1));
	t = safetensors_tensor(st, 2);
	assert_int_equal(t->dtype, DTYPE_BF16);
	assert_int_equal(t->n_dims, 3);
	assert_int_equal(t->shape[1], 3);
	t = safetensors_tensor(st, 3);
	assert_int_equal(t->n_dims, 1);
	assert_int_equal(t->shape[0], 1);
	assert_int_equal(t->bytes, 2);
	assert_int_equal(safetensors_file(st)->size % 8, 0);
	safetensors_free(st);
	safetensors_free(NULL);
	free(dir);
}

static void a_file_without_tensors_is_fine(void **state)
{
	char *dir = test_tmp_dir();
	struct safetensors *st;

	(void)state;
	put_safetensors(dir, "x", "{}", 0);
	st = open_in(dir, "x", NULL);
	assert_non_null(st);
	assert_int_equal(safetensors_n_tensors(st), 0);
	safetensors_free(st);
	free(dir);
}

/* Buffers that no Qwen3 needs do not stand in the way. */
static void other_types_are_left_out_unless_they_are_weights(void **state)
{
	static const char *const types[] = { "BOOL",    "U8",  "I8",  "F8_E4M3",
		                             "F8_E5M2", "I16", "U16", "I32",
		                             "U32",     "I64", "U64", "F64" };
	static const int sizes[] = { 1, 1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 8 };
	char *dir = test_tmp_dir(), header[500];

	(void)state;
	for (int i = 0; i < 12; i++) {
		struct error err = { "" };
		struct safetensors *st;

		snprintf(header, sizeof header,
		         "{\"ids\":{\"dtype\":\"%s\",\"shape\":[2],"
		         "\"data_offsets\":[0,%d]},\"w.weight\":{\"dtype\":"
		         "\"BF16\",\"shape\":[3],\"data_offsets\":[%d,%d]}}",
		         types[i], 2 * sizes[i], 2 * sizes[i],
		         2 * sizes[i] + 6);
		put_safetensors(dir, "x", header, 2 * (size_t)sizes[i] + 6);
		st = open_in(dir, "x", &err);
		assert_string_equal(err.text, "");
		assert_int_equal(safetensors_n_tensors(st), 1);
		assert_string_equal(safetensors_name(st, 0), "w.weight");
		safetensors_free(st);

		snprintf(header, sizeof header,
		         "{\"q_proj.%sweight\":{\"dtype\":\"%s\",\"shape\":[2],"
		         "\"data_offsets\":[0,%d]}}",
		         i % 2 ? "q" : "", types[i], 2 * sizes[i]);
		put_safetensors(dir, "x", header, 2 * (size_t)sizes[i]);
		assert_null(open_in(dir, "x", &err));
		snprintf(header, sizeof header,
		         "weight\": dtype %s is not supported (BF16, F16 and "
		         "F32 are)",
		         types[i]);
		assert_non_null(strstr(err.text, header));
	}
	free(dir);
}

static void every_beginning_of_a_file_is_refused(void **state)
{
	char *dir = test_tmp_dir(), *whole = paths_join(dir, "whole");
	struct strbuf bytes = STRBUF_INIT;

	(void)state;
	put_safetensors(dir, "whole", small, SMALL_DATA);
	assert_int_equal(file_read(&bytes, whole, 10000, NULL), 0);
	for (size_t len = 0; len < bytes.len; len++) {
		struct error err = { "" };

		test_write(dir, "cut", bytes.bytes, len);
		assert_null(open_in(dir, "cut", &err));
		assert_non_null(strstr(err.text, "/cut: "));
	}
	strbuf_free(&bytes);
	free(whole);
	free(dir);
}

/* Whatever was opened must be inside the file and fill its shape. */
static void assert_sound(const struct safetensors *st)
{
	const struct file_map *map = safetensors_file(st);
	size_t total = 0;

	for (size_t i = 0; i < safetensors_n_tensors(st); i++) {
		const struct tensor *t = safetensors_tensor(st, i);
		const uint8_t *data = t->data;
		int64_t elements;
		size_t bytes;

		assert_true(safetensors_name(st, i)[0] != '\0');
		assert_true(tensor_size(t->dtype, t->n_dims, t->shape,
		                        &elements, &bytes));
		assert_int_equal(bytes, t->bytes);
		assert_true(data >= map->bytes + 8);
		assert_true(bytes <= (size_t)(map->bytes + map->size - data));
		total += bytes;
	}
	assert_true(total <= SMALL_DATA);
}

static void every_changed_bit_gives_an_error_or_a_sound_file(void **state)
{
	char *dir = test_tmp_dir(), *whole = paths_join(dir, "whole");
	struct strbuf bytes = STRBUF_INIT;
	size_t header, refused = 0;

	(void)state;
	put_safetensors(dir, "whole", small, SMALL_DATA);
	assert_int_equal(file_read(&bytes, whole, 10000, NULL), 0);
	header = bytes.len - SMALL_DATA;
	for (size_t bit = 0; bit < 8 * header; bit++) {
		struct safetensors *st;

		bytes.bytes[bit / 8] ^= (char)(1 << bit % 8);
		test_write(dir, "flip", bytes.bytes, bytes.len);
		bytes.bytes[bit / 8] ^= (char)(1 << bit % 8);
		st = open_in(dir, "flip", NULL);
		if (st)
			assert_sound(st);
		else
			refused++;
		safetensors_free(st);
	}
	assert_true(refused > 6 * header); /* all but bits of names */
	strbuf_free(&bytes);
	free(whole);
	free(dir);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* What the sanitizers do costs time and memory of its own. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* A header of just under 16 MiB that repeats a piece. */
static void put_huge(const char *dir, const char *begin, const char *piece,
                     const char *end)
{
	struct strbuf header = STRBUF_INIT;

	strbuf_add_str(&header, begin);
	while (header.len < (16u << 20) - 1000)
		strbuf_add_str(&header, piece);
	strbuf_add_str(&header, end);
	put_safetensors(dir, "huge", header.bytes, 0);
	strbuf_free(&header);
}

/* In a process of its own, whose peak begins at what it has.  0: refused, by
 * name, quickly and in little memory. */
static int open_huge(const char *dir)
{
	struct error err = { "" };
	double start = now();
	long before = peak_kib();

	if (open_in(dir, "huge", &err) || !strstr(err.text, "/huge: "))
		return 1;
	if (strlen(err.text) > 400) /* the fault is not lost in a long name */
		return 2;
	if (now() - start > (SANITIZED ? 10 : 1))
		return 3;
	return SANITIZED || peak_kib() - before < 64 << 10 ? 0 : 4;
}

#define SPACES_32 \
	"                " \
	"                "
#define SPACES_128 SPACES_32 SPACES_32 SPACES_32 SPACES_32

static void a_hostile_header_costs_little_time_and_memory(void **state)
{
	static const char *const headers[][3] = {
		{ "{\"a\":", "[", "" },
		{ "{\"a\":[", "0,", "0]}" },
		{ "{\"a\":[", "{},", "0]}" },
		{ "{\"a\":[", "1.5,", "0]}" },
		{ "{\"", "xxxxxxxxxxxxxxxx", "\":0}" },
		{ "{\"a\":{\"dtype\":\"", "xxxxxxxxxxxxxxxx", "\"}}" },
		{ "{\"__metadata__\":{\"", "\\u00e9\\u00e9",
		  "\":\"\"},\"a\":0}" },
		{ "{", "                ", "\"a\":0}" },
		/* just under the bound on values */
		{ "{\"a\":[", "{\"k\":1.5}," SPACES_128, "0]}" },
	};
	char *dir = test_tmp_dir();

	(void)state;
	/* What this test frees must not lie ready for what it measures. */
	mallopt(M_MMAP_THRESHOLD, 1 << 17);
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		int status;
		pid_t pid;

		put_huge(dir, headers[i][0], headers[i][1], headers[i][2]);
		pid = fork();
		if (pid == 0)
			_exit(open_huge(dir));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_file_is_what_its_header_says),
	cmocka_unit_test(a_file_without_tensors_is_fine),
	cmocka_unit_test(other_types_are_left_out_unless_they_are_weights),
	cmocka_unit_test(every_beginning_of_a_file_is_refused),
	cmocka_unit_test(every_changed_bit_gives_an_error_or_a_sound_file),
	cmocka_unit_test(a_hostile_header_costs_little_time_and_memory),
};

TEST_MAIN(tests)
