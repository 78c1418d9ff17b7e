#include "tests/support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_format.h"
#include "checkpoint/gguf_write.h"

/* Names in the folder, the file's own excluded. */
static size_t others_in(const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)))
		n += entry->d_name[0] != '.' && strcmp(entry->d_name, name);
	closedir(d);
	return n;
}

static const int64_t shape_a[] = { 3, 32 }, shape_b[] = { 5 },
		     shape_c[] = { 2, 3, 256 };

/* Keys and three tensors, none of whose sizes is a multiple of 32. */
static struct gguf_write *write_header(const char *path, struct error *err)
{
	struct gguf_string words[] = { { "one", 3 }, { "", 0 }, { "a\0b", 3 } };
	int32_t numbers[] = { 1, -2, INT32_MIN };
	struct gguf_write *w = gguf_write_new(path, err);

	if (!w)
		return NULL;
	gguf_write_u32(w, "u32", 4000000000u);
	gguf_write_i32(w, "i32", -5);
	gguf_write_f32(w, "f32", 1.25f);
	gguf_write_bool(w, "yes", true);
	gguf_write_string(w, "text", "a\0b", 3);
	gguf_write_string_array(w, "words", words, 3);
	gguf_write_i32_array(w, "numbers", numbers, 3);
	if (gguf_write_tensor(w, "a", DTYPE_Q8_0, 2, shape_a, err) ||
	    gguf_write_tensor(w, "b", DTYPE_F32, 1, shape_b, err) ||
	    gguf_write_tensor(w, "c", DTYPE_Q4_K, 3, shape_c, err) ||
	    gguf_write_begin(w, err)) {
		gguf_write_free(w);
		return NULL;
	}
	return w;
}

/* Bytes 1, 2, 3, ... in pieces of a size, tensor by tensor. */
static int write_data(struct gguf_write *w, size_t piece, struct error *err)
{
	static const size_t sizes[] = { 3 * 34, 5 * 4, 6 * 144 };
	uint8_t bytes[6 * 144];
	unsigned next = 1;

	for (size_t t = 0; t < 3; t++) {
		for (size_t i = 0; i < sizes[t]; i++)
			bytes[i] = (uint8_t)next++;
		for (size_t i = 0; i < sizes[t]; i += piece)
			if (gguf_write_data(w, bytes + i,
			                    sizes[t] - i < piece ? sizes[t] - i
			                                         : piece,
			                    err))
				return -1;
	}
	return 0;
}

static void check_tensors(const struct gguf *gguf)
{
	unsigned next = 1;

	assert_int_equal(gguf_n_tensors(gguf), 3);
	for (size_t t = 0; t < 3; t++) {
		const struct tensor *tensor = gguf_tensor(gguf, t);

		for (size_t i = 0; i < tensor->bytes; i++)
			assert_int_equal(((const uint8_t *)tensor->data)[i],
			                 (uint8_t)next++);
		assert_int_equal((uintptr_t)tensor->data % 32, 0);
	}
	assert_int_equal(gguf_tensor(gguf, 0)->dtype, DTYPE_Q8_0);
	assert_int_equal(gguf_tensor(gguf, 0)->shape[0], 3);
	assert_int_equal(gguf_tensor(gguf, 0)->shape[1], 32);
	assert_int_equal(gguf_tensor(gguf, 2)->n_dims, 3);
	assert_int_equal(gguf_tensor(gguf, 2)->shape[0], 2);
	assert_int_equal(gguf_tensor(gguf, 2)->shape[2], 256);
	assert_string_equal(gguf_tensor_name(gguf, 2), "c");
}

static void check_keys(const struct gguf *gguf)
{
	struct gguf_string text, words[3];
	int64_t integer, numbers[3];
	double number;
	bool yes;

	assert_true(gguf_integer(gguf, "u32", &integer));
	assert_true(integer == 4000000000);
	assert_true(gguf_integer(gguf, "i32", &integer) && integer == -5);
	assert_true(gguf_number(gguf, "f32", &number) && number == 1.25);
	assert_true(gguf_bool(gguf, "yes", &yes) && yes);
	assert_true(gguf_string(gguf, "text", &text));
	assert_int_equal(text.len, 3);
	assert_memory_equal(text.bytes, "a\0b", 3);
	assert_true(gguf_string_array(gguf, "words", words));
	assert_memory_equal(words[0].bytes, "one", 3);
	assert_int_equal(words[1].len, 0);
	assert_memory_equal(words[2].bytes, "a\0b", 3);
	assert_true(gguf_integer_array(gguf, "numbers", numbers));
	assert_true(numbers[1] == -2 && numbers[2] == INT32_MIN);
}

