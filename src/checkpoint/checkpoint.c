#include "checkpoint/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "checkpoint/contents.h"
#include "checkpoint/gguf_contents.h"
#include "checkpoint/hf_directory.h"

#define WARM_STEP ((size_t)16 << 20) /* bytes between two calls of progress */

struct checkpoint {
	char *path; /* as it was given */
	char *name;
	struct contents contents;
	uint64_t fingerprint;
	size_t bytes; /* of all tensors */
};

static bool ends_in(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && !memcmp(text + len - n, end, n);
}

/* What comes after the last '/' before end. */
static const char *last_part(const char *path, const char *end)
{
	while (end > path && end[-1] != '/')
		end--;
	return end;
}

/* "-00001-of-00003", the mark of a part of a split GGUF. */
static bool ends_in_part(const char *text, size_t len)
{
	const char *p;

	if (len <= 15)
		return false;
	p = text + len - 15;
	if (p[0] != '-' || memcmp(p + 6, "-of-", 4))
		return false;
	return strspn(p + 1, "0123456789") == 5 &&
	       strspn(p + 10, "0123456789") >= 5;
}

static char *name_of_file(const char *base)
{
	size_t len = strlen(base);

	if (ends_in(base, len, ".gguf"))
		len -= 5;
	if (ends_in_part(base, len))
		len -= 15;
	return mem_dup(base, len);
}

/* The hub's cache keeps Qwen/Qwen3-4B's files in a folder that is named by a
 * commit, .../models--Qwen--Qwen3-4B/snapshots/COMMIT. */
static char *name_of_folder(const char *path, const char *base)
{
	const char *end = base > path ? base - 1 : path, *parent, *repo;
	static const char mark[] = "models--";

	parent = last_part(path, end);
	if (end - parent != 9 || memcmp(parent, "snapshots", 9) ||
	    parent == path)
		return mem_strdup(base);
	end = parent - 1;
	repo = last_part(path, end);
	if ((size_t)(end - repo) <= strlen(mark) ||
	    strncmp(repo, mark, strlen(mark)))
		return mem_strdup(base);
	for (const char *p = repo; p + 2 < end; p++)
		if (p[0] == '-' && p[1] == '-')
			repo = p + 2;
	return mem_dup(repo, (size_t)(end - repo));
}

/* A folder's name is looked up, because the path may be "." or a link into the
 * hub's cache; a file's is as given, because there links lead to files that are
 * named by their hash. */
static char *name_of_path(const char *path, bool folder)
{
	char *real = folder ? realpath(path, NULL) : mem_strdup(path), *name;
	const char *base;

	if (!real)
		real = mem_strdup(path);
	base = last_part(real, real + strlen(real));
	name = folder ? name_of_folder(real, base) : name_of_file(base);
	free(real);
	return name;
}

static uint64_t fingerprint(const struct contents *contents)
{
	const char *template = contents->chat_template;
	uint64_t h = contents->config_hash;

	if (template)
		h = hash64_with(template, strlen(template), h);
	for (size_t i = 0; i < contents->n_files; i++) {
		const struct contents_file *file = &contents->files[i];

		h = hash64_with(&file->size, sizeof file->size, h);
		h = hash64_with(&file->mtime_ns, sizeof file->mtime_ns, h);
	}
	for (size_t i = 0; i < contents->n_tensors; i++) {
		const struct contents_tensor *t = &contents->tensors[i];
		int64_t numbers[2 + TENSOR_MAX_DIMS] = { t->tensor.dtype,
			                                 t->tensor.n_dims };

		memcpy(numbers + 2, t->tensor.shape,
		       sizeof(int64_t) * (size_t)t->tensor.n_dims);
		h = hash64_with(t->name, strlen(t->name), h);
		h = hash64_with(numbers, sizeof numbers, h);
	}
	return h;
}

/* Looks what the path is, and has the right one read it. */
static int read_contents(struct checkpoint *cp, bool *folder, struct error *err)
{
	size_t len = strlen(cp->path);
	struct stat st;

	if (stat(cp->path, &st))
		return error_set(err, "%s: %s", cp->path, strerror(errno));
	*folder = S_ISDIR(st.st_mode);
	if (*folder)
		return hf_directory_read(&cp->contents, cp->path, err);
	if (ends_in(cp->path, len, ".safetensors") ||
	    ends_in(cp->path, len, ".safetensors.index.json"))
		return error_set(err,
		                 "%s: a model is more than this file; give the "
		                 "directory that holds it",
		                 cp->path);
	return gguf_contents_read(&cp->contents, cp->path, err);
}

struct checkpoint *checkpoint_open(const char *path, struct error *err)
{
	struct checkpoint *cp = mem_zalloc(1, sizeof *cp);
	bool folder = false;

	cp->path = mem_strdup(path);
	if (read_contents(cp, &folder, err)) {
		checkpoint_free(cp);
		return NULL;
	}
	cp->name = cp->contents.name ? mem_strdup(cp->contents.name)
	                             : name_of_path(path, folder);
	cp->fingerprint = fingerprint(&cp->contents);
	for (size_t i = 0; i < cp->contents.n_tensors; i++)
		cp->bytes += cp->contents.tensors[i].tensor.bytes;
	return cp;
}

