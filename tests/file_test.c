#include "tests/support.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/strbuf.h"

static void put(const char *path, const char *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static char *in_tmp(const char *name)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, name);

	free(dir);
	return path;
}

static void reading_appends_the_whole_file(void **state)
{
	struct strbuf out = STRBUF_INIT;
	char *path = in_tmp("a"), big[200001];

	(void)state;
	put(path, "x\0y", 3);
	strbuf_add_str(&out, "before:");
	assert_int_equal(file_read(&out, path, 3, NULL), 0);
	assert_int_equal(out.len, 10);
	assert_memory_equal(out.bytes, "before:x\0y", 11);
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 7);
	put(path, big, sizeof big);
	strbuf_clear(&out);
	assert_int_equal(file_read(&out, path, sizeof big, NULL), 0);
	assert_int_equal(out.len, sizeof big);
	assert_memory_equal(out.bytes, big, sizeof big);
	put(path, "", 0);
	strbuf_clear(&out);
	assert_int_equal(file_read(&out, path, 0, NULL), 0);
	assert_string_equal(out.bytes, "");
	strbuf_free(&out);
	free(path);
}

static void a_file_over_the_bound_is_refused_with_both_numbers(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct error err;
	char *path = in_tmp("a");

	(void)state;
	put(path, "12345", 5);
	strbuf_add_str(&out, "kept");
	assert_int_equal(file_read(&out, path, 4, &err), -1);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "5 bytes, at most 4"));
	assert_string_equal(out.bytes, "kept");
	/* It has no size to look at first. */
	assert_int_equal(file_read(&out, "/dev/zero", 100000, &err), -1);
	assert_string_equal(err.text, "/dev/zero: longer than the 100000 "
	                              "bytes that are allowed");
	assert_string_equal(out.bytes, "kept");
	assert_int_equal(out.len, 4);
	strbuf_free(&out);
	free(path);
}

