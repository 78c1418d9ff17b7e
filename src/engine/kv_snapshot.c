#include "engine/kv_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/mem.h"

#define MAGIC           "confabKV"
#define BYTE_ORDER_MARK 0x01020304u
/* Raised when this format or the layout of a page changes. */
#define VERSION 1

/* All three are written as they lie: no padding. */
struct header {
	char magic[8];
	uint32_t byte_order;
	uint32_t version;
	uint64_t fingerprint;
	char type[8]; /* of K and V: "f16" */
	uint32_t layers, kv_heads, head_dim, page_tokens;
	uint64_t page_bytes;
	uint64_t vocab_size;
	uint64_t checksum; /* of all before */
};

struct end {
	uint64_t n;        /* tokens of the line; 0: no logits */
	uint64_t chain;    /* of all its ids */
	uint64_t payload;  /* hash of the logits */
	uint64_t checksum; /* of all before */
};

struct slot {
	uint64_t chain;   /* of all ids up to the last here */
	uint64_t payload; /* hash of the page */
	uint64_t n;       /* ids here; fewer than a page's end the line */
	int32_t ids[KV_PAGE_TOKENS];
	uint64_t checksum; /* of all before */
};

_Static_assert(sizeof(struct header) == 72, "no padding");
_Static_assert(sizeof(struct end) == 32, "no padding");
_Static_assert(sizeof(struct slot) == 32 + 4 * KV_PAGE_TOKENS, "no padding");

struct kv_snapshot {
	int fd;
	size_t vocab_size, page_bytes;
	struct ids ids;
	uint64_t *payloads; /* [n_pages], hashes of the pages */
	size_t n_pages, capacity;
	float *logits; /* or NULL */
};

/* ---- bytes ---- */

