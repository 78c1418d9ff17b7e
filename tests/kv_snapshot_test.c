#include "tests/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/paths.h"
#include "engine/kv_snapshot.h"
#include "engine/snapshot_folder.h"
#include "model/kv_cache.h"

#define VOCAB 300
#define LINE  200 /* tokens: three pages and 8 */
#define PAGES 4

static const struct kv_snapshot_key key = {
	.fingerprint = 0x123456789abcdef,
	.shape = { .layers = 2,
	           .kv_heads = 1,
	           .head_dim = 16,
	           .dtype = DTYPE_F16 },
	.vocab_size = VOCAB,
};

static int ids[LINE + 100];
static float logits[VOCAB];
static struct kv_cache *cache; /* LINE tokens of arbitrary bytes */
static char *dir, *path;

static uint32_t random_state = 1;

static uint32_t random_number(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static struct kv_cache *random_cache(size_t n)
{
	struct kv_cache *c = kv_cache_new(&key.shape, 10000, NULL);

	assert_non_null(c);
	assert_int_equal(kv_cache_reserve(c, n, NULL), 0);
	c->length = n;
	for (size_t p = 0; p < c->n_pages; p++) {
		uint8_t *page = kv_cache_page(c, p);

		for (size_t i = 0; i < kv_page_bytes(&key.shape); i++)
			page[i] = (uint8_t)random_number(256);
	}
	return c;
}

static int open_folder(void **unused)
{
	(void)unused;
	dir = test_tmp_dir();
	path = paths_join(dir, "abc.kv");
	cache = random_cache(LINE);
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		ids[i] = (int)random_number(VOCAB);
	for (size_t i = 0; i < VOCAB; i++)
		logits[i] = (float)random_number(1000) / 7;
	return 0;
}

static int close_folder(void **unused)
{
	(void)unused;
	kv_cache_free(cache);
	free(path);
	free(dir);
	return 0;
}

static bool always(void *unused)
{
	(void)unused;
	return true;
}

static void write_line(const struct kv_cache *from, size_t n,
                       const float *last_logits)
{
	assert_int_equal(kv_snapshot_write(path, &key, ids, n, from,
	                                   last_logits, always, NULL, NULL),
	                 0);
}

/* What can be read: the tokens whose ids and pages are sound. */
static size_t read_line(bool *with_logits)
{
	struct error err = { "" };
	struct kv_snapshot *s = kv_snapshot_open(path, &key, &err);
	struct kv_cache *copy = kv_cache_new(&key.shape, 10000, NULL);
	size_t n, p = 0;

	*with_logits = false;
	if (!s) {
		kv_cache_free(copy);
		return 0;
	}
	n = kv_snapshot_length(s);
	assert_memory_equal(kv_snapshot_ids(s), ids, n * sizeof *ids);
	assert_int_equal(kv_cache_reserve(copy, n, NULL), 0);
	while (p < copy->n_pages && kv_snapshot_read_page(s, p, copy)) {
		assert_memory_equal(kv_cache_page(copy, p),
		                    kv_cache_page(cache, p),
		                    kv_page_bytes(&key.shape));
		p++;
	}
	if (p < copy->n_pages)
		n = p * KV_PAGE_TOKENS;
	else if (kv_snapshot_logits(s))
		*with_logits = true;
	if (kv_snapshot_logits(s))
		assert_memory_equal(kv_snapshot_logits(s), logits,
		                    sizeof logits);
	kv_snapshot_close(s);
	kv_cache_free(copy);
	return n;
}

static void assert_line(size_t n, bool has_logits)
{
	bool with_logits;

	assert_int_equal(read_line(&with_logits), n);
	assert_int_equal(with_logits, has_logits);
}

static struct stat file_stat(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st;
}

static void flip(off_t at)
{
	int fd = open(path, O_RDWR);
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (unsigned char)(1 << random_number(8));
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* The first byte of page p in the file: pages lie at its end. */
static off_t page_at(size_t p, size_t n_pages)
{
	size_t page = kv_page_bytes(&key.shape);
	uint64_t one = kv_snapshot_bytes(&key, 2 * KV_PAGE_TOKENS) -
	               kv_snapshot_bytes(&key, KV_PAGE_TOKENS);

	return (off_t)(kv_snapshot_bytes(&key, n_pages * KV_PAGE_TOKENS) -
	               (n_pages - p) * one + one - page);
}

/* ---- tests ---- */

static void what_is_written_is_read_back(void **unused)
{
	(void)unused;
	assert_line(0, false);
	write_line(cache, LINE, logits);
	assert_line(LINE, true);
	assert_int_equal(file_stat().st_size, kv_snapshot_bytes(&key, LINE));
	assert_int_equal(file_stat().st_mode & 07777, 0600);
	write_line(cache, LINE, NULL);
	assert_line(LINE, false);
	write_line(cache, KV_PAGE_TOKENS, logits);
	assert_line(KV_PAGE_TOKENS, true);
	assert_int_equal(file_stat().st_size, kv_snapshot_bytes(&key, 64));
	write_line(cache, 1, NULL);
	assert_line(1, false);
}

static void a_line_that_grew_is_appended_to(void **unused)
{
	struct kv_cache *longer;

	(void)unused;
	write_line(cache, LINE, logits);
	/* A page that is written again would be sound again. */
	flip(page_at(1, PAGES));
	longer = kv_cache_fork(cache, LINE, NULL);
	assert_int_equal(kv_cache_reserve(longer, 100, NULL), 0);
	longer->length += 100;
	write_line(longer, LINE + 100, logits);
	assert_line(KV_PAGE_TOKENS, false);
	/* And one that is another one is written. */
	((uint8_t *)kv_cache_page(cache, 1))[7] ^= 1;
	write_line(longer, LINE + 100, logits);
	kv_cache_free(cache);
	cache = longer;
	assert_line(LINE + 100, true);
}

static void a_branch_takes_the_place_of_the_line(void **unused)
{
	struct kv_cache *branch = random_cache(150);

	(void)unused;
	write_line(cache, LINE, logits);
	memcpy(kv_cache_page(branch, 0), kv_cache_page(cache, 0),
	       kv_page_bytes(&key.shape));
	ids[100] = ids[100] ? 0 : 1;
	write_line(branch, 150, NULL);
	kv_cache_free(cache);
	cache = branch;
	assert_line(150, false);
	assert_int_equal(file_stat().st_size, kv_snapshot_bytes(&key, 150));
}

static bool twice(void *arg)
{
	int *n = arg;

	return (*n)++ < 2;
}

static void a_stopped_write_leaves_a_valid_beginning(void **unused)
{
	int n = 0;

	(void)unused;
	assert_int_equal(kv_snapshot_write(path, &key, ids, LINE, cache, logits,
	                                   twice, &n, NULL),
	                 1);
	assert_line(2 * KV_PAGE_TOKENS, false);
	write_line(cache, LINE, logits);
	assert_line(LINE, true);
}

static void a_slot_of_another_line_never_follows(void **unused)
{
	struct kv_cache *branch = random_cache(KV_PAGE_TOKENS);
	uint64_t old_size;
	int fd;

	(void)unused;
	/* The first page of another line, in front of the old one's others: as
	 * if the process had ended before the rest was cut off. */
	write_line(cache, LINE, logits);
	old_size = kv_snapshot_bytes(&key, LINE);
	fd = open(path, O_RDONLY);
	{
		uint8_t *old = malloc(old_size), *both = malloc(old_size);
		size_t first = kv_snapshot_bytes(&key, KV_PAGE_TOKENS);
		FILE *f;

		assert_int_equal(pread(fd, old, old_size, 0), old_size);
		close(fd);
		ids[3] = ids[3] ? 0 : 1;
		write_line(branch, KV_PAGE_TOKENS, NULL);
		fd = open(path, O_RDONLY);
		assert_int_equal(pread(fd, both, first, 0), first);
		close(fd);
		memcpy(both + first, old + first, old_size - first);
		f = fopen(path, "wb");
		fwrite(both, 1, old_size, f);
		fclose(f);
		free(old);
		free(both);
	}
	kv_cache_free(cache);
	cache = branch;
	assert_line(KV_PAGE_TOKENS, false);
}

/* As if the process had ended before it wrote the end of the new line. */
static void logits_of_another_line_as_long_are_not_taken(void **unused)
{
	size_t len = kv_snapshot_bytes(&key, 0);
	uint8_t *old = malloc(len);
	int fd;

	(void)unused;
	write_line(cache, LINE, logits);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, old, len, 0), len);
	ids[LINE - 1] = ids[LINE - 1] ? 0 : 1;
	write_line(cache, LINE, NULL);
	assert_int_equal(pwrite(fd, old, len, 0), len);
	close(fd);
	free(old);
	assert_line(LINE, false);
}

