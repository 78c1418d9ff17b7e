#include "checkpoint/gguf_write.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "checkpoint/gguf_format.h"

#define NAME_MAX_BYTES 63
#define ALIGNMENT_MOST 4096

/* The file is written in runs of this many bytes.  A file system that can do so keeps
 * in the page cache what one call writes in pages as large; from small ones decoding
 * took 1.11 to 1.14 times as long (Linux 6.18, ext4; 4B, packed bf16). */
#define RUN_BYTES ((size_t)8 << 20)

struct info {
	char *name; /* owned */
	enum dtype dtype;
	int n_dims;
	int64_t shape[TENSOR_MAX_DIMS]; /* outermost first */
	uint64_t offset;                /* from the start of the data, bytes */
	size_t bytes;
};

struct gguf_write {
	char *path, *tmp; /* owned; tmp exists iff fd >= 0 */
	int fd;
	struct strbuf keys;
	uint64_t n_keys;
	struct info *infos; /* [n_infos] */
	size_t n_infos, capacity;
	uint64_t data_bytes; /* of the declared tensors, padding included */
	uint64_t size;       /* of the file */
	size_t current;      /* the tensor that is being written */
	size_t written;      /* of its bytes */
	uint32_t alignment;  /* at most ALIGNMENT_MOST */
	char *run;           /* [RUN_BYTES], owned */
	size_t run_len;      /* of it, not yet written */
};

static int fail(struct error *err, const char *path)
{
	return error_set(err, "%s: %s", path, strerror(errno));
}

struct gguf_write *gguf_write_new(const char *path, struct error *err)
{
	struct strbuf tmp = STRBUF_INIT;
	struct gguf_write *w;
	struct stat st;

	if (!*path) {
		error_set(err, "'': not the name of a file to write");
		return NULL;
	}
	if (file_is_device(path)) {
		error_set(err, "%s: not a regular file", path);
		return NULL;
	}
	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		error_set(err, "%s: %s", path, strerror(EISDIR));
		return NULL;
	}
	w = mem_zalloc(1, sizeof *w);
	w->path = file_target(path);
	w->keys = (struct strbuf)STRBUF_INIT;
	strbuf_printf(&tmp, "%s" FILE_UNFINISHED "%ld", w->path,
	              (long)getpid());
	w->tmp = strbuf_take(&tmp);
	unlink(w->tmp); /* of a process that had our number and died */
	w->alignment = GGUF_ALIGNMENT;
	w->run = mem_alloc(RUN_BYTES);
	w->fd = open(w->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (w->fd < 0) {
		fail(err, path);
		gguf_write_free(w);
		return NULL;
	}
	return w;
}

void gguf_write_free(struct gguf_write *w)
{
	if (!w)
		return;
	if (w->fd >= 0) {
		close(w->fd);
		unlink(w->tmp);
	}
	for (size_t i = 0; i < w->n_infos; i++)
		free(w->infos[i].name);
	free(w->infos);
	free(w->run);
	strbuf_free(&w->keys);
	free(w->path);
	free(w->tmp);
	free(w);
}

static void add_u32(struct strbuf *s, uint32_t v)
{
	char bytes[4];

	for (int i = 0; i < 4; i++)
		bytes[i] = (char)(v >> 8 * i & 0xff);
	strbuf_add(s, bytes, sizeof bytes);
}

static void add_u64(struct strbuf *s, uint64_t v)
{
	add_u32(s, (uint32_t)v);
	add_u32(s, (uint32_t)(v >> 32));
}

static void add_string(struct strbuf *s, const char *bytes, size_t len)
{
	add_u64(s, len);
	strbuf_add(s, bytes, len);
}

static void add_key(struct gguf_write *w, const char *key, enum gguf_kind kind)
{
	add_string(&w->keys, key, strlen(key));
	add_u32(&w->keys, kind);
	w->n_keys++;
}