/* Up to len bytes at offset; fewer where the file ends or reading fails. */
static size_t read_at(int fd, void *bytes, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)bytes + done, len - done,
		                  (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static int write_at(int fd, const void *bytes, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)bytes + done, len - done,
		                   (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* The last 8 bytes of each struct are the checksum of those before. */
static uint64_t checksum(const void *record, size_t size)
{
	return hash64(record, size - sizeof(uint64_t));
}

static size_t pages_of(size_t n)
{
	return (n + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
}

static uint64_t slot_offset(size_t vocab_size, size_t page_bytes, size_t p)
{
	return sizeof(struct header) + sizeof(struct end) +
	       vocab_size * sizeof(float) +
	       (uint64_t)p * (sizeof(struct slot) + page_bytes);
}

static uint64_t chain(uint64_t before, const int32_t *ids, size_t n)
{
	return hash64_with(ids, n * sizeof *ids, before);
}

static void fill_header(struct header *h, const struct kv_snapshot_key *key)
{
	memset(h, 0, sizeof *h);
	memcpy(h->magic, MAGIC, sizeof h->magic);
	h->byte_order = BYTE_ORDER_MARK;
	h->version = VERSION;
	h->fingerprint = key->fingerprint;
	strncpy(h->type, dtype_info(key->shape.dtype)->name,
	        sizeof h->type - 1);
	h->layers = (uint32_t)key->shape.layers;
	h->kv_heads = (uint32_t)key->shape.kv_heads;
	h->head_dim = (uint32_t)key->shape.head_dim;
	h->page_tokens = KV_PAGE_TOKENS;
	h->page_bytes = kv_page_bytes(&key->shape);
	h->vocab_size = key->vocab_size;
	h->checksum = checksum(h, sizeof *h);
}

uint64_t kv_snapshot_bytes(const struct kv_snapshot_key *key, size_t n)
{
	return slot_offset(key->vocab_size, kv_page_bytes(&key->shape),
	                   pages_of(n));
}

/* ---- writing ---- */

struct writer {
	int fd;
	const struct kv_snapshot_key *key;
	const struct kv_cache *cache;
	const int *ids;
	size_t n;
	uint64_t chain; /* of the ids that are written */
};

/* A file that was made with another key holds nothing to keep. */
static int write_header(struct writer *w)
{
	struct header header, old;

	fill_header(&header, w->key);
	if (read_at(w->fd, &old, sizeof old, 0) == sizeof old &&
	    !memcmp(&header, &old, sizeof old))
		return 0;
	if (ftruncate(w->fd, 0))
		return -1;
	return write_at(w->fd, &header, sizeof header, 0);
}

/* The ids come after the page: until then the slot says what it said, and the
 * page's hash tells that it is another. */
static int write_slot(struct writer *w, size_t p)
{
	size_t first = p * KV_PAGE_TOKENS;
	size_t page_bytes = kv_page_bytes(&w->key->shape);
	uint64_t offset = slot_offset(w->key->vocab_size, page_bytes, p);
	const void *page = kv_cache_page(w->cache, p);
	struct slot slot = { .n = w->n - first }, old;

	if (slot.n > KV_PAGE_TOKENS)
		slot.n = KV_PAGE_TOKENS;
	for (size_t i = 0; i < slot.n; i++)
		slot.ids[i] = w->ids[first + i];
	w->chain = slot.chain = chain(w->chain, slot.ids, slot.n);
	slot.payload = hash64(page, page_bytes);
	slot.checksum = checksum(&slot, sizeof slot);
	if (read_at(w->fd, &old, sizeof old, offset) == sizeof old &&
	    !memcmp(&slot, &old, sizeof old))
		return 0;
	if (write_at(w->fd, page, page_bytes, offset + sizeof slot))
		return -1;
	return write_at(w->fd, &slot, sizeof slot, offset);
}

static int write_end(struct writer *w, const float *logits)
{
	size_t bytes = w->key->vocab_size * sizeof *logits;
	struct end end = { 0 };

	if (ftruncate(w->fd, (off_t)kv_snapshot_bytes(w->key, w->n)))
		return -1;
	if (logits) {
		end.n = w->n;
		end.chain = w->chain;
		end.payload = hash64(logits, bytes);
		if (write_at(w->fd, logits, bytes,
		             sizeof(struct header) + sizeof end))
			return -1;
	}
	end.checksum = checksum(&end, sizeof end);
	return write_at(w->fd, &end, sizeof end, sizeof(struct header));
}

/* 0; 1: stopped; -1 with errno. */
static int write_line(struct writer *w, const float *logits,
                      bool (*go_on)(void *arg), void *arg)
{
	if (write_header(w))
		return -1;
	w->chain = w->key->fingerprint;
	for (size_t p = 0; p < pages_of(w->n); p++) {
		if (!go_on(arg))
			return 1;
		if (write_slot(w, p))
			return -1;
	}
	return write_end(w, logits);
}

/* Our own regular file, or none: a link or a pipe at this place is not ours. */
static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

int kv_snapshot_write(const char *path, const struct kv_snapshot_key *key,
                      const int *ids, size_t n, const struct kv_cache *cache,
                      const float *logits, bool (*go_on)(void *arg), void *arg,
                      struct error *err)
{
	struct writer w = { .key = key, .cache = cache, .ids = ids, .n = n };
	int result;

	w.fd = open_file(path, O_RDWR | O_CREAT);
	if (w.fd < 0)
		return error_set(err, "%s: %s", path, strerror(errno));
	result = fchmod(w.fd, 0600);
	if (!result)
		result = write_line(&w, logits, go_on, arg);
	if (result < 0) {
		error_set(err, "%s: %s", path, strerror(errno));
		unlink(path);
	}
	close(w.fd);
	return result;
}

/* ---- reading ---- */

static void tell_mismatch(const struct header *h, const struct header *want,
                          struct error *err)
{
	if (h->byte_order != want->byte_order)
		error_set(err, "its bytes are in another order");
	else if (h->version != want->version)
		error_set(err, "it is of format %u, this program's is %u",
		          h->version, want->version);
	else if (memcmp(h->type, want->type, sizeof h->type))
		error_set(err, "its KV is %.8s, now it is %.8s", h->type,
		          want->type);
	else if (h->fingerprint != want->fingerprint)
		error_set(err, "another model, or another arithmetic, made it");
	else
		error_set(err, "its KV has another shape");
}

static bool check_header(int fd, const struct kv_snapshot_key *key,
                         struct error *err)
{
	struct header header, want;

	fill_header(&want, key);
	if (read_at(fd, &header, sizeof header, 0) != sizeof header)
		return false;
	if (!memcmp(&header, &want, sizeof header))
		return true;
	/* In another byte order the checksum would not be recognised. */
	if (!memcmp(header.magic, MAGIC, sizeof header.magic) &&
	    (header.checksum == checksum(&header, sizeof header) ||
	     header.byte_order == __builtin_bswap32(BYTE_ORDER_MARK)))
		tell_mismatch(&header, &want, err);
	return false;
}

static bool is_sound(const struct kv_snapshot *s, const struct slot *slot,
                     uint64_t before)
{
	if (slot->checksum != checksum(slot, sizeof *slot) || slot->n < 1 ||
	    slot->n > KV_PAGE_TOKENS ||
	    slot->chain != chain(before, slot->ids, slot->n))
		return false;
	for (size_t i = 0; i < slot->n; i++)
		if (slot->ids[i] < 0 || (size_t)slot->ids[i] >= s->vocab_size)
			return false;
	return true;
}

/* The ids, as far as they are sound; gives the chain of them all. */
static uint64_t read_slots(struct kv_snapshot *s, uint64_t fingerprint)
{
	uint64_t before = fingerprint;
	struct slot slot = { .n = KV_PAGE_TOKENS };

	while (slot.n == KV_PAGE_TOKENS) {
		uint64_t offset =
			slot_offset(s->vocab_size, s->page_bytes, s->n_pages);

		if (read_at(s->fd, &slot, sizeof slot, offset) != sizeof slot ||
		    !is_sound(s, &slot, before))
			break;
		before = slot.chain;
		s->payloads = mem_grow(s->payloads, s->n_pages, &s->capacity,
		                       sizeof *s->payloads);
		s->payloads[s->n_pages++] = slot.payload;
		ids_append(&s->ids, slot.ids, slot.n);
	}
	return before;
}

static void read_logits(struct kv_snapshot *s, uint64_t line)
{
	size_t bytes = s->vocab_size * sizeof *s->logits;
	struct end end;

	if (read_at(s->fd, &end, sizeof end, sizeof(struct header)) !=
	            sizeof end ||
	    end.checksum != checksum(&end, sizeof end) || end.n != s->ids.n ||
	    end.chain != line)
		return;
	s->logits = mem_try(s->vocab_size, sizeof *s->logits);
	if (!s->logits)
		return;
	if (read_at(s->fd, s->logits, bytes,
	            sizeof(struct header) + sizeof end) == bytes &&
	    hash64(s->logits, bytes) == end.payload)
		return;
	free(s->logits);
	s->logits = NULL;
}

struct kv_snapshot *kv_snapshot_open(const char *path,
                                     const struct kv_snapshot_key *key,
                                     struct error *err)
{
	struct kv_snapshot *s;
	int fd = open_file(path, O_RDONLY);

	if (fd < 0)
		return NULL;
	if (!check_header(fd, key, err)) {
		close(fd);
		return NULL;
	}
	s = mem_zalloc(1, sizeof *s);
	s->fd = fd;
	s->vocab_size = key->vocab_size;
	s->page_bytes = kv_page_bytes(&key->shape);
	read_logits(s, read_slots(s, key->fingerprint));
	if (s->ids.n)
		return s;
	kv_snapshot_close(s);
	return NULL;
}

void kv_snapshot_close(struct kv_snapshot *s)
{
	if (!s)
		return;
	close(s->fd);
	ids_free(&s->ids);
	free(s->payloads);
	free(s->logits);
	free(s);
}

const int *kv_snapshot_ids(const struct kv_snapshot *s)
{
	return s->ids.data;
}

size_t kv_snapshot_length(const struct kv_snapshot *s)
{
	return s->ids.n;
}

const float *kv_snapshot_logits(const struct kv_snapshot *s)
{
	return s->logits;
}

bool kv_snapshot_same_page(const struct kv_snapshot *s, size_t p,
                           const struct kv_cache *cache)
{
	return p < s->n_pages &&
	       hash64(kv_cache_page(cache, p), s->page_bytes) == s->payloads[p];
}

bool kv_snapshot_read_page(struct kv_snapshot *s, size_t p,
                           struct kv_cache *cache)
{
	uint64_t offset = slot_offset(s->vocab_size, s->page_bytes, p) +
	                  sizeof(struct slot);
	void *page = kv_cache_page(cache, p);

	return read_at(s->fd, page, s->page_bytes, offset) == s->page_bytes &&
	       hash64(page, s->page_bytes) == s->payloads[p];
}

void kv_snapshot_touch(struct kv_snapshot *s)
{
	futimens(s->fd, NULL); /* where that fails it counts as older */
}