/* Pages of the same size and of the same ids, but of another type. */
static void no_page_of_another_key_follows_a_stopped_write(void **unused)
{
	struct kv_snapshot_key other = key;
	struct kv_snapshot *s;
	int n = 0;

	(void)unused;
	write_line(cache, LINE, logits);
	other.shape.dtype = DTYPE_BF16;
	assert_int_equal(kv_snapshot_write(path, &other, ids, LINE, cache, NULL,
	                                   twice, &n, NULL),
	                 1);
	s = kv_snapshot_open(path, &other, NULL);
	assert_non_null(s);
	assert_int_equal(kv_snapshot_length(s), 2 * KV_PAGE_TOKENS);
	kv_snapshot_close(s);
}

static void any_damage_leaves_a_true_beginning(void **unused)
{
	size_t whole = 0, part = 0;

	(void)unused;
	for (int i = 0; i < 300; i++) {
		uint64_t size = kv_snapshot_bytes(&key, LINE);
		bool with_logits;
		size_t n;

		unlink(path);
		write_line(cache, LINE, logits);
		switch (random_number(4)) {
		case 0: /* cut short */
			assert_int_equal(truncate(path, random_number((
								uint32_t)size)),
			                 0);
			break;
		case 1: /* a hole */
			for (off_t at = random_number((uint32_t)size), k = 0;
			     k < 20 && at < (off_t)size; k++, at++)
				flip(at);
			break;
		case 2: /* longer than it should be */
			assert_int_equal(truncate(path, (off_t)size + 9999), 0);
			flip(random_number((uint32_t)size));
			break;
		default:
			flip(random_number((uint32_t)size));
		}
		/* read_line() holds ids, pages and logits to the truth. */
		n = read_line(&with_logits);
		assert_true(n == LINE || n % KV_PAGE_TOKENS == 0);
		whole += n == LINE && with_logits;
		part += n < LINE;
	}
	assert_true(part > 200);
	assert_true(whole < 40);
}

