/*
 * recent_files.h - the files of a folder in the order of their last use, for
 * caches that are to stay small
 *
 * A file's time of change counts as its last use: whoever reads one without
 * writing to it calls recent_files_touch().  (Times of access will not do: most
 * systems mount with relatime or noatime.)
 */
#ifndef CONFAB_RECENT_FILES_H
#define CONFAB_RECENT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct recent_file {
	char *path;           /* owned */
	const char *name;     /* in path */
	uint64_t bytes;       /* on the disk */
	struct timespec used; /* of CLOCK_REALTIME */
};

struct recent_files {
	struct recent_file *files; /* [n], the last used first */
	size_t n, capacity;
};

/* Fills the zero-initialised list with dir's regular files whose names are
 * wanted, without the one named `except` (NULL: with all).  A folder that cannot
 * be read has none. */
void recent_files_find(struct recent_files *list, const char *dir,
                       bool (*wanted)(const char *name), const char *except);
void recent_files_free(struct recent_files *list);

/* Removes the file of entry i, if it is still there, and the entry. */
void recent_files_remove(struct recent_files *list, size_t i);

/* Used now.  Where that cannot be noted, it is not. */
void recent_files_touch(const char *path);

#endif
