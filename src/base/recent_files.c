#include "base/recent_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/paths.h"

static void add(struct recent_files *list, const char *dir, const char *name)
{
	char *path = paths_join(dir, name);
	struct recent_file *file;
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode)) {
		free(path);
		return;
	}
	list->files = mem_grow(list->files, list->n, &list->capacity,
	                       sizeof *list->files);
	file = &list->files[list->n++];
	file->path = path;
	file->name = path + strlen(path) - strlen(name);
	file->bytes = (uint64_t)st.st_blocks * 512; /* POSIX's unit */
	file->used = st.st_mtim;
}

static int last_used_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct recent_file *)a)->used;
	const struct timespec *y = &((const struct recent_file *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec > y->tv_sec ? -1 : 1;
	if (x->tv_nsec != y->tv_nsec)
		return x->tv_nsec > y->tv_nsec ? -1 : 1;
	return 0;
}

void recent_files_find(struct recent_files *list, const char *dir,
                       bool (*wanted)(const char *name), const char *except)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;

	if (!stream)
		return;
	while ((entry = readdir(stream)))
		if (wanted(entry->d_name) &&
		    (!except || strcmp(entry->d_name, except)))
			add(list, dir, entry->d_name);
	closedir(stream);
	if (list->n)
		qsort(list->files, list->n, sizeof *list->files,
		      last_used_first);
}

void recent_files_free(struct recent_files *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->files[i].path);
	free(list->files);
	*list = (struct recent_files){ 0 };
}

void recent_files_remove(struct recent_files *list, size_t i)
{
	struct recent_file *file = &list->files[i];

	unlink(file->path);
	free(file->path);
	list->n--;
	memmove(file, file + 1, (list->n - i) * sizeof *file);
}

void recent_files_touch(const char *path)
{
	(void)utimensat(AT_FDCWD, path, NULL, 0);
}
