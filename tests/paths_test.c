#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/paths.h"

static void assert_path(char *path, const char *wanted)
{
	if (wanted) {
		assert_non_null(path);
		assert_string_equal(path, wanted);
	} else {
		assert_null(path);
	}
	free(path);
}

static void without_variables_all_is_below_home(void **state)
{
	(void)state;
	setenv("HOME", "/home/anna", 1);
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_CONFIG_HOME");
	assert_path(paths_user(PATHS_DATA, NULL),
	            "/home/anna/.local/share/confab");
	assert_path(paths_user(PATHS_CACHE, NULL), "/home/anna/.cache/confab");
	assert_path(paths_user(PATHS_STATE, "history"),
	            "/home/anna/.local/state/confab/history");
	assert_path(paths_user(PATHS_CONFIG, "config"),
	            "/home/anna/.config/confab/config");
}

static void a_variable_wins_if_it_is_absolute(void **state)
{
	(void)state;
	setenv("HOME", "/home/anna/", 1);
	setenv("XDG_DATA_HOME", "/data", 1);
	assert_path(paths_user(PATHS_DATA, "x"), "/data/confab/x");
	setenv("XDG_DATA_HOME", "/", 1);
	assert_path(paths_user(PATHS_DATA, NULL), "/confab");
	setenv("XDG_DATA_HOME", "relative", 1);
	assert_path(paths_user(PATHS_DATA, NULL),
	            "/home/anna/.local/share/confab");
	setenv("XDG_DATA_HOME", "", 1);
	assert_path(paths_user(PATHS_DATA, NULL),
	            "/home/anna/.local/share/confab");
	unsetenv("HOME");
	assert_path(paths_user(PATHS_DATA, NULL), NULL);
	setenv("XDG_DATA_HOME", "/data", 1);
	assert_path(paths_user(PATHS_DATA, NULL), "/data/confab");
}

static void joining_puts_one_slash_between(void **state)
{
	(void)state;
	assert_path(paths_join("a", "b"), "a/b");
	assert_path(paths_join("a/", "b"), "a/b");
	assert_path(paths_join("/", "b"), "/b");
	assert_path(paths_join("", "b"), "b");
}

/* A small world: sources, a build tree beside them, an installation. */
struct world {
	char *root, *build, *bin, *source, *share;
};

static char *folder(const struct world *w, const char *name)
{
	char *path = paths_join(w->root, name);

	assert_int_equal(file_make_dirs(path, NULL), 0);
	return path;
}

static void put_model(const char *dir, const char *name)
{
	char *model = paths_join(dir, name);
	char *config = paths_join(model, "config.json");

	assert_int_equal(file_make_dirs(model, NULL), 0);
	assert_int_equal(file_write(config, "{}", 2, NULL), 0);
	free(model);
	free(config);
}

static struct world make_world(void)
{
	struct world w = { .root = test_tmp_dir() };

	w.build = folder(&w, "build");
	w.bin = folder(&w, "usr/bin");
	w.source = folder(&w, "source");
	w.share = folder(&w, "usr/share");
	return w;
}

static void free_world(struct world *w)
{
	free(w->root);
	free(w->build);
	free(w->bin);
	free(w->source);
	free(w->share);
}

static void assert_found(const struct world *w, const char *exe_dir,
                         const char *wanted)
{
	struct paths_places places = { exe_dir, w->bin, w->source, w->share };
	char *path = wanted ? paths_join(w->root, wanted) : NULL;

	assert_path(paths_find_bundled(&places), path);
	free(path);
}

static void the_bundled_model_is_found_where_the_program_belongs(void **state)
{
	struct world w = make_world();
	char *linked = paths_join(w.root, "link");

	(void)state;
	assert_int_equal(symlink(w.bin, linked), 0);
	assert_found(&w, w.build, NULL);
	assert_found(&w, w.bin, NULL);
	put_model(w.share, "confab/models/confab-20m");
	assert_found(&w, w.build, "usr/share/confab/models/confab-20m");
	put_model(w.source, "data/confab-20m");
	assert_found(&w, w.build, "source/data/confab-20m");
	assert_found(&w, NULL, "source/data/confab-20m");
	assert_found(&w, w.bin, "usr/share/confab/models/confab-20m");
	assert_found(&w, linked, "usr/share/confab/models/confab-20m");
	/* A build in the source folder that was moved since. */
	put_model(w.build, "data/confab-20m");
	assert_found(&w, w.build, "build/data/confab-20m");
	free(linked);
	free_world(&w);
}

static void an_installed_program_never_looks_at_the_sources(void **state)
{
	struct world w = make_world();

	(void)state;
	put_model(w.source, "data/confab-20m");
	put_model(w.bin, "data/confab-20m");
	assert_found(&w, w.bin, NULL);
	free_world(&w);
}

static void nothing_known_is_nothing_found(void **state)
{
	struct paths_places nowhere = { NULL, NULL, NULL, NULL };

	(void)state;
	assert_path(paths_find_bundled(&nowhere), NULL);
}

/* The tests run from the build tree, so this is the one beside the sources. */
static void the_model_of_this_build_is_found(void **state)
{
	char *model = paths_bundled_model(), *config;

	(void)state;
	assert_non_null(model);
	config = paths_join(model, "config.json");
	assert_true(file_exists(config));
	assert_non_null(strstr(model, "/data/confab-20m"));
	free(model);
	free(config);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(without_variables_all_is_below_home),
	cmocka_unit_test(a_variable_wins_if_it_is_absolute),
	cmocka_unit_test(joining_puts_one_slash_between),
	cmocka_unit_test(the_bundled_model_is_found_where_the_program_belongs),
	cmocka_unit_test(an_installed_program_never_looks_at_the_sources),
	cmocka_unit_test(nothing_known_is_nothing_found),
	cmocka_unit_test(the_model_of_this_build_is_found),
};

TEST_MAIN(tests)