/* Says why, and the words are in it. */
static void assert_refused(const struct kv_snapshot_key *other,
                           const char *word1, const char *word2)
{
	struct error err = { "" };

	assert_null(kv_snapshot_open(path, other, &err));
	assert_non_null(strstr(err.text, word1));
	assert_non_null(strstr(err.text, word2));
}

static void what_was_made_otherwise_is_refused_with_the_reason(void **unused)
{
	struct kv_snapshot_key other = key;
	struct error err = { "" };

	(void)unused;
	assert_null(kv_snapshot_open(path, &key, &err));
	assert_string_equal(err.text, "");
	write_line(cache, LINE, logits);
	other.fingerprint++;
	assert_refused(&other, "another model", "");
	other = key;
	other.shape.dtype = DTYPE_BF16;
	assert_refused(&other, "f16", "bf16");
	other = key;
	other.shape.layers++;
	assert_refused(&other, "shape", "");
	other = key;
	other.vocab_size++;
	assert_refused(&other, "shape", "");
	/* It takes the place of what cannot be used. */
	assert_int_equal(kv_snapshot_write(path, &other, ids, LINE, cache, NULL,
	                                   always, NULL, NULL),
	                 0);
	assert_refused(&key, "shape", "");
	assert_int_equal(chmod(path, 0644), 0);
	write_line(cache, LINE, logits);
	assert_line(LINE, true);
	assert_int_equal(file_stat().st_mode & 0777, 0600);
	/* A damaged header is no news. */
	flip(20);
	assert_null(kv_snapshot_open(path, &key, &err));
	assert_string_equal(err.text, "");
	test_write(dir, "abc.kv", "", 0);
	assert_null(kv_snapshot_open(path, &key, &err));
	assert_string_equal(err.text, "");
}

static void a_full_disk_gives_the_snapshot_up(void **unused)
{
	const struct rlimit limit = { 20000, RLIM_INFINITY };
	struct rlimit before;
	struct error err = { "" };

	(void)unused;
	signal(SIGXFSZ, SIG_IGN);
	write_line(cache, KV_PAGE_TOKENS, NULL);
	getrlimit(RLIMIT_FSIZE, &before);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(kv_snapshot_write(path, &key, ids, LINE, cache, logits,
	                                   always, NULL, &err),
	                 -1);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_non_null(strstr(err.text, "File too large"));
	assert_int_equal(access(path, F_OK), -1);
	write_line(cache, LINE, logits);
	assert_line(LINE, true);
}

static void a_link_or_a_folder_in_its_place_is_let_alone(void **unused)
{
	char *target = paths_join(dir, "precious");
	struct stat st;

	(void)unused;
	test_write(dir, "precious", "text", 4);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(kv_snapshot_write(path, &key, ids, LINE, cache, NULL,
	                                   always, NULL, NULL),
	                 -1);
	assert_null(kv_snapshot_open(path, &key, NULL));
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 4);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(kv_snapshot_write(path, &key, ids, LINE, cache, NULL,
	                                   always, NULL, NULL),
	                 -1);
	assert_null(kv_snapshot_open(path, &key, NULL));
	free(target);
}

