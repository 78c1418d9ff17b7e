#include "tests/support.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CONFAB_SRCDIR
#define CONFAB_SRCDIR "."
#endif
#ifndef CONFAB_BUILDDIR
#define CONFAB_BUILDDIR "."
#endif

static char *format(const char *a, const char *b, const char *c)
{
	char *s = NULL;

	if (asprintf(&s, "%s%s%s", a, b, c) < 0)
		abort();
	return s;
}

char *test_file(const char *name)
{
	return format(CONFAB_SRCDIR, "/tests/", name);
}

char *test_source(const char *name)
{
	return format(CONFAB_SRCDIR, "/", name);
}

static char *dirs[128];
static size_t n_dirs;
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_dirs(void)
{
	if (getpid() != owner) /* a forked child must not clean up */
		return;
	while (n_dirs) {
		nftw(dirs[--n_dirs], remove_one, 16, FTW_DEPTH | FTW_PHYS);
		free(dirs[n_dirs]);
	}
}

char *test_tmp_dir(void)
{
	const char *base = getenv("TMPDIR");
	char *dir = format(base ? base : "/tmp", "/confab-test-XXXXXX", "");

	if (!mkdtemp(dir) || n_dirs == sizeof dirs / sizeof *dirs)
		abort();
	if (!owner) {
		owner = getpid();
		atexit(remove_dirs);
	}
	dirs[n_dirs++] = strdup(dir);
	return dir;
}

void test_write(const char *dir, const char *name, const void *bytes,
                size_t len)
{
	char *path = format(dir, "/", name);
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f))
		abort();
	free(path);
}

char *test_synth(const char *name)
{
	char *golden = format(CONFAB_SRCDIR "/tests/golden/model-", name,
	                      ".json");
	char *tmp = test_tmp_dir(), *dir = format(tmp, "/", name);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl(CONFAB_BUILDDIR "/tests/synth_checkpoint",
		      "synth_checkpoint", golden, dir, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		abort();
	free(golden);
	free(tmp);
	return dir;
}