static void tensors_are_aligned_as_was_asked(void **state)
{
	static const int64_t shape[] = { 3 };
	char *dir = test_tmp_dir(), *path = paths_join(dir, "aligned.gguf");
	struct error err = { "" };
	struct gguf_write *w = gguf_write_new(path, &err);
	struct gguf *gguf;

	(void)state;
	gguf_write_align(w, 1024);
	assert_int_equal(gguf_write_tensor(w, "a", DTYPE_F32, 1, shape, &err),
	                 0);
	assert_int_equal(gguf_write_tensor(w, "b", DTYPE_F32, 1, shape, &err),
	                 0);
	assert_int_equal(gguf_write_begin(w, &err), 0);
	for (int t = 0; t < 2; t++)
		assert_int_equal(gguf_write_data(w, "0123456789ab", 12, &err),
		                 0);
	assert_int_equal(gguf_write_finish(w, &err), 0);
	gguf_write_free(w);
	gguf = gguf_open(path, &err);
	assert_string_equal(err.text, "");
	for (size_t t = 0; t < 2; t++)
		assert_int_equal((uintptr_t)gguf_tensor(gguf, t)->data % 1024,
		                 0);
	assert_memory_equal(gguf_tensor(gguf, 1)->data, "0123456789ab", 12);
	gguf_free(gguf);
	free(path);
	free(dir);
}

static void what_is_written_is_read_back(void **state)
{
	static const size_t pieces[] = { 1, 7, 100, 1000 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char *dir = test_tmp_dir(), *path = paths_join(dir, "x.gguf");
		struct error err = { "" };
		struct gguf_write *w = write_header(path, &err);
		struct strbuf file = STRBUF_INIT;
		struct gguf *gguf;

		assert_non_null(w);
		assert_int_equal(write_data(w, pieces[i], &err), 0);
		assert_int_equal(gguf_write_finish(w, &err), 0);
		assert_int_equal(file_read(&file, path, 1 << 20, NULL), 0);
		assert_int_equal(file.len, gguf_write_size(w));
		gguf_write_free(w);
		gguf = gguf_open(path, &err);
		assert_string_equal(err.text, "");
		check_keys(gguf);
		check_tensors(gguf);
		gguf_free(gguf);
		assert_int_equal(others_in(dir, "x.gguf"), 0);
		strbuf_free(&file);
		free(path);
		free(dir);
	}
}

/* The bytes, by hand. */
static void the_header_is_as_the_format_says(void **state)
{
	static const char want[] =
		"GGUF\3\0\0\0"
		"\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
		"\3\0\0\0\0\0\0\0key\4\0\0\0\7\0\0\0"
		"\1\0\0\0\0\0\0\0w\2\0\0\0"
		"\40\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
		"\10\0\0\0\0\0\0\0\0\0\0\0"
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.gguf");
	const int64_t shape[] = { 2, 32 };
	struct gguf_write *w = gguf_write_new(path, NULL);
	struct strbuf file = STRBUF_INIT;
	char data[68];

	(void)state;
	memset(data, 'd', sizeof data);
	gguf_write_u32(w, "key", 7);
	assert_int_equal(gguf_write_tensor(w, "w", DTYPE_Q8_0, 2, shape, NULL),
	                 0);
	assert_int_equal(gguf_write_begin(w, NULL), 0);
	assert_int_equal(gguf_write_data(w, data, sizeof data, NULL), 0);
	assert_int_equal(gguf_write_finish(w, NULL), 0);
	gguf_write_free(w);
	assert_int_equal(file_read(&file, path, 1000, NULL), 0);
	assert_int_equal(file.len, 96 + 96);
	assert_memory_equal(file.bytes, want, 96);
	assert_memory_equal(file.bytes + 96, data, 68);
	strbuf_free(&file);
	free(path);
	free(dir);
}