/* ---- the folder ---- */

/* name.kv of so many bytes, used so many seconds ago. */
static void make_file(const char *name, size_t bytes, time_t age)
{
	char *file = paths_join(dir, name), *zeros = calloc(1, bytes);
	struct timespec times[2] = { 0 };

	memset(zeros, 1, bytes);
	test_write(dir, name, zeros, bytes);
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= age;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
	free(zeros);
	free(file);
}

static bool is_there(const char *name)
{
	char *file = paths_join(dir, name);
	bool there = access(file, F_OK) == 0;

	free(file);
	return there;
}

static void the_least_recently_used_make_room(void **unused)
{
	const size_t mib = 1 << 20;

	(void)unused;
	make_file("a.kv", mib, 300);
	make_file("b.kv", mib, 400);
	make_file("c.kv", mib, 200);
	make_file("other", 5 * mib, 900);
	/* What is there fits: 3 + 2 of 6. */
	assert_int_equal(snapshot_folder_make_room(path, 2 * mib, 6 * mib,
	                                           NULL),
	                 0);
	assert_true(is_there("b.kv"));
	assert_int_equal(snapshot_folder_make_room(path, 2 * mib, 4 * mib,
	                                           NULL),
	                 0);
	assert_false(is_there("b.kv"));
	assert_true(is_there("a.kv"));
	/* Its own file is not counted, and not removed. */
	make_file("abc.kv", 2 * mib, 900);
	assert_int_equal(snapshot_folder_make_room(path, 3 * mib, 4 * mib,
	                                           NULL),
	                 0);
	assert_false(is_there("a.kv"));
	assert_true(is_there("c.kv"));
	assert_true(is_there("abc.kv"));
	assert_true(is_there("other"));
}

static void one_that_is_larger_than_the_budget_is_not_kept(void **unused)
{
	struct error err = { "" };

	(void)unused;
	make_file("a.kv", 4096, 0);
	make_file("abc.kv", 4096, 0);
	assert_int_equal(snapshot_folder_make_room(path, 3 << 20, 2 << 20,
	                                           &err),
	                 -1);
	assert_non_null(strstr(err.text, "3 MiB"));
	assert_true(is_there("a.kv"));
	assert_false(is_there("abc.kv"));
}

/* One of no bytes, as a crash can leave it, takes no room and goes too. */
static void clearing_takes_every_snapshot_and_nothing_else(void **unused)
{
	(void)unused;
	make_file("a.kv", 4096, 100);
	make_file("empty.kv", 0, 0);
	make_file("other", 4096, 900);
	assert_true(snapshot_folder_clear(dir));
	assert_false(is_there("a.kv"));
	assert_false(is_there("empty.kv"));
	assert_true(is_there("other"));
	assert_false(snapshot_folder_clear(dir));
}

static void the_folder_is_made_for_its_owner_alone(void **unused)
{
	char *deep = paths_join(dir, "cache/confab/kv/abc.kv");
	char *folder = paths_join(dir, "cache/confab/kv");
	struct stat st;

	(void)unused;
	umask(0);
	assert_int_equal(snapshot_folder_make_room(deep, 100, 0, NULL), 0);
	umask(022);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	free(folder);
	free(deep);
}

#define FOLDER_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_folder, close_folder)

static const struct CMUnitTest tests[] = {
	FOLDER_TEST(what_is_written_is_read_back),
	FOLDER_TEST(a_line_that_grew_is_appended_to),
	FOLDER_TEST(a_branch_takes_the_place_of_the_line),
	FOLDER_TEST(a_stopped_write_leaves_a_valid_beginning),
	FOLDER_TEST(a_slot_of_another_line_never_follows),
	FOLDER_TEST(logits_of_another_line_as_long_are_not_taken),
	FOLDER_TEST(no_page_of_another_key_follows_a_stopped_write),
	FOLDER_TEST(any_damage_leaves_a_true_beginning),
	FOLDER_TEST(what_was_made_otherwise_is_refused_with_the_reason),
	FOLDER_TEST(a_full_disk_gives_the_snapshot_up),
	FOLDER_TEST(a_link_or_a_folder_in_its_place_is_let_alone),
	FOLDER_TEST(the_least_recently_used_make_room),
	FOLDER_TEST(one_that_is_larger_than_the_budget_is_not_kept),
	FOLDER_TEST(clearing_takes_every_snapshot_and_nothing_else),
	FOLDER_TEST(the_folder_is_made_for_its_owner_alone),
};

TEST_MAIN(tests)