void gguf_write_u32(struct gguf_write *w, const char *key, uint32_t value)
{
	add_key(w, key, GGUF_U32);
	add_u32(&w->keys, value);
}

void gguf_write_i32(struct gguf_write *w, const char *key, int32_t value)
{
	add_key(w, key, GGUF_I32);
	add_u32(&w->keys, (uint32_t)value);
}

void gguf_write_f32(struct gguf_write *w, const char *key, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof bits);
	add_key(w, key, GGUF_F32);
	add_u32(&w->keys, bits);
}

void gguf_write_bool(struct gguf_write *w, const char *key, bool value)
{
	add_key(w, key, GGUF_BOOL);
	strbuf_add_char(&w->keys, value ? 1 : 0);
}

void gguf_write_string(struct gguf_write *w, const char *key, const char *bytes,
                       size_t len)
{
	add_key(w, key, GGUF_STRING);
	add_string(&w->keys, bytes, len);
}

void gguf_write_align(struct gguf_write *w, uint32_t alignment)
{
	assert(w->n_infos == 0 && alignment <= ALIGNMENT_MOST &&
	       (alignment & (alignment - 1)) == 0);
	w->alignment = alignment;
	gguf_write_u32(w, "general.alignment", alignment);
}

static void add_array(struct gguf_write *w, const char *key,
                      enum gguf_kind item, size_t n)
{
	add_key(w, key, GGUF_ARRAY);
	add_u32(&w->keys, item);
	add_u64(&w->keys, n);
}

void gguf_write_i32_array(struct gguf_write *w, const char *key,
                          const int32_t *items, size_t n)
{
	add_array(w, key, GGUF_I32, n);
	for (size_t i = 0; i < n; i++)
		add_u32(&w->keys, (uint32_t)items[i]);
}

void gguf_write_string_array(struct gguf_write *w, const char *key,
                             const struct gguf_string *items, size_t n)
{
	add_array(w, key, GGUF_STRING, n);
	for (size_t i = 0; i < n; i++)
		add_string(&w->keys, items[i].bytes, items[i].len);
}

void gguf_write_field(struct gguf_write *w, const struct gguf_field *field)
{
	add_string(&w->keys, field->key.bytes, field->key.len);
	add_u32(&w->keys, (uint32_t)field->kind);
	if (field->kind == GGUF_ARRAY) {
		add_u32(&w->keys, (uint32_t)field->item);
		add_u64(&w->keys, field->n);
	}
	strbuf_add(&w->keys, field->value, field->bytes);
	w->n_keys++;
}

/* Bytes that lack to the next multiple of the alignment. */
static size_t padding(const struct gguf_write *w, uint64_t at)
{
	return (size_t)(-at & (w->alignment - 1));
}

int gguf_write_tensor(struct gguf_write *w, const char *name, enum dtype dtype,
                      int n_dims, const int64_t *shape, struct error *err)
{
	struct info info = { .dtype = dtype, .n_dims = n_dims };
	int64_t elements;
	uint64_t end;

	if (strlen(name) > NAME_MAX_BYTES)
		return error_set(err,
		                 "%s: tensor %s: a name of %zu bytes, at "
		                 "most %d fit in a GGUF file",
		                 w->path, name, strlen(name), NAME_MAX_BYTES);
	if (!tensor_size(dtype, n_dims, shape, &elements, &info.bytes) ||
	    __builtin_add_overflow(w->data_bytes, info.bytes, &end) ||
	    end > INT64_MAX - ALIGNMENT_MOST)
		return error_set(err,
		                 "%s: tensor %s: its shape does not suit "
		                 "type %s",
		                 w->path, name, dtype_info(dtype)->name);
	memcpy(info.shape, shape, (size_t)n_dims * sizeof *shape);
	info.offset = w->data_bytes;
	info.name = mem_strdup(name);
	w->data_bytes = end + padding(w, end);
	w->infos =
		mem_grow(w->infos, w->n_infos, &w->capacity, sizeof *w->infos);
	w->infos[w->n_infos++] = info;
	return 0;
}

