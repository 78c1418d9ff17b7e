#include "checkpoint/quantized_copy.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantize.h"
#include "checkpoint/quantize_mix.h"

/* Counts up when the quantizers, the mixes, packed.h or the writers of keys write
 * other bytes than before. */
#define VERSION 5

#define NAME_BYTES 100      /* of the model's name that the file's name has */
#define WAIT_NS    50000000 /* between two looks at the lock */

/* One copy, on its way. */
struct making {
	const struct quantized_copy *how;
	char *dir, *name, *path; /* path is dir/name */
	size_t stem; /* bytes of the name that all states of the source share */
	bool stopped, bad_source;
	struct error *err;
};

/* ---- the name ---- */

static uint64_t hash_file_state(const char *path, uint64_t seed)
{
	struct stat st;
	int64_t state[3] = { 0 };

	if (path && !stat(path, &st)) {
		state[0] = st.st_size;
		state[1] = st.st_mtim.tv_sec;
		state[2] = st.st_mtim.tv_nsec;
	}
	return hash64_with(state, sizeof state, seed);
}

/* The fingerprint knows config, template and tensors, not the rest. */
static uint64_t state_of(const struct checkpoint *cp)
{
	uint64_t state = checkpoint_fingerprint(cp);
	char *generation =
		paths_join(checkpoint_path(cp), "generation_config.json");

	state = hash64_with(&(int){ VERSION }, sizeof(int), state);
	state = hash_file_state(checkpoint_tokenizer_path(cp), state);
	state = hash_file_state(generation, state);
	free(generation);
	return state;
}

static uint64_t place_of(const struct checkpoint *cp)
{
	char resolved[PATH_MAX];
	const char *path = realpath(checkpoint_path(cp), resolved);

	if (!path)
		path = checkpoint_path(cp);
	return hash64(path, strlen(path));
}

/* Any name, as a part of a file's. */
static void add_name(struct strbuf *s, const char *name)
{
	for (size_t i = 0; name[i] && i < NAME_BYTES; i++) {
		unsigned char c = (unsigned char)name[i];
		bool plain = c < 128 &&
		             (isalnum(c) || c == '_' || (c == '.' && i > 0));

		strbuf_add_char(s, plain ? (char)c : '-');
	}
}

static void begin(struct making *m, const struct checkpoint *cp,
                  const struct quantize_mix *mix)
{
	struct strbuf name = STRBUF_INIT;

	add_name(&name, checkpoint_name(cp));
	strbuf_printf(&name, "-%s-%08" PRIx32 "-", quantize_mix_name(mix),
	              (uint32_t)place_of(cp));
	m->stem = name.len;
	strbuf_printf(&name, "%08" PRIx32 ".gguf", (uint32_t)state_of(cp));
	m->name = strbuf_take(&name);
	m->dir = paths_join(m->how->cache_dir, QUANTIZED_COPY_FOLDER);
	m->path = paths_join(m->dir, m->name);
}

static void end(struct making *m)
{
	free(m->path);
	free(m->dir);
	free(m->name);
}

/* ---- the folder ---- */

/* Removes what programs that were killed left behind, or the copies of other
 * states of the source.  Only with the lock. */
static void sweep(const struct making *m, bool other_states)
{
	DIR *stream = opendir(m->dir);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		const char *found = entry->d_name;
		bool old = other_states && strcmp(found, m->name) &&
		           !strncmp(found, m->name, m->stem);
		char *path;

		if (!old && !strstr(found, ".gguf" FILE_UNFINISHED))
			continue;
		path = paths_join(m->dir, found);
		unlink(path);
		free(path);
	}
	if (stream)
		closedir(stream);
}

static bool show(void *arg, const char *tensor, uint64_t done, uint64_t total)
{
	struct making *m = arg;

	(void)tensor;
	m->stopped =
		m->how->progress && !m->how->progress(m->how->arg, done, total);
	return !m->stopped;
}

/* The lock's descriptor, or -1; waits until the other program is done with it
 * or progress() says to stop. */
static int take_lock(struct making *m)
{
	static const struct timespec wait = { .tv_nsec = WAIT_NS };
	char *path = paths_join(m->dir, "lock");
	int fd = -1;

	while (file_lock_take(&fd, path, m->err) == 1 && show(m, NULL, 0, 0))
		nanosleep(&wait, NULL);
	free(path);
	return fd;
}

/* ---- the copy ---- */

static int write_copy(struct making *m, const struct checkpoint *cp)
{
	int n = m->how->threads ? m->how->threads : threads_default_count();
	struct quantize_options options = {
		.type = m->how->type, .packed = true, .progress = show, .arg = m
	};
	int result;

	options.pool = threads_new(n, m->err);
	if (!options.pool)
		return -1;
	result = quantize(cp, m->path, &options, NULL, m->err);
	m->bad_source = result == QUANTIZE_BAD_SOURCE;
	if (!result && chmod(m->path, 0600))
		result = error_set(m->err, "%s: %s", m->path, strerror(errno));
	threads_free(options.pool);
	return result;
}

/* With the lock: opens what another program has made meanwhile, or makes it. */
static struct checkpoint *make_copy(struct making *m,
                                    const struct checkpoint *cp)
{
	struct checkpoint *copy = checkpoint_open(m->path, NULL);

	if (copy)
		return copy;
	sweep(m, false);
	if (!write_copy(m, cp))
		copy = checkpoint_open(m->path, m->err);
	if (copy)
		sweep(m, true);
	return copy;
}

static struct checkpoint *open_copy(struct making *m,
                                    const struct checkpoint *cp)
{
	struct checkpoint *copy = checkpoint_open(m->path, NULL);
	int lock;

	if (copy)
		return copy;
	if (m->how->check && m->how->check(cp, m->err)) {
		m->bad_source = true;
		return NULL;
	}
	if (file_make_dirs(m->dir, m->err))
		return NULL;
	lock = take_lock(m);
	if (lock < 0)
		return NULL;
	copy = make_copy(m, cp);
	close(lock);
	return copy;
}

static bool is_quantized(const struct checkpoint *cp)
{
	size_t blocks = 0;

	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++) {
		const struct tensor *t = checkpoint_tensor_at(cp, i);

		if (dtype_info(t->dtype)->block > 1)
			blocks += t->bytes;
	}
	return blocks > checkpoint_bytes(cp) / 2;
}

struct checkpoint *quantized_copy_of(struct checkpoint *cp,
                                     const struct quantized_copy *how,
                                     bool *stopped, bool *bad_source,
                                     struct error *err)
{
	const struct quantize_mix *mix = quantize_mix_find(how->type);
	struct making m = { .how = how, .err = err };
	struct checkpoint *copy = NULL;

	*stopped = *bad_source = false;
	if (is_quantized(cp))
		return cp;
	if (!mix) {
		error_set(err, "type %s is none of %s", how->type,
		          quantize_mix_names());
	} else if (!how->cache_dir) {
		error_set(err,
		          "there is no folder for a %s copy: neither "
		          "XDG_CACHE_HOME nor HOME is set",
		          how->type);
	} else {
		begin(&m, cp, mix);
		copy = open_copy(&m, cp);
		end(&m);
	}
	*stopped = m.stopped;
	*bad_source = m.bad_source;
	checkpoint_free(cp);
	return copy;
}
