#include "tests/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/recent_files.h"

static bool is_cached(const char *name)
{
	return !strncmp(name, "cached-", 7);
}

/* A file last used at that second. */
static void put(const char *dir, const char *name, time_t sec, long nsec)
{
	const struct timespec at[2] = { { sec, nsec }, { sec, nsec } };
	char *path = paths_join(dir, name);

	test_write(dir, name, "bytes", 5);
	assert_int_equal(utimensat(AT_FDCWD, path, at, 0), 0);
	free(path);
}

/* The wanted ones of the folder are these, in this order. */
static void assert_found(const char *dir, const char *except,
                         const char *const *names, size_t n)
{
	struct recent_files list = { 0 };

	recent_files_find(&list, dir, is_cached, except);
	assert_int_equal(list.n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(list.files[i].name, names[i]);
	recent_files_free(&list);
}

static void the_last_used_comes_first_to_the_nanosecond(void **state)
{
	char *dir = test_tmp_dir();

	(void)state;
	put(dir, "cached-old", 1000, 0);
	put(dir, "cached-new", 2000, 5);
	put(dir, "cached-newer", 2000, 6);
	put(dir, "another", 3000, 0);
	assert_found(dir, NULL,
	             (const char *[]){ "cached-newer", "cached-new",
	                               "cached-old" },
	             3);
	assert_found(dir, "cached-new",
	             (const char *[]){ "cached-newer", "cached-old" }, 2);
	free(dir);
}

static void what_is_touched_was_used_last(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "cached-a");

	(void)state;
	put(dir, "cached-a", 1000, 0);
	put(dir, "cached-b", 2000, 0);
	recent_files_touch(path);
	assert_found(dir, NULL, (const char *[]){ "cached-a", "cached-b" }, 2);
	free(path);
	free(dir);
}

/* A link to a file elsewhere is not the cache's to count or to remove. */
static void only_regular_files_count(void **state)
{
	char *dir = test_tmp_dir(), *folder = paths_join(dir, "cached-folder");
	char *link = paths_join(dir, "cached-link");

	(void)state;
	put(dir, "cached-file", 1000, 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(symlink("cached-file", link), 0);
	assert_found(dir, NULL, (const char *[]){ "cached-file" }, 1);
	free(link);
	free(folder);
	free(dir);
}

static void what_is_removed_is_off_the_disk_and_the_list(void **state)
{
	char *dir = test_tmp_dir();
	struct recent_files list = { 0 };

	(void)state;
	put(dir, "cached-a", 3000, 0);
	put(dir, "cached-b", 2000, 0);
	put(dir, "cached-c", 1000, 0);
	recent_files_find(&list, dir, is_cached, NULL);
	assert_int_equal(unlink(list.files[1].path),
	                 0); /* by another program */
	recent_files_remove(&list, 1);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.files[1].name, "cached-c");
	recent_files_remove(&list, 1);
	recent_files_free(&list);
	assert_found(dir, NULL, (const char *[]){ "cached-a" }, 1);
	free(dir);
}

static void a_folder_that_is_not_there_has_no_files(void **state)
{
	char *dir = test_tmp_dir(), *none = paths_join(dir, "none");

	(void)state;
	assert_found(none, NULL, NULL, 0);
	recent_files_touch(none);
	assert_int_equal(access(none, F_OK), -1);
	free(none);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_last_used_comes_first_to_the_nanosecond),
	cmocka_unit_test(what_is_touched_was_used_last),
	cmocka_unit_test(only_regular_files_count),
	cmocka_unit_test(what_is_removed_is_off_the_disk_and_the_list),
	cmocka_unit_test(a_folder_that_is_not_there_has_no_files),
};

TEST_MAIN(tests)