static void a_field_is_copied_as_it_was(void **state)
{
	char *dir = test_tmp_dir();
	char *first = paths_join(dir, "1"), *second = paths_join(dir, "2");
	struct error err = { "" };
	struct gguf_write *w = write_header(first, &err);
	struct gguf *gguf, *copy;

	(void)state;
	assert_int_equal(write_data(w, 50, &err), 0);
	assert_int_equal(gguf_write_finish(w, &err), 0);
	gguf_write_free(w);
	gguf = gguf_open(first, &err);
	assert_non_null(gguf);
	w = gguf_write_new(second, &err);
	for (size_t i = 0; i < gguf_n_fields(gguf); i++)
		gguf_write_field(w, gguf_field(gguf, i));
	assert_int_equal(gguf_write_begin(w, &err), 0);
	assert_int_equal(gguf_write_finish(w, &err), 0);
	gguf_write_free(w);
	copy = gguf_open(second, &err);
	assert_non_null(copy);
	check_keys(copy);
	assert_int_equal(gguf_n_tensors(copy), 0);
	gguf_free(copy);
	gguf_free(gguf);
	free(second);
	free(first);
	free(dir);
}

static void an_unfinished_file_leaves_the_old_one_alone(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.gguf");
	struct strbuf file = STRBUF_INIT;
	struct gguf_write *w;

	(void)state;
	test_write(dir, "x.gguf", "old", 3);
	w = write_header(path, NULL);
	assert_non_null(w);
	assert_int_equal(others_in(dir, "x.gguf"), 1);
	assert_int_equal(write_data(w, 100, NULL), 0);
	gguf_write_free(w);
	assert_int_equal(others_in(dir, "x.gguf"), 0);
	assert_int_equal(file_read(&file, path, 100, NULL), 0);
	assert_string_equal(file.bytes, "old");
	strbuf_free(&file);
	free(path);
	free(dir);
}

static void a_failing_write_is_told_and_leaves_nothing(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.gguf");
	struct rlimit old, small;
	struct error err = { "" };
	struct gguf_write *w = write_header(path, &err);
	int failed;

	(void)state;
	assert_non_null(w);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = gguf_write_size(w) - 10;
	setrlimit(RLIMIT_FSIZE, &small);
	failed = write_data(w, 100, &err) ? -1 : gguf_write_finish(w, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(failed, -1);
	assert_non_null(strstr(err.text, "x.gguf: File too large"));
	gguf_write_free(w);
	assert_int_equal(others_in(dir, ""), 0);
	free(path);
	free(dir);
}

static void what_no_disk_holds_is_refused_before_it_is_written(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.gguf");
	const int64_t shape[] = { 1 << 26, 1 << 26 };
	struct error err = { "" };
	struct gguf_write *w = gguf_write_new(path, &err);

	(void)state;
	assert_int_equal(gguf_write_tensor(w, "w", DTYPE_F32, 2, shape, &err),
	                 0);
	assert_int_equal(gguf_write_begin(w, &err), -1);
	assert_non_null(strstr(err.text, "needs 18014398509 MB, where "));
	gguf_write_free(w);
	assert_int_equal(others_in(dir, ""), 0);
	free(path);
	free(dir);
}

static void tensors_that_cannot_be_are_refused(void **state)
{
	static const int64_t odd[] = { 2, 33 }, zero[] = { 0, 32 },
			     huge[] = { INT64_MAX / 4, 4 };
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.gguf");
	struct error err = { "" };
	struct gguf_write *w = gguf_write_new(path, &err);
	char name[65];

	(void)state;
	memset(name, 'n', 64);
	name[64] = '\0';
	assert_int_equal(gguf_write_tensor(w, "w", DTYPE_Q8_0, 2, odd, &err),
	                 -1);
	assert_non_null(strstr(err.text, "tensor w: "));
	assert_int_equal(gguf_write_tensor(w, "w", DTYPE_F32, 2, zero, &err),
	                 -1);
	assert_int_equal(gguf_write_tensor(w, "w", DTYPE_F32, 2, huge, &err),
	                 -1);
	assert_int_equal(gguf_write_tensor(w, name, DTYPE_F32, 1, shape_b,
	                                   &err),
	                 -1);
	assert_non_null(strstr(err.text, "64 bytes, at most 63"));
	gguf_write_free(w);
	assert_null(gguf_write_new("/nowhere/at/all/x.gguf", &err));
	assert_non_null(strstr(err.text, "/nowhere/at/all/x.gguf: "));
	free(path);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_written_is_read_back),
	cmocka_unit_test(tensors_are_aligned_as_was_asked),
	cmocka_unit_test(the_header_is_as_the_format_says),
	cmocka_unit_test(a_field_is_copied_as_it_was),
	cmocka_unit_test(an_unfinished_file_leaves_the_old_one_alone),
	cmocka_unit_test(a_failing_write_is_told_and_leaves_nothing),
	cmocka_unit_test(what_no_disk_holds_is_refused_before_it_is_written),
	cmocka_unit_test(tensors_that_cannot_be_are_refused),
};

TEST_MAIN(tests)
