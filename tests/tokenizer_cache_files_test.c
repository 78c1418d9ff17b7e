#include "tests/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "tests/bundled.h"
#include "text/tokenizer_cache.h"
#include "text/tokenizer_image.h"

/* Small vocabularies given to the cache as if they were large. */
struct fixture {
	char *dir, *cache, *block;
	size_t size;
};

static void set_up(struct fixture *s)
{
	s->dir = test_tmp_dir();
	s->cache = paths_join(s->dir, "cache");
	s->block = test_bundled_image(&s->size);
}

static void tear_down(struct fixture *s)
{
	free(s->block);
	free(s->cache);
	free(s->dir);
}

static char *source_named(const struct fixture *s, const char *name)
{
	return paths_join(s->dir, name);
}

static void make_source(const struct fixture *s, const char *name)
{
	test_write(s->dir, name, "", 0);
}

static void cache_write(const struct fixture *s, const char *name)
{
	char *source = source_named(s, name);

	tokenizer_cache_write(s->cache, source, s->block, s->size);
	free(source);
}

static bool cache_read(const struct fixture *s, const char *name)
{
	const struct tokenizer_image_key key = { 0 };
	char *source = source_named(s, name);
	struct tokenizer_image image;
	struct file_map map;
	bool found = tokenizer_cache_open(&image, &map, s->cache, source, &key);

	if (found)
		file_map_close(&map);
	free(source);
	return found;
}

/* Visits the path of every file in the cache; how many there are. */
static int each_file(const struct fixture *s,
                     void (*visit)(const char *path, void *arg), void *arg)
{
	DIR *dir = opendir(s->cache);
	struct dirent *entry;
	int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char *path = paths_join(s->cache, entry->d_name);

		if (entry->d_name[0] != '.') {
			visit(path, arg);
			n++;
		}
		free(path);
	}
	closedir(dir);
	return n;
}

static void leave(const char *path, void *arg)
{
	(void)path;
	(void)arg;
}

/* A second earlier than it was. */
static void make_older(const char *path, void *arg)
{
	struct timespec at[2];
	struct stat st;

	(void)arg;
	assert_int_equal(stat(path, &st), 0);
	at[0] = at[1] = st.st_mtim;
	at[0].tv_sec--;
	at[1].tv_sec--;
	assert_int_equal(utimensat(AT_FDCWD, path, at, 0), 0);
}

static void those_used_last_stay(void **state)
{
	struct fixture s;
	char name[] = "source-a";

	(void)state;
	set_up(&s);
	for (int i = 0; i < TOKENIZER_CACHE_FILES; i++) {
		name[7] = (char)('a' + i);
		make_source(&s, name);
		cache_write(&s, name);
		each_file(&s, make_older, NULL);
	}
	assert_int_equal(each_file(&s, leave, NULL), TOKENIZER_CACHE_FILES);
	assert_true(cache_read(&s, "source-a")); /* so b is the oldest */
	make_source(&s, "another");
	cache_write(&s, "another");
	assert_int_equal(each_file(&s, leave, NULL), TOKENIZER_CACHE_FILES);
	assert_false(cache_read(&s, "source-b"));
	assert_true(cache_read(&s, "source-a"));
	assert_true(cache_read(&s, "source-c"));
	assert_true(cache_read(&s, "another"));
	tear_down(&s);
}

static void that_of_a_source_that_is_gone_goes(void **state)
{
	struct fixture s;
	char *source;

	(void)state;
	set_up(&s);
	make_source(&s, "gone");
	make_source(&s, "there");
	cache_write(&s, "gone");
	cache_write(&s, "there");
	assert_int_equal(each_file(&s, leave, NULL), 2);
	source = source_named(&s, "gone");
	assert_int_equal(unlink(source), 0);
	tokenizer_cache_sweep(s.cache);
	assert_int_equal(each_file(&s, leave, NULL), 1);
	assert_true(cache_read(&s, "there"));
	free(source);
	tear_down(&s);
}

/* Of a program that was killed long ago, of one that writes just now, of an
 * older version that did not note the source, and what is none of ours. */
static void what_nobody_can_use_goes_and_the_rest_stays(void **state)
{
	static const char *const names[] = {
		"tokenizer-0000000000000001.bin.tmp-1",
		"tokenizer-0000000000000002.bin.tmp-2",
		"tokenizer-0000000000000003.bin", "tokenizer.txt", "confab.bin"
	};
	const struct timespec long_ago[2] = { { 1, 0 }, { 1, 0 } };
	const int stays[] = { 0, 1, 0, 1, 1 };
	struct fixture s;
	char *killed;

	(void)state;
	set_up(&s);
	assert_int_equal(mkdir(s.cache, 0700), 0);
	for (int i = 0; i < 5; i++)
		test_write(s.cache, names[i], s.block, s.size);
	killed = paths_join(s.cache, names[0]);
	assert_int_equal(utimensat(AT_FDCWD, killed, long_ago, 0), 0);
	tokenizer_cache_sweep(s.cache);
	for (int i = 0; i < 5; i++) {
		char *path = paths_join(s.cache, names[i]);

		if (file_exists(path) != stays[i])
			fail_msg("%s", names[i]);
		free(path);
	}
	free(killed);
	tear_down(&s);
}

static void note(const char *path, void *arg)
{
	*(char **)arg = strdup(path);
}

/* As when the paths of two have the same hash. */
static void the_image_of_another_source_is_not_used(void **state)
{
	struct strbuf bytes = STRBUF_INIT;
	char *only_file = NULL;
	struct fixture s;

	(void)state;
	set_up(&s);
	make_source(&s, "source-a");
	cache_write(&s, "source-a");
	assert_int_equal(each_file(&s, note, &only_file), 1);
	assert_int_equal(file_read(&bytes, only_file, 1 << 28, NULL), 0);
	bytes.bytes[bytes.len - 1]++; /* of the path */
	assert_true(cache_read(&s, "source-a"));
	assert_int_equal(file_write(only_file, bytes.bytes, bytes.len, NULL),
	                 0);
	assert_false(cache_read(&s, "source-a"));
	strbuf_free(&bytes);
	free(only_file);
	tear_down(&s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(those_used_last_stay),
	cmocka_unit_test(that_of_a_source_that_is_gone_goes),
	cmocka_unit_test(what_nobody_can_use_goes_and_the_rest_stays),
	cmocka_unit_test(the_image_of_another_source_is_not_used),
};

TEST_MAIN(tests)
