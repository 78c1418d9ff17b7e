#include "tests/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "tests/bundled.h"
#include "text/tokenizer.h"
#include "text/tokenizer_image.h"

/* The real Qwen3 tokenizer.json is 11 MB and stays outside the tree. */
#define QWEN3 "CONFAB_QWEN3_TOKENIZER"

/* A folder with a vocabulary large enough to be cached: the bundled one with
 * white space behind it. */
struct fixture {
	char *dir;
	char source[4096], cache[4096];
};

static void set_up(struct fixture *f)
{
	char *bundled = test_source("data/confab-20m/tokenizer.json");
	struct strbuf json = STRBUF_INIT;

	f->dir = test_tmp_dir();
	snprintf(f->source, sizeof(f->source), "%s/tokenizer.json", f->dir);
	snprintf(f->cache, sizeof(f->cache), "%s/new/cache", f->dir);
	assert_int_equal(file_read(&json, bundled, 1 << 24, NULL), 0);
	while (json.len < 2 << 20)
		strbuf_add_str(&json, "                                      ");
	test_write(f->dir, "tokenizer.json", json.bytes, json.len);
	strbuf_free(&json);
	free(bundled);
}

/* The only file in the cache, or "" where there is none. */
static void cached_file(const struct fixture *f, char *path, size_t size)
{
	DIR *dir = opendir(f->cache);
	struct dirent *entry;
	int n = 0;

	path[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, size, "%s/%s", f->cache, entry->d_name);
		n++;
	}
	if (dir)
		closedir(dir);
	assert_true(n <= 1);
}

