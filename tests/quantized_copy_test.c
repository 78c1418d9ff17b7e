#include "tests/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/paths.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantized_copy.h"

static char *source, *cache_dir;
static bool bad_source; /* of the last copy_of() */

/* What check() says, and how often it was asked. */
static int checked, verdict;

static int check(const struct checkpoint *cp, struct error *err)
{
	checked++;
	return verdict ? error_set(err, "%s: is no model", checkpoint_path(cp))
	               : 0;
}

/* What progress() saw. */
struct seen {
	int calls;   /* with a total: the copy was being made */
	int stop_at; /* the call that says stop; 0: none */
};

static bool see(void *arg, uint64_t done, uint64_t total)
{
	struct seen *seen = arg;

	if (done > total)
		abort();
	seen->calls += total > 0;
	return !seen->stop_at || seen->calls < seen->stop_at;
}

static struct checkpoint *copy_of(const char *path, const char *type,
                                  struct seen *seen, bool *stopped,
                                  struct error *err)
{
	const struct quantized_copy how = { .type = type,
		                            .cache_dir = cache_dir,
		                            .threads = 1,
		                            .check = check,
		                            .progress = see,
		                            .arg = seen };
	struct checkpoint *cp = checkpoint_open(path, err);

	return cp ? quantized_copy_of(cp, &how, stopped, &bad_source, err)
	          : NULL;
}

/* The path of a copy that must succeed, yours to free; whether it was made. */
static char *path_of_copy(const char *path, const char *type, bool *made)
{
	struct error err = { "" };
	struct seen seen = { 0 };
	bool stopped;
	struct checkpoint *cp = copy_of(path, type, &seen, &stopped, &err);
	char *copy;

	assert_string_equal(err.text, "");
	assert_non_null(cp);
	assert_false(stopped);
	copy = strdup(checkpoint_path(cp));
	checkpoint_free(cp);
	*made = seen.calls > 0;
	return copy;
}

/* Files in the folder, but for the lock. */
static int n_files(void)
{
	char *dir = paths_join(cache_dir, QUANTIZED_COPY_FOLDER);
	DIR *stream = opendir(dir);
	struct dirent *entry;
	int n = 0;

	while (stream && (entry = readdir(stream)))
		n += entry->d_name[0] != '.' && strcmp(entry->d_name, "lock");
	if (stream)
		closedir(stream);
	free(dir);
	return n;
}

static int set_up(void **state)
{
	(void)state;
	source = test_synth("tiny-tied");
	cache_dir = test_tmp_dir();
	checked = verdict = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(source);
	free(cache_dir);
	return 0;
}

