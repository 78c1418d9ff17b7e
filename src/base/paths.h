/*
 * paths.h - where things live: the XDG base directories and the installation
 *
 *	conversations   $XDG_DATA_HOME/confab/     (~/.local/share/confab)
 *	KV snapshots    $XDG_CACHE_HOME/confab/    (~/.cache/confab)
 *	history, logs   $XDG_STATE_HOME/confab/    (~/.local/state/confab)
 *	configuration   $XDG_CONFIG_HOME/confab/   (~/.config/confab)
 *
 * XDG Base Directory Specification 0.8: a variable that is empty or not an
 * absolute path is ignored.
 */
#ifndef CONFAB_PATHS_H
#define CONFAB_PATHS_H

enum paths_kind { PATHS_DATA, PATHS_CACHE, PATHS_STATE, PATHS_CONFIG };

/* The folder of that kind joined with name (NULL: the folder itself).  Yours
 * to free.  Nothing is created.  NULL when there is neither variable nor HOME. */
char *paths_user(enum paths_kind kind, const char *name);

/* dir/name, yours to free. */
char *paths_join(const char *dir, const char *name);

/* The bundled model's folder: beside the sources when the program runs from
 * its build tree, else $datadir/confab/models/confab-20m; NULL: nowhere.  The
 * build defines CONFAB_BINDIR, CONFAB_DATADIR and CONFAB_SRCDIR (absolute). */
char *paths_bundled_model(void);

/* The same search with the places given, so that it can be tested.  A program
 * that was not started from bindir runs from a build tree: the model is sought
 * as exe_dir/data/confab-20m, then srcdir/data/confab-20m, and only then where
 * it is installed.  An installed one never looks at the sources. */
struct paths_places {
	const char *exe_dir; /* of the running program; NULL: not known */
	const char *bindir, *srcdir, *datadir; /* NULL: not known */
};
char *paths_find_bundled(const struct paths_places *places);

#endif
