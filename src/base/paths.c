#include "base/paths.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"

#define BUNDLED "confab-20m"

/* The build tells where it installs and where its sources are. */
#ifndef CONFAB_DATADIR
#define CONFAB_DATADIR NULL
#endif
#ifndef CONFAB_BINDIR
#define CONFAB_BINDIR NULL
#endif
#ifndef CONFAB_SRCDIR
#define CONFAB_SRCDIR NULL
#endif

static const char *absolute(const char *variable)
{
	const char *value = getenv(variable);

	return value && value[0] == '/' ? value : NULL;
}

char *paths_join(const char *dir, const char *name)
{
	struct strbuf path = STRBUF_INIT;
	size_t len = strlen(dir);

	strbuf_add(&path, dir, len);
	if (len && dir[len - 1] != '/')
		strbuf_add_char(&path, '/');
	strbuf_add_str(&path, name);
	return strbuf_take(&path);
}

/* Joins and frees the first part. */
static char *below(char *dir, const char *name)
{
	char *path = paths_join(dir, name);

	free(dir);
	return path;
}

char *paths_user(enum paths_kind kind, const char *name)
{
	static const struct {
		const char *variable, *in_home;
	} kinds[] = {
		[PATHS_DATA] = { "XDG_DATA_HOME", ".local/share" },
		[PATHS_CACHE] = { "XDG_CACHE_HOME", ".cache" },
		[PATHS_STATE] = { "XDG_STATE_HOME", ".local/state" },
		[PATHS_CONFIG] = { "XDG_CONFIG_HOME", ".config" },
	};
	const char *base = absolute(kinds[kind].variable);
	const char *home = absolute("HOME");
	char *path;

	if (base)
		path = paths_join(base, "confab");
	else if (home)
		path = below(paths_join(home, kinds[kind].in_home), "confab");
	else
		return NULL;
	return name ? below(path, name) : path;
}

/* dir/name when a model lies there, else NULL. */
static char *model_in(const char *dir, const char *name)
{
	char *model, *config;
	bool found;

	if (!dir)
		return NULL;
	model = paths_join(dir, name);
	config = paths_join(model, "config.json");
	found = file_exists(config);
	free(config);
	if (found)
		return model;
	free(model);
	return NULL;
}

/* Are these the same folder, symbolic links followed? */
static bool same_folder(const char *a, const char *b)
{
	char *real_a = a ? realpath(a, NULL) : NULL;
	char *real_b = b ? realpath(b, NULL) : NULL;
	bool same = real_a && real_b && !strcmp(real_a, real_b);

	free(real_a);
	free(real_b);
	return same;
}

char *paths_find_bundled(const struct paths_places *places)
{
	char *model = NULL;

	if (!same_folder(places->exe_dir, places->bindir)) {
		model = model_in(places->exe_dir, "data/" BUNDLED);
		if (!model)
			model = model_in(places->srcdir, "data/" BUNDLED);
	}
	if (!model)
		model = model_in(places->datadir, "confab/models/" BUNDLED);
	return model;
}

/* The folder of the running program, or NULL. */
static char *exe_dir(void)
{
	char *path = realpath("/proc/self/exe", NULL);
	char *slash = path ? strrchr(path, '/') : NULL;

	if (slash)
		slash[slash == path] = '\0';
	return path;
}

char *paths_bundled_model(void)
{
	struct paths_places places = {
		.bindir = CONFAB_BINDIR,
		.srcdir = CONFAB_SRCDIR,
		.datadir = CONFAB_DATADIR,
	};
	char *dir = exe_dir(), *model;

	places.exe_dir = dir;
	model = paths_find_bundled(&places);
	free(dir);
	return model;
}
