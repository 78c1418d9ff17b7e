#include "engine/snapshot_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/paths.h"

/* By the machine: some ten conversations of 4,000 tokens of a 4B in f16. */
#define MOST_BY_ITSELF ((uint64_t)8 << 30)

struct entry {
	char *path;
	uint64_t bytes; /* on the disk */
	struct timespec used;
};

struct folder {
	struct entry *entries; /* [n], without the one that is to grow */
	size_t n, capacity;
	uint64_t bytes; /* of all entries */
};

static bool is_snapshot(const char *name)
{
	size_t len = strlen(name), ending = strlen(SNAPSHOT_ENDING);

	return len > ending && !strcmp(name + len - ending, SNAPSHOT_ENDING);
}

static void add(struct folder *f, char *path)
{
	struct entry *entry;
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode)) {
		free(path);
		return;
	}
	f->entries =
		mem_grow(f->entries, f->n, &f->capacity, sizeof *f->entries);
	entry = &f->entries[f->n++];
	entry->path = path;
	entry->bytes = (uint64_t)st.st_blocks * 512; /* POSIX's unit */
	entry->used = st.st_mtim;
	f->bytes += entry->bytes;
}

static void scan(struct folder *f, const char *dir, const char *except)
{
	DIR *stream = opendir(dir);
	struct dirent *file;

	if (!stream)
		return;
	while ((file = readdir(stream)))
		if (is_snapshot(file->d_name) && strcmp(file->d_name, except))
			add(f, paths_join(dir, file->d_name));
	closedir(stream);
}

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->used;
	const struct timespec *y = &((const struct entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec > y->tv_sec ? -1 : 1;
	if (x->tv_nsec != y->tv_nsec)
		return x->tv_nsec > y->tv_nsec ? -1 : 1;
	return 0;
}

/* Removes the oldest until no more than `most` bytes are left. */
static void shrink(struct folder *f, uint64_t most)
{
	if (f->n)
		qsort(f->entries, f->n, sizeof *f->entries, newest_first);
	while (f->n && f->bytes > most) {
		struct entry *oldest = &f->entries[--f->n];

		unlink(oldest->path);
		f->bytes -= oldest->bytes;
		free(oldest->path);
	}
}

static void folder_free(struct folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->entries[i].path);
	free(f->entries);
}

static uint64_t budget_by_the_machine(const struct folder *f, const char *path,
                                      const char *dir)
{
	struct statvfs disk;
	struct stat st;
	uint64_t bytes = f->bytes;

	if (statvfs(dir, &disk))
		return MOST_BY_ITSELF;
	if (!stat(path, &st))
		bytes += (uint64_t)st.st_blocks * 512;
	bytes = (bytes + (uint64_t)disk.f_bavail * disk.f_frsize) / 4;
	return bytes < MOST_BY_ITSELF ? bytes : MOST_BY_ITSELF;
}

static int make_room(const char *dir, const char *path, uint64_t bytes,
                     uint64_t budget, struct error *err)
{
	struct folder f = { 0 };
	int result = 0;

	scan(&f, dir, path + strlen(dir) + 1);
	if (!budget)
		budget = budget_by_the_machine(&f, path, dir);
	if (bytes > budget) {
		unlink(path);
		result = error_set(err,
		                   "%s: a snapshot of %llu MiB, and %llu are "
		                   "given to all",
		                   path, (unsigned long long)bytes >> 20,
		                   (unsigned long long)budget >> 20);
	} else {
		shrink(&f, budget - bytes);
	}
	folder_free(&f);
	return result;
}

int snapshot_folder_make_room(const char *path, uint64_t bytes, uint64_t budget,
                              struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int result = -1;

	if (!slash || slash == path)
		return error_set(err, "%s: no folder of snapshots", path);
	dir = mem_dup(path, (size_t)(slash - path));
	if (!file_make_dirs(dir, err))
		result = make_room(dir, path, bytes, budget, err);
	free(dir);
	return result;
}

bool snapshot_folder_clear(const char *dir)
{
	struct folder f = { 0 };
	bool some;

	scan(&f, dir, "");
	some = f.n > 0;
	shrink(&f, 0);
	folder_free(&f);
	return some;
}
