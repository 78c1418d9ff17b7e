#include "tests/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/paths.h"

static void a_lock_is_held_until_its_descriptor_is_closed(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "lock");
	struct error err = { "as it was" };
	int first = -1, second = -1;

	(void)state;
	assert_int_equal(file_lock_take(&first, path, &err), 0);
	assert_int_equal(file_lock_take(&second, path, &err), 1);
	assert_int_equal(second, -1);
	assert_string_equal(err.text, "as it was");
	close(first);
	assert_int_equal(file_lock_take(&second, path, &err), 0);
	close(second);
	free(path);
	free(dir);
}

/* Takes the lock, says so through the pipe, and waits for its end. */
static void hold(const char *path, int pipe_end)
{
	int fd;
	char status = (char)file_lock_take(&fd, path, NULL);

	if (write(pipe_end, &status, 1) == 1)
		pause();
	_exit(1);
}

static void a_killed_process_leaves_no_lock(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "lock");
	int ends[2], fd = -1;
	char taken = -1;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		hold(path, ends[1]);
	assert_int_equal(read(ends[0], &taken, 1), 1);
	assert_int_equal(taken, 0);
	assert_int_equal(file_lock_take(&fd, path, NULL), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(file_lock_take(&fd, path, NULL), 0);
	close(fd);
	close(ends[0]);
	close(ends[1]);
	free(path);
	free(dir);
}

/* An editor or a copy_command that outlives this program. */
static void programs_that_are_started_do_not_inherit_it(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "lock");
	int fd = -1;

	(void)state;
	assert_int_equal(file_lock_take(&fd, path, NULL), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	free(path);
	free(dir);
}

static void the_file_is_its_owners_alone_whatever_the_umask(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "lock");
	mode_t before = umask(0777);
	struct stat st;
	int fd = -1;

	(void)state;
	assert_int_equal(file_lock_take(&fd, path, NULL), 0);
	umask(before);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
	free(path);
	free(dir);
}

static void what_cannot_be_a_lock_is_named(void **state)
{
	char *dir = test_tmp_dir(), *link = paths_join(dir, "link");
	char *nowhere = paths_join(dir, "none/lock");
	const char *const paths[] = { link, nowhere, dir };
	int fd = -1;

	(void)state;
	assert_int_equal(symlink("elsewhere", link), 0);
	for (int i = 0; i < 3; i++) {
		struct error err = { "" };

		assert_int_equal(file_lock_take(&fd, paths[i], &err), -1);
		assert_int_equal(fd, -1);
		assert_int_equal(strncmp(err.text, paths[i], strlen(paths[i])),
		                 0);
	}
	free(nowhere);
	free(link);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_lock_is_held_until_its_descriptor_is_closed),
	cmocka_unit_test(a_killed_process_leaves_no_lock),
	cmocka_unit_test(programs_that_are_started_do_not_inherit_it),
	cmocka_unit_test(the_file_is_its_owners_alone_whatever_the_umask),
	cmocka_unit_test(what_cannot_be_a_lock_is_named),
};

TEST_MAIN(tests)