static void what_cannot_be_read_is_named(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct error err;
	struct file_map map = { 0 };
	char *dir = test_tmp_dir(), *path = paths_join(dir, "none");

	(void)state;
	assert_int_equal(file_read(&out, path, 10, &err), -1);
	assert_non_null(strstr(err.text, "none: No such file"));
	assert_int_equal(file_read(&out, dir, 10, &err), -1);
	assert_non_null(strstr(err.text, "is a directory"));
	assert_int_equal(file_map_open(&map, path, &err), -1);
	assert_non_null(strstr(err.text, "none: No such file"));
	assert_int_equal(file_map_open(&map, dir, &err), -1);
	assert_non_null(strstr(err.text, "is a directory"));
	assert_int_equal(file_map_open(&map, "/dev/null", &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
	/* Nobody will ever write to this one. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_map_open(&map, path, &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_null(map.path);
	free(dir);
	free(path);
}

static void *feed(void *arg)
{
	int fd = open(arg, O_WRONLY);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(write(fd, "piece.", 6), 6);
		usleep(2000);
	}
	close(fd);
	return NULL;
}

static void a_stream_is_read_to_its_end(void **state)
{
	struct strbuf out = STRBUF_INIT;
	char *path = in_tmp("fifo");
	pthread_t thread;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	pthread_create(&thread, NULL, feed, path);
	assert_int_equal(file_read(&out, path, 100, NULL), 0);
	pthread_join(thread, NULL);
	assert_string_equal(out.bytes, "piece.piece.piece.");
	strbuf_free(&out);
	free(path);
}

static void writing_replaces_the_file_and_leaves_no_other(void **state)
{
	static const mode_t masks[] = { 0, 077, 0777 };
	struct strbuf out = STRBUF_INIT;
	char *dir = test_tmp_dir(), *path = paths_join(dir, "a"), command[4200];
	struct stat st;

	(void)state;
	put(path, "the old one", 11);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(file_write(path, "new\0", 4, NULL), 0);
	assert_int_equal(file_read(&out, path, 100, NULL), 0);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.bytes, "new\0", 4);
	for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
		mode_t before = umask(masks[i]);
		int result = file_write(path, "x", 1, NULL);

		umask(before);
		assert_int_equal(result, 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	snprintf(command, sizeof command, "test $(ls -A '%s') = a", dir);
	assert_int_equal(system(command), 0);
	strbuf_free(&out);
	free(dir);
	free(path);
}

static void a_failed_write_leaves_the_old_file(void **state)
{
	char *dir = test_tmp_dir(), *sub = paths_join(dir, "sub");
	char *inside = paths_join(sub, "x"), command[4200];
	struct error err;

	(void)state;
	assert_int_equal(file_write(inside, "x", 1, &err), -1);
	assert_non_null(strstr(err.text, "sub/x: No such file"));
	/* A folder stands where the file should go: rename() refuses. */
	assert_int_equal(file_make_dirs(inside, NULL), 0);
	assert_int_equal(file_write(inside, "x", 1, &err), -1);
	assert_non_null(strstr(err.text, "sub/x: Is a directory"));
	snprintf(command, sizeof command, "test $(ls -A '%s') = x", sub);
	assert_int_equal(system(command), 0);
	free(dir);
	free(sub);
	free(inside);
}

static void a_pipe_is_written_to_and_a_link_stays(void **state)
{
	char *dir = test_tmp_dir(), *pipe = paths_join(dir, "pipe");
	char *target = paths_join(dir, "target"), *link = paths_join(dir, "l");
	struct strbuf out = STRBUF_INIT;
	char text[8];
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_true(file_is_device(pipe));
	fd = open(pipe, O_RDWR | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(file_write(pipe, "text", 4, NULL), 0);
	assert_int_equal(read(fd, text, sizeof text), 4);
	assert_memory_equal(text, "text", 4);
	close(fd);
	assert_true(file_is_device(pipe));

	put(target, "old", 3);
	assert_int_equal(symlink("target", link), 0);
	assert_int_equal(file_write(link, "new", 3, NULL), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(file_read(&out, target, 10, NULL), 0);
	assert_string_equal(out.bytes, "new");
	assert_false(file_is_device(target) || file_is_device(dir));
	strbuf_free(&out);
	free(dir);
	free(pipe);
	free(target);
	free(link);
}

/* Replaces the file again and again while another thread reads it. */
static void *rewrite(void *arg)
{
	char text[5000];

	for (int i = 0; i < 200; i++) {
		memset(text, 'a' + i % 26, sizeof text);
		assert_int_equal(file_write(arg, text,
		                            100 + 50 * (size_t)(i % 90), NULL),
		                 0);
	}
	return NULL;
}

static void a_reader_sees_the_old_or_the_new_file_never_a_mix(void **state)
{
	char *path = in_tmp("a");
	pthread_t thread;

	(void)state;
	assert_int_equal(file_write(path, "aaa", 3, NULL), 0);
	pthread_create(&thread, NULL, rewrite, path);
	for (int i = 0; i < 2000; i++) {
		struct strbuf out = STRBUF_INIT;

		assert_int_equal(file_read(&out, path, 5000, NULL), 0);
		assert_true(out.len > 0);
		for (size_t k = 1; k < out.len; k++)
			assert_int_equal(out.bytes[k], out.bytes[0]);
		strbuf_free(&out);
	}
	pthread_join(thread, NULL);
	free(path);
}

static void folders_are_made_private_whatever_the_umask(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0177, 0777 };
	char *dir = test_tmp_dir();

	(void)state;
	for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
		char path[4200];
		struct stat st;
		mode_t before = umask(masks[i]);
		int result;

		snprintf(path, sizeof path, "%s/%zu//b/c/", dir, i);
		result = file_make_dirs(path, NULL);
		umask(before);
		assert_int_equal(result, 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		snprintf(path, sizeof path, "%s/%zu", dir, i);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
	}
	free(dir);
}

static void folders_that_are_there_are_left_as_they_are(void **state)
{
	char *dir = test_tmp_dir(), *file = paths_join(dir, "f");
	char *below = paths_join(file, "x");
	struct error err;
	struct stat st;

	(void)state;
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(file_make_dirs(dir, NULL), 0);
	assert_int_equal(file_make_dirs("/", NULL), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	put(file, "", 0);
	assert_int_equal(file_make_dirs(file, &err), -1);
	assert_non_null(strstr(err.text, "/f: Not a directory"));
	assert_int_equal(file_make_dirs(below, &err), -1);
	assert_non_null(strstr(err.text, "/f/x: Not a directory"));
	assert_true(file_exists(dir) && file_exists(file));
	assert_false(file_exists(below));
	free(dir);
	free(file);
	free(below);
}

static void a_mapping_is_the_file(void **state)
{
	struct file_map map, empty;
	char *path = in_tmp("a");
	struct stat st;

	(void)state;
	put(path, "mapped", 6);
	assert_int_equal(file_map_open(&map, path, NULL), 0);
	assert_int_equal(map.size, 6);
	assert_memory_equal(map.bytes, "mapped", 6);
	assert_string_equal(map.path, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(map.mtime_ns, (int64_t)st.st_mtim.tv_sec * 1000000000 +
	                                       st.st_mtim.tv_nsec);
	put(path, "", 0);
	assert_int_equal(file_map_open(&empty, path, NULL), 0);
	assert_int_equal(empty.size, 0);
	assert_null(empty.bytes);
	file_map_close(&empty);
	file_map_close(&map);
	file_map_close(&map);
	assert_null(map.path);
	free(path);
}

static void a_live_mapping_is_blamed_for_its_addresses_only(void **state)
{
	char *first = in_tmp("first"), *second = in_tmp("second");
	struct file_map a, b;
	const uint8_t *gone;
	int local;

	(void)state;
	put(first, "1234567890", 10);
	put(second, "12345", 5);
	assert_int_equal(file_map_open(&a, first, NULL), 0);
	assert_int_equal(file_map_open(&b, second, NULL), 0);
	assert_string_equal(file_map_blame(a.bytes), first);
	assert_string_equal(file_map_blame(a.bytes + 9), first);
	assert_string_equal(file_map_blame(b.bytes + 4), second);
	assert_null(file_map_blame(a.bytes + 10));
	assert_null(file_map_blame(b.bytes - 1));
	assert_null(file_map_blame(&local));
	assert_null(file_map_blame(NULL));
	gone = a.bytes;
	file_map_close(&a);
	assert_null(file_map_blame(gone));
	assert_string_equal(file_map_blame(b.bytes), second);
	file_map_close(&b);
	free(first);
	free(second);
}

static void the_table_of_mappings_is_used_again(void **state)
{
	char *path = in_tmp("a");
	struct file_map maps[300];

	(void)state;
	put(path, "x", 1);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 300; i++)
			assert_int_equal(file_map_open(&maps[i], path, NULL),
			                 0);
		for (int i = 0; i < 256; i++)
			assert_string_equal(file_map_blame(maps[i].bytes),
			                    path);
		assert_null(file_map_blame(maps[299].bytes)); /* full */
		for (int i = 0; i < 300; i++)
			file_map_close(&maps[i]);
	}
	free(path);
}

static sigjmp_buf escape;
static const char *volatile blamed;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	blamed = file_map_blame(info->si_addr);
	siglongjmp(escape, 1);
}

static void a_file_that_shrinks_is_named_in_the_signal_handler(void **state)
{
	struct sigaction action = { .sa_sigaction = on_sigbus,
		                    .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction before;
	char *path = in_tmp("shrinks"), *pages = calloc(5, 4096);
	struct file_map map;

	(void)state;
	put(path, pages, 5 * 4096);
	assert_int_equal(file_map_open(&map, path, NULL), 0);
	assert_int_equal(truncate(path, 4096), 0);
	sigaction(SIGBUS, &action, &before);
	blamed = NULL;
	if (!sigsetjmp(escape, 1)) {
		pages[0] = *(const volatile char *)(map.bytes + 3 * 4096 + 17);
		fail_msg("no SIGBUS");
	}
	sigaction(SIGBUS, &before, NULL);
	assert_non_null(blamed);
	assert_string_equal(blamed, path);
	file_map_close(&map);
	free(pages);
	free(path);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(reading_appends_the_whole_file),
	cmocka_unit_test(a_file_over_the_bound_is_refused_with_both_numbers),
	cmocka_unit_test(what_cannot_be_read_is_named),
	cmocka_unit_test(a_stream_is_read_to_its_end),
	cmocka_unit_test(writing_replaces_the_file_and_leaves_no_other),
	cmocka_unit_test(a_failed_write_leaves_the_old_file),
	cmocka_unit_test(a_pipe_is_written_to_and_a_link_stays),
	cmocka_unit_test(a_reader_sees_the_old_or_the_new_file_never_a_mix),
	cmocka_unit_test(folders_are_made_private_whatever_the_umask),
	cmocka_unit_test(folders_that_are_there_are_left_as_they_are),
	cmocka_unit_test(a_mapping_is_the_file),
	cmocka_unit_test(a_live_mapping_is_blamed_for_its_addresses_only),
	cmocka_unit_test(the_table_of_mappings_is_used_again),
	cmocka_unit_test(a_file_that_shrinks_is_named_in_the_signal_handler),
};

TEST_MAIN(tests)
