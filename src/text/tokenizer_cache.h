/*
 * tokenizer_cache.h - compiled vocabularies on disk
 *
 * CACHE_DIR/tokenizer-HASH.bin, HASH being that of the source's absolute path.
 * A file that is damaged, of another version, machine or source is as good as
 * none, and is replaced.  So is one that cannot be written: the cache saves
 * time and nothing else.
 */
#ifndef CONFAB_TOKENIZER_CACHE_H
#define CONFAB_TOKENIZER_CACHE_H

#include <stdbool.h>
#include <stddef.h>

struct file_map;
struct tokenizer_image;
struct tokenizer_image_key;

/* Maps the image made of the file at source, if its key is this one; image
 * lives as long as map, which the caller closes.  False: there is none. */
bool tokenizer_cache_open(struct tokenizer_image *image, struct file_map *map,
                          const char *cache_dir, const char *source,
                          const struct tokenizer_image_key *key);

void tokenizer_cache_write(const char *cache_dir, const char *source,
                           const void *block, size_t size);

#endif
