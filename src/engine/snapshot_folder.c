#include "engine/snapshot_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/recent_files.h"

/* By the machine: some ten conversations of 4,000 tokens of a 4B in f16. */
#define MOST_BY_ITSELF ((uint64_t)8 << 30)

static bool is_snapshot(const char *name)
{
	size_t len = strlen(name), ending = strlen(SNAPSHOT_ENDING);

	return len > ending && !strcmp(name + len - ending, SNAPSHOT_ENDING);
}

static uint64_t bytes_of(const struct recent_files *snapshots)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < snapshots->n; i++)
		bytes += snapshots->files[i].bytes;
	return bytes;
}

/* Removes the oldest until no more than `most` bytes are left. */
static void shrink(struct recent_files *snapshots, uint64_t most)
{
	uint64_t bytes = bytes_of(snapshots);

	while (snapshots->n && bytes > most) {
		size_t oldest = snapshots->n - 1;

		bytes -= snapshots->files[oldest].bytes;
		recent_files_remove(snapshots, oldest);
	}
}

static uint64_t budget_by_the_machine(uint64_t bytes, const char *path,
                                      const char *dir)
{
	struct statvfs disk;
	struct stat st;

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
	struct recent_files others = { 0 };
	int result = 0;

	recent_files_find(&others, dir, is_snapshot, path + strlen(dir) + 1);
	if (!budget)
		budget = budget_by_the_machine(bytes_of(&others), path, dir);
	if (bytes > budget) {
		unlink(path);
		result = error_set(err,
		                   "%s: a snapshot of %llu MiB, and %llu are "
		                   "given to all",
		                   path, (unsigned long long)bytes >> 20,
		                   (unsigned long long)budget >> 20);
	} else {
		shrink(&others, budget - bytes);
	}
	recent_files_free(&others);
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
	struct recent_files all = { 0 };
	bool some;

	recent_files_find(&all, dir, is_snapshot, NULL);
	some = all.n > 0;
	while (all.n) /* those of no bytes too */
		recent_files_remove(&all, all.n - 1);
	recent_files_free(&all);
	return some;
}
