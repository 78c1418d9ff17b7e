#include "ui/cli/snapshots.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/strbuf.h"
#include "engine/snapshot_folder.h"
#include "library/library.h"
#include "ui/cli/options.h"

/* Bytes: with less than this a database of conversations cannot grow. */
#define FULL ((unsigned long long)1 << 20)

static char *path_of(const char *id)
{
	struct strbuf name = STRBUF_INIT;
	char *path;

	strbuf_printf(&name, "kv/%s" SNAPSHOT_ENDING, id);
	path = paths_user(PATHS_CACHE, name.bytes);
	strbuf_free(&name);
	return path;
}

char *snapshots_path(const struct options *o, const char *id)
{
	return id && !o->no_snapshots ? path_of(id) : NULL;
}

void snapshots_remove(const char *id)
{
	char *path = path_of(id);

	if (path)
		unlink(path); /* it may never have been there */
	free(path);
}

static bool is_full(const char *dir, dev_t *device)
{
	struct statvfs disk;
	struct stat st;

	if (statvfs(dir, &disk) || stat(dir, &st))
		return false;
	*device = st.st_dev;
	return (unsigned long long)disk.f_bavail * disk.f_frsize < FULL;
}

/* true: there is more room now. */
static bool give_way(const char *dir)
{
	char *folder = paths_user(PATHS_CACHE, "kv");
	dev_t device;
	struct stat st;
	bool went = false;

	if (folder && is_full(dir, &device) && !stat(folder, &st) &&
	    st.st_dev == device)
		went = snapshot_folder_clear(folder);
	free(folder);
	return went;
}

struct library *snapshots_yield_open(const char *dir, bool at_least_read,
                                     struct error *err)
{
	struct library *lib = library_open(dir, err);

	if (!lib && give_way(dir))
		lib = library_open(dir, err);
	return lib || !at_least_read ? lib : library_open_for_reading(dir, err);
}

int snapshots_yield_save(struct library *lib, struct conversation *c,
                         struct error *err)
{
	int failed = library_save(lib, c, err);
	char *dir = failed ? paths_user(PATHS_DATA, NULL) : NULL;

	if (dir && give_way(dir))
		failed = library_save(lib, c, err);
	free(dir);
	return failed;
}
