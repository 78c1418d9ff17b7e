/*
 * file.h - whole files: read with a bound, written so that a crash leaves the
 * old or the new one, mapped for reading
 */
#ifndef CONFAB_FILE_H
#define CONFAB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct strbuf;

/* Appends the whole file to out.  Longer than max_bytes: an error with both
 * numbers.  Not a regular file: an error, unless it can be read as a stream. */
int file_read(struct strbuf *out, const char *path, size_t max_bytes,
              struct error *err);

/* The same of what is open already, from where it stands: `what` names it. */
int file_read_open(struct strbuf *out, int fd, const char *what,
                   size_t max_bytes, struct error *err);

/* The same of a regular file alone: nothing that would be waited for. */
int file_read_regular(struct strbuf *out, const char *path, size_t max_bytes,
                      struct error *err);

/* What the name of a file that is still written has after that of the file it
 * becomes; the number of the process follows.  One that was killed leaves it. */
#define FILE_UNFINISHED ".tmp-"

/* Writes path.tmp-PID, fsyncs it, renames it over path, fsyncs the folder.
 * The file gets mode 0600.  A link stays and its target is replaced; a device
 * or pipe is written to as it is. */
int file_write(const char *path, const void *bytes, size_t len,
               struct error *err);

/* Makes a folder and its parents, 0700 whatever the umask. */
int file_make_dirs(const char *path, struct error *err);

bool file_exists(const char *path);

/* What links lead to, else path itself.  Yours to free. */
char *file_target(const char *path);

/* Whether it is there and neither a file nor a folder: a device, a pipe, a
 * socket, and what a link to one names, as /dev/stdout does. */
bool file_is_device(const char *path);

struct file_map {
	const uint8_t *bytes; /* [size], read only, shared with the page cache */
	size_t size;
	char *path;           /* owned, for messages */
	int64_t mtime_ns;     /* when it was opened */
};

/* A read-only shared mapping.  An empty file maps to size 0, bytes NULL.
 * A file that shrinks while it is mapped raises SIGBUS on access:
 * file_map_blame() tells the handler whose page it was. */
int file_map_open(struct file_map *map, const char *path, struct error *err);
void file_map_close(struct file_map *map); /* zeroed maps are fine */

/* The path of the live mapping that holds address, or NULL.  Async-signal-
 * safe: a fixed table of up to 256 mappings, read without locks. */
const char *file_map_blame(const void *address);

#endif
