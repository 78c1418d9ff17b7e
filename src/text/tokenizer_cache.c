#include "text/tokenizer_cache.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "text/tokenizer_image.h"

static char *cache_path(const char *cache_dir, const char *source)
{
	struct strbuf path = STRBUF_INIT;
	char *absolute = realpath(source, NULL);
	const char *name = absolute ? absolute : source;

	strbuf_printf(&path, "%s/tokenizer-%016" PRIx64 ".bin", cache_dir,
	              hash64(name, strlen(name)));
	free(absolute);
	return strbuf_take(&path);
}

static bool same_key(const struct tokenizer_image_key *a,
                     const struct tokenizer_image_key *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->hash == b->hash;
}

bool tokenizer_cache_open(struct tokenizer_image *image, struct file_map *map,
                          const char *cache_dir, const char *source,
                          const struct tokenizer_image_key *key)
{
	char *path = cache_path(cache_dir, source);
	bool found = file_map_open(map, path, NULL) == 0;

	free(path);
	if (!found)
		return false;
	if (tokenizer_image_open(image, map->bytes, map->size) &&
	    same_key(&image->header->key, key))
		return true;
	file_map_close(map);
	return false;
}

void tokenizer_cache_write(const char *cache_dir, const char *source,
                           const void *block, size_t size)
{
	char *path = cache_path(cache_dir, source);

	if (file_make_dirs(cache_dir, NULL) == 0)
		(void)file_write(path, block, size, NULL);
	free(path);
}
