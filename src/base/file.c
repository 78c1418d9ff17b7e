#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"

#define READ_STEP ((size_t)64 << 10) /* bytes a read() asks for at least */

static int fail(struct error *err, const char *path)
{
	return error_set(err, "%s: %s", path, strerror(errno));
}

/* Opens for reading and looks what it is.  Returns the descriptor or -1. */
static int open_file(const char *path, int flags, struct stat *st,
                     struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);

	if (fd < 0)
		return fail(err, path);
	if (fstat(fd, st)) {
		fail(err, path);
		close(fd);
		return -1;
	}
	if (S_ISDIR(st->st_mode)) {
		error_set(err, "%s: is a directory, not a file", path);
		close(fd);
		return -1;
	}
	return fd;
}

static ssize_t read_some(int fd, void *bytes, size_t len)
{
	ssize_t n;

	do
		n = read(fd, bytes, len);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Reads until the end, wherever that is: a stream has no size, and a file may
 * grow while it is read. */
static int read_all(struct strbuf *out, int fd, const char *path,
                    size_t max_bytes, struct error *err)
{
	size_t got = 0;

	for (;;) {
		size_t room;
		ssize_t n;

		strbuf_reserve(out, READ_STEP);
		room = out->capacity - out->len - 1;
		n = read_some(fd, out->bytes + out->len, room);
		if (n < 0)
			return fail(err, path);
		if (n == 0)
			return 0;
		got += (size_t)n;
		if (got > max_bytes)
			return error_set(err,
			                 "%s: longer than the %zu bytes that "
			                 "are allowed",
			                 path, max_bytes);
		out->len += (size_t)n;
	}
}

int file_read_open(struct strbuf *out, int fd, const char *what,
                   size_t max_bytes, struct error *err)
{
	size_t before = out->len;
	int result = read_all(out, fd, what, max_bytes, err);

	if (result)
		out->len = before;
	if (out->capacity)
		out->bytes[out->len] = '\0';
	return result;
}

static int read_file(struct strbuf *out, const char *path, size_t max_bytes,
                     bool regular, struct error *err)
{
	struct stat st;
	int fd, result;

	/* Not to wait for the other end of a pipe that is not read anyway. */
	fd = open_file(path, regular ? O_NONBLOCK : 0, &st, err);
	if (fd < 0)
		return -1;
	if (regular && !S_ISREG(st.st_mode)) {
		close(fd);
		return error_set(err, "%s: not a regular file", path);
	}
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes) {
		close(fd);
		return error_set(err, "%s: %lld bytes, at most %zu are allowed",
		                 path, (long long)st.st_size, max_bytes);
	}
	if (S_ISREG(st.st_mode))
		strbuf_reserve(out, (size_t)st.st_size + READ_STEP);
	result = file_read_open(out, fd, path, max_bytes, err);
	close(fd);
	return result;
}

int file_read(struct strbuf *out, const char *path, size_t max_bytes,
              struct error *err)
{
	return read_file(out, path, max_bytes, false, err);
}

int file_read_regular(struct strbuf *out, const char *path, size_t max_bytes,
                      struct error *err)
{
	return read_file(out, path, max_bytes, true, err);
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* A file of that content and mode 0600, on the disk when this returns.  On
 * failure errno says why and nothing is left behind. */
static int write_new(const char *path, const void *bytes, size_t len)
{
	int fd, saved;

	unlink(path); /* of a process that had our number and died */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (!fchmod(fd, 0600) && !write_all(fd, bytes, len) && !fsync(fd))
		return close(fd);
	saved = errno;
	close(fd);
	unlink(path);
	errno = saved;
	return -1;
}

/* Makes a rename last: the new name is in the folder, so the folder must reach
 * the disk.  Some file systems cannot sync folders and say EINVAL; there is
 * nothing to do about these. */
static int sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_dup(path, (size_t)(slash - path) + 1)
	                  : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = 0;

	free(dir);
	if (fd < 0)
		return -1;
	if (fsync(fd) && errno != EINVAL && errno != EROFS)
		result = -1;
	close(fd);
	return result;
}

static int write_in_place(const char *path, const void *bytes, size_t len,
                          struct error *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int result;

	if (fd < 0)
		return fail(err, path);
	result = write_all(fd, bytes, len) ? fail(err, path) : 0;
	close(fd);
	return result;
}

/* Replaces target, which messages call path. */
static int replace(const char *target, const void *bytes, size_t len,
                   const char *path, struct error *err)
{
	struct strbuf tmp = STRBUF_INIT;
	int result = -1;

	strbuf_printf(&tmp, "%s" FILE_UNFINISHED "%ld", target, (long)getpid());
	if (write_new(tmp.bytes, bytes, len)) {
		fail(err, path);
	} else if (rename(tmp.bytes, target)) {
		fail(err, path);
		unlink(tmp.bytes);
	} else if (sync_folder_of(target)) {
		fail(err, path);
	} else {
		result = 0;
	}
	strbuf_free(&tmp);
	return result;
}

int file_write(const char *path, const void *bytes, size_t len,
               struct error *err)
{
	char *target;
	int result;