void checkpoint_free(struct checkpoint *cp)
{
	if (!cp)
		return;
	contents_free(&cp->contents);
	free(cp->path);
	free(cp->name);
	free(cp);
}

const char *checkpoint_path(const struct checkpoint *cp)
{
	return cp->path;
}

const char *checkpoint_format(const struct checkpoint *cp)
{
	return cp->contents.format;
}

const char *checkpoint_name(const struct checkpoint *cp)
{
	return cp->name;
}

const struct tensor *checkpoint_tensor(const struct checkpoint *cp,
                                       const char *name)
{
	const struct contents_tensor *t = contents_find(&cp->contents, name);

	return t ? &t->tensor : NULL;
}

size_t checkpoint_n_tensors(const struct checkpoint *cp)
{
	return cp->contents.n_tensors;
}

const char *checkpoint_tensor_name(const struct checkpoint *cp, size_t i)
{
	return cp->contents.tensors[i].name;
}

const struct tensor *checkpoint_tensor_at(const struct checkpoint *cp, size_t i)
{
	return &cp->contents.tensors[i].tensor;
}

size_t checkpoint_n_files(const struct checkpoint *cp)
{
	return cp->contents.n_files;
}

const char *checkpoint_file(const struct checkpoint *cp, size_t i)
{
	return cp->contents.files[i].path;
}

const char *checkpoint_tensor_file(const struct checkpoint *cp, size_t i)
{
	return cp->contents.files[cp->contents.tensors[i].file].path;
}

const struct json *checkpoint_config(const struct checkpoint *cp)
{
	return cp->contents.config;
}

const struct json *checkpoint_generation_config(const struct checkpoint *cp)
{
	return cp->contents.generation_config;
}

const char *checkpoint_chat_template(const struct checkpoint *cp)
{
	return cp->contents.chat_template;
}

const char *checkpoint_tokenizer_path(const struct checkpoint *cp)
{
	return cp->contents.tokenizer_path;
}

const struct gguf *checkpoint_gguf(const struct checkpoint *cp)
{
	return cp->contents.gguf;
}

uint64_t checkpoint_fingerprint(const struct checkpoint *cp)
{
	return cp->fingerprint;
}

size_t checkpoint_bytes(const struct checkpoint *cp)
{
	return cp->bytes;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct contents_tensor *x =
		*(const struct contents_tensor *const *)a;
	const struct contents_tensor *y =
		*(const struct contents_tensor *const *)b;
	uintptr_t p = (uintptr_t)x->tensor.data, q = (uintptr_t)y->tensor.data;

	if (x->file != y->file)
		return (x->file > y->file) - (x->file < y->file);
	return (p > q) - (p < q);
}

/* Every tensor in the order in which the files have them.  NULL: no memory. */
static const struct contents_tensor **in_file_order(
	const struct contents *contents)
{
	const struct contents_tensor **order =
		mem_try(contents->n_tensors, sizeof *order);

	if (!order)
		return NULL;
	for (size_t i = 0; i < contents->n_tensors; i++)
		order[i] = &contents->tensors[i];
	qsort(order, contents->n_tensors, sizeof *order, compare_addresses);
	return order;
}

/* Has the kernel map the pages at once where it can (Linux 5.14), else reads a
 * byte of each.  A disk that fails is met by the second, which raises SIGBUS. */
static void touch(const uint8_t *bytes, size_t len, size_t page)
{
	uintptr_t begin = (uintptr_t)bytes / page * page;
	size_t size = (uintptr_t)bytes + len - begin;

#ifdef MADV_POPULATE_READ
	if (!madvise((void *)begin, size, MADV_POPULATE_READ))
		return;
#endif
	madvise((void *)begin, size, MADV_WILLNEED);
	for (size_t i = 0; i < len; i += page)
		(void)*(const volatile uint8_t *)(bytes + i);
	(void)*(const volatile uint8_t *)(bytes + len - 1);
}

struct warming {
	bool (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
	uint64_t done, told, total; /* bytes */
	size_t page;
};

/* Touches one tensor, step by step; false: progress said to stop. */
static bool warm_tensor(struct warming *w, const struct tensor *t)
{
	const uint8_t *data = t->data;

	for (size_t at = 0; at < t->bytes;) {
		size_t left = t->bytes - at;
		size_t step = left < WARM_STEP ? left : WARM_STEP;

		touch(data + at, step, w->page);
		at += step;
		w->done += step;
		if (w->done - w->told < WARM_STEP && w->done < w->total)
			continue;
		w->told = w->done;
		if (w->progress && !w->progress(w->arg, w->done, w->total))
			return false;
	}
	return true;
}

void checkpoint_warm(const struct checkpoint *cp,
                     bool (*progress)(void *arg, uint64_t done, uint64_t total),
                     void *arg)
{
	const struct contents_tensor **order = in_file_order(&cp->contents);
	struct warming w = { .progress = progress,
		             .arg = arg,
		             .total = cp->bytes,
		             .page = (size_t)sysconf(_SC_PAGESIZE) };

	if (!order)
		return; /* no memory for a list: warming is no duty */
	for (size_t i = 0; i < cp->contents.n_tensors; i++)
		if (!warm_tensor(&w, &order[i]->tensor))
			break;
	free(order);
}
