/*
 * gguf_write.h - the GGUF container, version 3: writing
 *
 * In this order: metadata, then the tensors' names, types and shapes, then
 * gguf_write_begin(), then the data of every tensor in the order in which they
 * were declared, then gguf_write_finish().  The data streams to the disk in runs
 * of 8 MiB, of which one is held; so is the header (a vocabulary: some MB).  After
 * an error only gguf_write_free() may follow.
 *
 * The file grows under a temporary name, PATH.tmp-PID, in PATH's folder and
 * takes its own when it is complete and on the disk: whoever opens PATH sees
 * the old file, or none, or the whole new one.
 */
#ifndef CONFAB_GGUF_WRITE_H
#define CONFAB_GGUF_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkpoint/gguf.h"
#include "math/tensor.h"

struct error;
struct gguf_write;

/* Creates the temporary file, readable as the umask says. */
struct gguf_write *gguf_write_new(const char *path, struct error *err);
/* Removes the temporary file unless it was finished. */
void gguf_write_free(struct gguf_write *w);

/* Tensors begin at multiples of so many bytes, a power of two, in place of 32;
 * before the first is declared.  Writes the key that says so. */
void gguf_write_align(struct gguf_write *w, uint32_t alignment);

/* Metadata.  Keys are the caller's to keep distinct. */
void gguf_write_u32(struct gguf_write *w, const char *key, uint32_t value);
void gguf_write_i32(struct gguf_write *w, const char *key, int32_t value);
void gguf_write_f32(struct gguf_write *w, const char *key, float value);
void gguf_write_bool(struct gguf_write *w, const char *key, bool value);
void gguf_write_string(struct gguf_write *w, const char *key, const char *bytes,
                       size_t len);
void gguf_write_i32_array(struct gguf_write *w, const char *key,
                          const int32_t *items, size_t n);
void gguf_write_string_array(struct gguf_write *w, const char *key,
                             const struct gguf_string *items, size_t n);
/* As it was read, whatever its kind. */
void gguf_write_field(struct gguf_write *w, const struct gguf_field *field);

/* Declares a tensor; shape outermost first.  name: at most 63 bytes, which is
 * all that ggml takes.  Fails where the type's blocks do not fit the shape or a
 * size overflows. */
int gguf_write_tensor(struct gguf_write *w, const char *name, enum dtype dtype,
                      int n_dims, const int64_t *shape, struct error *err);

/* Writes the header.  Fails where the disk has no room for all that is to
 * follow, with both numbers. */
int gguf_write_begin(struct gguf_write *w, struct error *err);

/* The next bytes of the data, which may end anywhere but not past the end of
 * the tensor that is being written; padding is added by itself.  It is written in
 * large runs: what fails may be told by a later call or by gguf_write_finish(). */
int gguf_write_data(struct gguf_write *w, const void *bytes, size_t len,
                    struct error *err);

/* Asserts that all data has been written.  Syncs, and takes PATH. */
int gguf_write_finish(struct gguf_write *w, struct error *err);

/* Bytes that the whole file has or will have; after gguf_write_begin(). */
uint64_t gguf_write_size(const struct gguf_write *w);

#endif
