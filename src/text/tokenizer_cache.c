#include "text/tokenizer_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/recent_files.h"
#include "base/strbuf.h"
#include "text/tokenizer_image.h"

/* Seconds after which a file that is not whole yet is taken for one of a
 * program that was killed: writing one takes less than one. */
#define ABANDONED 3600

/* ---- the name and the end of a file ---- */

static char *absolute_path(const char *source)
{
	char *absolute = realpath(source, NULL);

	return absolute ? absolute : mem_strdup(source);
}

static char *name_of(const char *absolute)
{
	struct strbuf name = STRBUF_INIT;

	strbuf_printf(&name, "tokenizer-%016" PRIx64 ".bin",
	              hash64(absolute, strlen(absolute)));
	return strbuf_take(&name);
}

static char *cache_path(const char *cache_dir, const char *absolute)
{
	char *name = name_of(absolute), *path = paths_join(cache_dir, name);

	free(name);
	return path;
}

/* The bytes before the 0 byte and the source's path; 0 where the file does not
 * end so. */
static size_t image_size(const struct file_map *map, const char *absolute)
{
	size_t tail = strlen(absolute) + 1;
	size_t size = map->size > tail ? map->size - tail : 0;

	if (!size || map->bytes[size] ||
	    memcmp(map->bytes + size + 1, absolute, tail - 1))
		return 0;
	return size;
}

/* ---- keeping it small ---- */

static bool is_ours(const char *name)
{
	return !strncmp(name, "tokenizer-", 10) && strstr(name, ".bin");
}

static bool is_unfinished(const struct recent_file *file)
{
	return strstr(file->name, ".bin" FILE_UNFINISHED);
}

/* Where the source lies that the file ends with, yours to free; NULL: it does
 * not end with one, or not with its own. */
static char *source_of(const struct recent_file *file)
{
	char tail[PATH_MAX + 1], *zero = NULL, *source = NULL, *name = NULL;
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	off_t from = size > (off_t)sizeof tail ? size - (off_t)sizeof tail : 0;
	ssize_t n = size < 0 ? -1 : pread(fd, tail, sizeof tail, from);

	if (fd >= 0)
		close(fd);
	if (n > 0)
		zero = memrchr(tail, '\0', (size_t)n);
	if (!zero)
		return NULL;
	source = mem_dup(zero + 1, (size_t)(tail + n - zero) - 1);
	name = name_of(source);
	if (strcmp(name, file->name)) {
		free(source);
		source = NULL;
	}
	free(name);
	return source;
}

static bool is_of_use(const struct recent_file *file)
{
	char *source;
	bool there;

	if (is_unfinished(file))
		return time(NULL) - file->used.tv_sec < ABANDONED;
	source = source_of(file);
	there = source && (!access(source, F_OK) ||
	                   (errno != ENOENT && errno != ENOTDIR));
	free(source);
	return there;
}

void tokenizer_cache_sweep(const char *cache_dir)
{
	struct recent_files list = { 0 };

	recent_files_find(&list, cache_dir, is_ours, NULL);
	for (size_t i = list.n; i-- > 0;)
		if (!is_of_use(&list.files[i]))
			recent_files_remove(&list, i);
	while (list.n > TOKENIZER_CACHE_FILES)
		recent_files_remove(&list, list.n - 1);
	recent_files_free(&list);
}

/* ---- reading and writing ---- */

static bool same_key(const struct tokenizer_image_key *a,
                     const struct tokenizer_image_key *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->hash == b->hash;
}

static bool open_image(struct tokenizer_image *image,
                       const struct file_map *map, const char *absolute,
                       const struct tokenizer_image_key *key)
{
	size_t size = image_size(map, absolute);

	return size && tokenizer_image_open(image, map->bytes, size) &&
	       same_key(&image->header->key, key);
}

bool tokenizer_cache_open(struct tokenizer_image *image, struct file_map *map,
                          const char *cache_dir, const char *source,
                          const struct tokenizer_image_key *key)
{
	char *absolute = absolute_path(source);
	char *path = cache_path(cache_dir, absolute);
	bool found = file_map_open(map, path, NULL) == 0;

	if (found && !open_image(image, map, absolute, key)) {
		file_map_close(map);
		found = false;
	}
	if (found)
		recent_files_touch(path);
	free(path);
	free(absolute);
	return found;
}

void tokenizer_cache_write(const char *cache_dir, const char *source,
                           const void *block, size_t size)
{
	char *absolute = absolute_path(source);
	char *path = cache_path(cache_dir, absolute);
	struct strbuf whole = STRBUF_INIT;

	strbuf_add(&whole, block, size);
	strbuf_add_char(&whole, '\0');
	strbuf_add_str(&whole, absolute);
	if (file_make_dirs(cache_dir, NULL) == 0 &&
	    file_write(path, whole.bytes, whole.len, NULL) == 0)
		tokenizer_cache_sweep(cache_dir);
	strbuf_free(&whole);
	free(path);
	free(absolute);
}