	if (file_is_device(path))
		return write_in_place(path, bytes, len, err);
	target = file_target(path);
	result = replace(target, bytes, len, path, err);
	free(target);
	return result;
}

/* One folder; that it is there already is fine. */
static int make_dir(const char *path)
{
	struct stat st;
	int why;

	if (!mkdir(path, 0700))
		return chmod(path, 0700); /* the umask took some away */
	why = errno;
	if (why != EEXIST && why != EROFS && why != EACCES)
		return -1;
	if (!stat(path, &st)) {
		if (S_ISDIR(st.st_mode))
			return 0;
		why = ENOTDIR;
	}
	errno = why; /* of mkdir(): that it is not there says less */
	return -1;
}

int file_make_dirs(const char *path, struct error *err)
{
	char *copy = mem_strdup(path);
	int result = 0;

	for (char *p = copy; *p && !result; p++) {
		if (*p != '/' || p == copy)
			continue;
		*p = '\0';
		result = make_dir(copy);
		*p = '/';
	}
	if (!result)
		result = make_dir(copy);
	if (result)
		fail(err, path);
	free(copy);
	return result;
}

bool file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

char *file_target(const char *path)
{
	char *target = realpath(path, NULL);

	return target ? target : mem_strdup(path);
}

bool file_is_device(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/*
 * The table that file_map_blame() reads inside a signal handler.  An entry is
 * free (begin 0), being filled (begin 1, size 0) or live.  Whoever faults on a
 * page has not closed its mapping, so the entry it needs cannot change under
 * the handler; the others are only compared.
 */
#define BLAME_ENTRIES 256

static struct blame {
	atomic_uintptr_t begin;
	atomic_size_t size;
	_Atomic(const char *) path;
} blame_table[BLAME_ENTRIES];

static void blame_add(const struct file_map *map)
{
	for (size_t i = 0; i < BLAME_ENTRIES; i++) {
		struct blame *entry = &blame_table[i];
		uintptr_t unused = 0;

		if (!atomic_compare_exchange_strong(&entry->begin, &unused, 1))
			continue;
		atomic_store(&entry->path, map->path);
		atomic_store(&entry->size, map->size);
		atomic_store(&entry->begin, (uintptr_t)map->bytes);
		return;
	}
	/* Full: a fault in this file will be reported without its name. */
}

static void blame_remove(const struct file_map *map)
{
	for (size_t i = 0; i < BLAME_ENTRIES; i++) {
		struct blame *entry = &blame_table[i];

		if (atomic_load(&entry->begin) != (uintptr_t)map->bytes)
			continue;
		atomic_store(&entry->size, 0);
		atomic_store(&entry->path, NULL);
		atomic_store(&entry->begin, 0);
		return;
	}
}

const char *file_map_blame(const void *address)
{
	uintptr_t at = (uintptr_t)address;

	for (size_t i = 0; i < BLAME_ENTRIES; i++) {
		struct blame *entry = &blame_table[i];
		uintptr_t begin = atomic_load(&entry->begin);

		if (begin && at - begin < atomic_load(&entry->size))
			return atomic_load(&entry->path);
	}
	return NULL;
}

/* The bytes of an open regular file; NULL with err set where that fails. */
static const uint8_t *map_file(int fd, const struct stat *st, const char *path,
                               struct error *err)
{
	void *bytes;

	if (!S_ISREG(st->st_mode)) {
		error_set(err, "%s: not a regular file", path);
		return NULL;
	}
	if ((uint64_t)st->st_size > SIZE_MAX) {
		error_set(err,
		          "%s: %lld bytes are more than this machine can "
		          "address",
		          path, (long long)st->st_size);
		return NULL;
	}
	bytes = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED) {
		fail(err, path);
		return NULL;
	}
#ifdef MADV_HUGEPAGE
	/* Where the file system has large folios (ext4 from Linux 6.16, xfs)
	 * a page that is read from the disk is then 2 MiB, and one entry of
	 * the TLB.  What the page cache has already stays as it is. */
	madvise(bytes, (size_t)st->st_size, MADV_HUGEPAGE); /* a wish */
#endif
	return bytes;
}

int file_map_open(struct file_map *map, const char *path, struct error *err)
{
	const uint8_t *bytes = NULL;
	struct stat st;
	/* Not to wait for the other end of a pipe that is no model anyway. */
	int fd = open_file(path, O_NONBLOCK, &st, err);

	if (fd < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size > 0) {
		bytes = map_file(fd, &st, path, err);
		if (!bytes) {
			close(fd);
			return -1;
		}
	}
	close(fd);
	*map = (struct file_map){
		.bytes = bytes,
		.size = (size_t)st.st_size,
		.path = mem_strdup(path),
		.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
		            st.st_mtim.tv_nsec,
	};
	if (bytes)
		blame_add(map);
	return 0;
}

void file_map_close(struct file_map *map)
{
	if (map->bytes) {
		blame_remove(map);
		munmap((void *)(uintptr_t)map->bytes, map->size);
	}
	free(map->path);
	*map = (struct file_map){ 0 };
}