static void assert_works(const struct fixture *f)
{
	struct error err = { "" };
	struct tokenizer *t = tokenizer_load_json(f->source, f->cache, &err);
	const char *said =
		"<|im_start|>user\nIt's a cat, 12 na\xc3\xafve cats!";
	struct strbuf text = STRBUF_INIT;
	struct ids ids = { 0 };

	if (!t)
		fail_msg("%s", err.text);
	assert_int_equal(tokenizer_n_ids(t), 8192);
	tokenizer_encode(t, said, strlen(said), TOKENIZER_ALL, &ids);
	tokenizer_decode(t, ids.data, ids.n, false, &text);
	assert_string_equal(text.bytes, said);
	assert_int_equal(ids.data[0], 8190);
	assert_true(ids.n < 24);
	ids_free(&ids);
	strbuf_free(&text);
	tokenizer_free(t);
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void the_second_start_uses_what_the_first_one_wrote(void **state)
{
	struct fixture f;
	char path[8192];
	struct stat st;
	ino_t before;

	(void)state;
	set_up(&f);
	assert_works(&f);
	cached_file(&f, path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	before = inode(path);
	assert_works(&f);
	assert_int_equal(inode(path), before);
	free(f.dir);
}

static void a_changed_source_makes_a_new_image(void **state)
{
	struct fixture f;
	char path[8192];
	ino_t before;
	FILE *file;
	int fd[3];

	(void)state;
	set_up(&f);
	assert_works(&f);
	cached_file(&f, path, sizeof(path));
	/* While it is open, its inode's number is not used again. */
	fd[0] = open(path, O_RDONLY);
	before = inode(path);
	file = fopen(f.source, "a"); /* size and hash */
	fputc(' ', file);
	fclose(file);
	assert_works(&f);
	assert_true(inode(path) != before);
	fd[1] = open(path, O_RDONLY);
	before = inode(path);
	utimensat(AT_FDCWD, f.source, (struct timespec[]){ { 1, 0 }, { 1, 0 } },
	          0); /* time */
	assert_works(&f);
	assert_true(inode(path) != before);
	fd[2] = open(path, O_RDONLY);
	before = inode(path);
	file = fopen(f.source, "r+"); /* hash alone */
	fseek(file, -1, SEEK_END);
	fputc('\n', file);
	fclose(file);
	utimensat(AT_FDCWD, f.source, (struct timespec[]){ { 1, 0 }, { 1, 0 } },
	          0);
	assert_works(&f);
	assert_true(inode(path) != before);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	free(f.dir);
}

static void small_vocabularies_are_not_cached(void **state)
{
	char *bundled = test_source("data/confab-20m/tokenizer.json");
	struct fixture f;
	char path[8192];
	struct tokenizer *t;

	(void)state;
	set_up(&f);
	t = tokenizer_load_json(bundled, f.cache, NULL);
	assert_non_null(t);
	tokenizer_free(t);
	cached_file(&f, path, sizeof(path));
	assert_string_equal(path, "");
	free(bundled);
	free(f.dir);
}

static void a_cache_that_cannot_be_written_does_no_harm(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* A file where the folder would be: it fails for root, too. */
	snprintf(f.cache, sizeof(f.cache), "%s/tokenizer.json/x", f.dir);
	assert_works(&f);
	free(f.dir);
}

static void damaged_cache_files_are_made_anew(void **state)
{
	struct fixture f;
	struct strbuf image = STRBUF_INIT, back = STRBUF_INIT;
	char path[8192];
	unsigned seed = 11;

	(void)state;
	set_up(&f);
	assert_works(&f);
	cached_file(&f, path, sizeof(path));
	assert_int_equal(file_read(&image, path, 1 << 28, NULL), 0);
	for (int round = 0; round < 40; round++) {
		size_t at, len = image.len;
		char kept;

		seed = seed * 1664525 + 1013904223;
		at = round < 20 ? (size_t)round * 4 : seed % image.len;
		kept = image.bytes[at];
		if (round % 4 == 3)
			len = at;
		image.bytes[at] ^= (char)(1 << round % 8);
		assert_int_equal(file_write(path, image.bytes, len, NULL), 0);
		image.bytes[at] = kept;
		assert_works(&f);
		strbuf_clear(&back);
		assert_int_equal(file_read(&back, path, 1 << 28, NULL), 0);
		assert_int_equal(back.len, image.len);
		assert_memory_equal(back.bytes, image.bytes, image.len);
	}
	strbuf_free(&image);
	strbuf_free(&back);
	free(f.dir);
}

static void forge(char *block, size_t size)
{
	((struct tokenizer_image_header *)(void *)block)->checksum =
		tokenizer_image_checksum(block, size);
}

static void put32(char *block, uint64_t at, int32_t value)
{
	memcpy(block + at, &value, sizeof(value));
}

/* What the checksum does not notice, because whoever did it made it anew. */
static void an_image_with_unsound_contents_is_refused(void **state)
{
	size_t size;
	char *sound = test_bundled_image(&size), *block = malloc(size);
	struct tokenizer_image_layout at;
	struct tokenizer_image image;
	struct tokenizer_image_header header;

	(void)state;
	assert_true(tokenizer_image_open(&image, sound, size));
	memcpy(&header, sound, sizeof(header));
	tokenizer_image_lay_out(&at, &header);
	const struct {
		uint64_t place;
		int32_t value;
	} forged[] = {
		{ at.merges, 8192 },
		{ at.merges, -2 },
		{ at.merges + 4, -1 },
		{ at.words, 1 << 20 },
		{ at.words, -5 },
		{ at.text_offset, 1 },
		{ at.text_offset + 40, 1 << 30 },
		{ at.text_offset + 40, 0 },
		{ at.byte_id - 4, 1 },
		{ at.byte_id, 8192 },
		{ at.byte_id + 1020, -1 },
		{ at.added, -1 },
		{ at.added, 0 },
		{ at.added + 4, 8189 },
		{ at.added + 8, 1 << 30 },
		{ offsetof(struct tokenizer_image_header, n_ids), 0 },
		{ offsetof(struct tokenizer_image_header, n_ids), 8193 },
		{ offsetof(struct tokenizer_image_header, n_ids), -1 },
		{ offsetof(struct tokenizer_image_header, n_added), -1 },
		{ offsetof(struct tokenizer_image_header, n_merge_slots), 0 },
		{ offsetof(struct tokenizer_image_header, n_merge_slots), -1 },
		{ offsetof(struct tokenizer_image_header, n_word_slots), 3 },
		{ offsetof(struct tokenizer_image_header, text_bytes), -1 },
		{ offsetof(struct tokenizer_image_header, pattern_bytes), -1 },
	};
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		memcpy(block, sound, size);
		/* The first merge and word may be empty slots: fill them. */
		if (forged[i].place == at.merges + 4)
			put32(block, at.merges, 0);
		put32(block, forged[i].place, forged[i].value);
		forge(block, size);
		if (tokenizer_image_open(&image, block, size))
			fail_msg("forgery %zu was believed", i);
	}
	for (size_t len = 0; len < sizeof(header) + 8; len++)
		assert_false(tokenizer_image_open(&image, sound, len));
	free(block);
	free(sound);
}

/* Full tables would be searched for ever. */
static void a_table_without_an_empty_slot_is_refused(void **state)
{
	size_t size;
	char *block = test_bundled_image(&size);
	struct tokenizer_image_layout at;
	struct tokenizer_image image;
	struct tokenizer_image_header header;

	(void)state;
	memcpy(&header, block, sizeof(header));
	tokenizer_image_lay_out(&at, &header);
	for (uint64_t i = at.words; i < at.text_offset; i += 4)
		put32(block, i, 5);
	forge(block, size);
	assert_false(tokenizer_image_open(&image, block, size));
	free(block);
	block = test_bundled_image(&size);
	for (uint64_t i = at.merges; i < at.words; i += 4)
		put32(block, i, 5);
	forge(block, size);
	assert_false(tokenizer_image_open(&image, block, size));
	free(block);
}

/* What a file of the cache has before its source's path. */
static size_t image_bytes(const struct strbuf *file)
{
	const char *zero = memrchr(file->bytes, '\0', file->len);

	assert_non_null(zero);
	return (size_t)(zero - file->bytes);
}

/* Random forgeries with a good checksum: refused, or it works somehow. */
static void no_forged_image_crashes(void **state)
{
	size_t size;
	char *sound = test_bundled_image(&size);
	struct fixture f;
	char path[8192];
	unsigned seed = 13;

	(void)state;
	set_up(&f);
	assert_works(&f);
	cached_file(&f, path, sizeof(path));
	free(sound);
	for (int round = 0; round < 60; round++) {
		struct strbuf image = STRBUF_INIT, text = STRBUF_INIT;
		struct tokenizer *t;
		struct ids ids = { 0 };

		assert_int_equal(file_read(&image, path, 1 << 28, NULL), 0);
		size = image_bytes(&image);
		for (int i = 0; i < 1 + round % 9; i++) {
			size_t at;

			seed = seed * 1664525 + 1013904223;
			at = sizeof(struct tokenizer_image_header) +
			     seed % (size -
			             sizeof(struct tokenizer_image_header));
			image.bytes[at] = (char)(seed >> 24);
		}
		forge(image.bytes, size);
		file_write(path, image.bytes, image.len, NULL);
		t = tokenizer_load_json(f.source, f.cache, NULL);
		assert_non_null(t);
		tokenizer_encode(t, image.bytes, 20000, TOKENIZER_ALL, &ids);
		tokenizer_decode(t, ids.data, ids.n, false, &text);
		for (int id = 0; id < tokenizer_n_ids(t); id++) {
			size_t len;

			tokenizer_bytes(t, id, &len);
		}
		ids_free(&ids);
		strbuf_free(&text);
		strbuf_free(&image);
		tokenizer_free(t);
		unlink(path);
		assert_works(&f);
	}
	free(f.dir);
}

/* ---- the real one ---- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The bounds are those of the program with sanitizers off; they are so wide
 * that a slow machine with them meets them as well. */
static void qwen3_loads_in_a_second_then_in_a_quarter(void **state)
{
	const char *path = getenv(QWEN3);
	char *dir = test_tmp_dir();
	double begin, first, second;

	(void)state;
	if (!path || !*path) {
		print_message("# skipped: set " QWEN3
		              " to Qwen3's tokenizer.json\n");
		free(dir);
		skip();
	}
	begin = seconds();
	tokenizer_free(tokenizer_load_json(path, dir, NULL));
	first = seconds() - begin;
	begin = seconds();
	tokenizer_free(tokenizer_load_json(path, dir, NULL));
	second = seconds() - begin;
	print_message("# first load %.0f ms, second %.1f ms\n", first * 1e3,
	              second * 1e3);
	assert_true(second < 0.25);
	assert_true(second < first / 3);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_second_start_uses_what_the_first_one_wrote),
	cmocka_unit_test(a_changed_source_makes_a_new_image),
	cmocka_unit_test(small_vocabularies_are_not_cached),
	cmocka_unit_test(a_cache_that_cannot_be_written_does_no_harm),
	cmocka_unit_test(damaged_cache_files_are_made_anew),
	cmocka_unit_test(an_image_with_unsound_contents_is_refused),
	cmocka_unit_test(a_table_without_an_empty_slot_is_refused),
	cmocka_unit_test(no_forged_image_crashes),
	cmocka_unit_test(qwen3_loads_in_a_second_then_in_a_quarter),
};

TEST_MAIN(tests)