static void a_copy_is_made_once(void **state)
{
	bool made;
	char *first = path_of_copy(source, "q8_0", &made), *second;
	struct stat st;

	(void)state;
	assert_true(made);
	assert_non_null(strstr(first, "/models/tiny-tied-q8_0-"));
	assert_int_equal(stat(first, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	second = path_of_copy(source, "q8_0", &made);
	assert_false(made);
	assert_string_equal(second, first);
	free(second);
	second = path_of_copy(source, "q4_0", &made);
	assert_true(made);
	assert_string_not_equal(second, first);
	assert_int_equal(n_files(), 2);
	free(first);
	free(second);
}

static void the_copy_holds_the_type(void **state)
{
	bool made;
	char *path = path_of_copy(source, "q8_0", &made);
	struct checkpoint *cp = checkpoint_open(path, NULL);
	const struct tensor *t =
		checkpoint_tensor(cp, "model.layers.0.self_attn.q_proj.weight");

	(void)state;
	assert_int_equal(t->dtype, DTYPE_Q8_0_X16);
	assert_string_equal(checkpoint_name(cp), "tiny-tied");
	checkpoint_free(cp);
	free(path);
}

static void a_changed_source_gets_a_new_copy(void **state)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char *file = paths_join(source, "model.safetensors"), *old, *new;
	bool made;

	(void)state;
	old = path_of_copy(source, "q8_0", &made);
	assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
	new = path_of_copy(source, "q8_0", &made);
	assert_true(made);
	assert_string_not_equal(new, old);
	assert_int_equal(access(new, F_OK), 0);
	assert_int_not_equal(access(old, F_OK), 0);
	free(file);
	free(old);
	free(new);
}

static void a_moved_source_keeps_the_others_copy(void **state)
{
	char *other = test_synth("tiny-tied"), *a, *b;
	bool made;

	(void)state;
	a = path_of_copy(source, "q8_0", &made);
	b = path_of_copy(other, "q8_0", &made);
	assert_true(made);
	assert_int_equal(access(a, F_OK), 0);
	assert_int_equal(access(b, F_OK), 0);
	free(other);
	free(a);
	free(b);
}

static void a_damaged_copy_is_made_anew(void **state)
{
	bool made;
	char *path = path_of_copy(source, "q8_0", &made), *again;

	(void)state;
	assert_int_equal(truncate(path, 1000), 0);
	again = path_of_copy(source, "q8_0", &made);
	assert_true(made);
	assert_string_equal(again, path);
	free(again);
	free(path);
}

static void what_killed_programs_left_is_removed(void **state)
{
	char *dir;
	bool made;

	(void)state;
	free(path_of_copy(source, "q8_0", &made));
	dir = paths_join(cache_dir, QUANTIZED_COPY_FOLDER);
	test_write(dir, "x-q8_0-0-0.gguf.tmp-1", "x", 1);
	assert_int_equal(n_files(), 2);
	free(path_of_copy(source, "q4_0", &made));
	assert_int_equal(n_files(), 2);
	free(dir);
}

static void a_stopped_copy_leaves_nothing(void **state)
{
	struct seen seen = { .stop_at = 2 };
	struct error err = { "" };
	bool stopped = false;

	(void)state;
	assert_null(copy_of(source, "q8_0", &seen, &stopped, &err));
	assert_true(stopped);
	assert_string_equal(err.text, "");
	assert_int_equal(n_files(), 0);
}

static void a_source_is_checked_before_anything_is_made(void **state)
{
	struct error err = { "" };
	struct seen seen = { 0 };
	char *dir = paths_join(cache_dir, QUANTIZED_COPY_FOLDER);
	bool stopped, made;

	(void)state;
	verdict = -1;
	assert_null(copy_of(source, "q8_0", &seen, &stopped, &err));
	assert_true(bad_source && !stopped);
	assert_non_null(strstr(err.text, "tiny-tied: is no model"));
	assert_int_not_equal(access(dir, F_OK), 0);
	verdict = 0;
	free(path_of_copy(source, "q8_0", &made));
	assert_true(made);
	assert_int_equal(checked, 2);
	free(path_of_copy(source, "q8_0", &made));
	assert_false(made);
	assert_int_equal(checked, 2);
	free(dir);
}

static void what_is_quantised_is_used_as_it_is(void **state)
{
	bool made;
	char *path = path_of_copy(source, "q8_0", &made);
	char *same = path_of_copy(path, "q4_0", &made);

	(void)state;
	assert_false(made);
	assert_string_equal(same, path);
	free(path);
	free(same);
}

static void faults_are_told(void **state)
{
	struct error err = { "" };
	struct seen seen = { 0 };
	bool stopped;
	char *dir = cache_dir;

	(void)state;
	assert_null(copy_of(source, "q9", &seen, &stopped, &err));
	assert_non_null(strstr(err.text, "q9"));
	assert_false(stopped);
	test_write(dir, QUANTIZED_COPY_FOLDER, "x", 1); /* not a folder */
	assert_null(copy_of(source, "q8_0", &seen, &stopped, &err));
	assert_non_null(strstr(err.text, QUANTIZED_COPY_FOLDER));
	assert_false(stopped);
	cache_dir = NULL;
	assert_null(copy_of(source, "q8_0", &seen, &stopped, &err));
	assert_non_null(strstr(err.text, "XDG_CACHE_HOME"));
	cache_dir = dir;
}

/* A child's whole life: 10: made it, 20: found it made; else it failed. */
static void take_part(int start)
{
	struct seen seen = { 0 };
	struct checkpoint *cp;
	bool stopped;
	char byte;

	if (read(start, &byte, 1) != 0)
		_exit(1);
	cp = copy_of(source, "q4_k_m", &seen, &stopped, NULL);
	_exit(!cp || checkpoint_n_tensors(cp) == 0 ? 2 : seen.calls ? 10 : 20);
}

static void of_many_programs_one_makes_it(void **state)
{
	int start[2], status, made = 0, found = 0;

	(void)state;
	assert_int_equal(pipe(start), 0);
	for (int i = 0; i < 8; i++) {
		if (fork() == 0) {
			close(start[1]);
			take_part(start[0]);
		}
	}
	close(start[1]); /* now */
	close(start[0]);
	for (int i = 0; i < 8; i++) {
		assert_true(wait(&status) > 0);
		made += WIFEXITED(status) && WEXITSTATUS(status) == 10;
		found += WIFEXITED(status) && WEXITSTATUS(status) == 20;
	}
	assert_int_equal(made, 1);
	assert_int_equal(found, 7);
	assert_int_equal(n_files(), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	TEST(a_copy_is_made_once),
	TEST(the_copy_holds_the_type),
	TEST(a_changed_source_gets_a_new_copy),
	TEST(a_moved_source_keeps_the_others_copy),
	TEST(a_damaged_copy_is_made_anew),
	TEST(what_killed_programs_left_is_removed),
	TEST(a_stopped_copy_leaves_nothing),
	TEST(a_source_is_checked_before_anything_is_made),
	TEST(what_is_quantised_is_used_as_it_is),
	TEST(faults_are_told),
	TEST(of_many_programs_one_makes_it),
};

TEST_MAIN(tests)
