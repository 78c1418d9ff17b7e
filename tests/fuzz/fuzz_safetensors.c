/*
 * fuzz_safetensors.c - any bytes are refused by name, or are a file whose
 * tensors fill its data exactly
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum; /* so that the bytes are read */

static void check(const struct safetensors *st)
{
	const struct file_map *map = safetensors_file(st);

	for (size_t i = 0; i < safetensors_n_tensors(st); i++) {
		const struct tensor *t = safetensors_tensor(st, i);
		const uint8_t *bytes = t->data;
		int64_t elements;
		size_t need;

		if (!tensor_size(t->dtype, t->n_dims, t->shape, &elements,
		                 &need) ||
		    need != t->bytes || !safetensors_name(st, i)[0])
			abort();
		if (bytes < map->bytes + 8 ||
		    t->bytes > (size_t)(map->bytes + map->size - bytes))
			abort();
		sum += bytes[0] + (unsigned)bytes[t->bytes - 1];
	}
}

/* A file in memory, and the path under which it can be opened. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	struct error err = { "" };
	struct safetensors *st;

	if (fd < 0) {
		fd = memfd_create("fuzz", 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	st = safetensors_open(path, &err);
	if (st)
		check(st);
	else if (strncmp(err.text, path, strlen(path)))
		abort();
	safetensors_free(st);
	return 0;
}