static void add_info(struct strbuf *s, const struct info *info)
{
	add_string(s, info->name, strlen(info->name));
	add_u32(s, (uint32_t)info->n_dims);
	for (int i = info->n_dims - 1; i >= 0; i--)
		add_u64(s, (uint64_t)info->shape[i]);
	add_u32(s, gguf_format_number(info->dtype));
	add_u64(s, info->offset);
}

static int write_run(struct gguf_write *w, struct error *err)
{
	const char *p = w->run;

	while (w->run_len) {
		ssize_t n = write(w->fd, p, w->run_len);

		if (n < 0 && errno != EINTR)
			return fail(err, w->path);
		if (n > 0) {
			p += n;
			w->run_len -= (size_t)n;
		}
	}
	return 0;
}

static int append(struct gguf_write *w, const void *bytes, size_t len,
                  struct error *err)
{
	const char *p = bytes;

	while (len) {
		size_t room = RUN_BYTES - w->run_len;
		size_t n = len < room ? len : room;

		memcpy(w->run + w->run_len, p, n);
		w->run_len += n;
		p += n;
		len -= n;
		if (n == room && write_run(w, err))
			return -1;
	}
	return 0;
}

/* A full disk is better noticed now than after some minutes.  What a file system
 * does not say the writes themselves will tell. */
static int check_room(struct gguf_write *w, struct error *err)
{
	struct statvfs fs;

	if (fstatvfs(w->fd, &fs) || fs.f_frsize == 0)
		return 0;
	if (w->size / fs.f_frsize <= fs.f_bavail)
		return 0;
	return error_set(err,
	                 "%s: needs %" PRIu64 " MB, where %" PRIu64
	                 " MB are free",
	                 w->path, w->size / 1000000,
	                 (uint64_t)fs.f_bavail * fs.f_frsize / 1000000);
}

int gguf_write_begin(struct gguf_write *w, struct error *err)
{
	static const char zeros[ALIGNMENT_MOST];
	struct strbuf s = STRBUF_INIT;
	int result;

	strbuf_add(&s, GGUF_MAGIC, 4);
	add_u32(&s, GGUF_VERSION);
	add_u64(&s, w->n_infos);
	add_u64(&s, w->n_keys);
	strbuf_add(&s, w->keys.bytes, w->keys.len);
	for (size_t i = 0; i < w->n_infos; i++)
		add_info(&s, &w->infos[i]);
	strbuf_add(&s, zeros, padding(w, s.len));
	w->size = s.len + w->data_bytes;
	result = check_room(w, err) || append(w, s.bytes, s.len, err) ? -1 : 0;
	strbuf_free(&s);
	return result;
}

int gguf_write_data(struct gguf_write *w, const void *bytes, size_t len,
                    struct error *err)
{
	static const char zeros[ALIGNMENT_MOST];
	const struct info *info = &w->infos[w->current];

	assert(w->current < w->n_infos && len <= info->bytes - w->written);
	if (append(w, bytes, len, err))
		return -1;
	w->written += len;
	if (w->written < info->bytes)
		return 0;
	w->current++;
	w->written = 0;
	return append(w, zeros, padding(w, info->bytes), err);
}

/* Makes the rename last: the folder must reach the disk as well.  Where folders
 * cannot be synced there is nothing to do about it. */
static void sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_dup(path, (size_t)(slash - path) + 1)
	                  : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(dir);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int gguf_write_finish(struct gguf_write *w, struct error *err)
{
	assert(w->current == w->n_infos);
	if (write_run(w, err))
		return -1;
	if (fsync(w->fd) || rename(w->tmp, w->path))
		return fail(err, w->path);
	sync_folder(w->path);
	close(w->fd);
	w->fd = -1;
	return 0;
}

uint64_t gguf_write_size(const struct gguf_write *w)
{
	return w->size;
}
