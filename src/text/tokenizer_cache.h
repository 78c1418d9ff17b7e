/*
 * tokenizer_cache.h - compiled vocabularies on disk
 *
 * CACHE_DIR/tokenizer-HASH.bin, HASH being that of the source's absolute path:
 * the image (tokenizer_image.h), a 0 byte and that path.  A file that is
 * damaged, of another version, machine or source is as good as none, and is
 * replaced.  So is one that cannot be written: the cache saves time and nothing
 * else.
 *
 * Qwen3's takes 12 MB, so after each write those go whose source is gone, what
 * killed programs left unfinished, and all beyond the TOKENIZER_CACHE_FILES used
 * last.  A file that another program has open stays whole for it; one that
 * another wants to open next is made anew there.
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

#define TOKENIZER_CACHE_FILES 8

/* What is done after a write, for whoever removes a source. */
void tokenizer_cache_sweep(const char *cache_dir);

#endif
