/*
 * fuzz_gguf.c - any bytes are refused by name, or are a file whose tensors and
 * values lie inside it
 *
 * Of split models the one part that there is; the others cannot be found.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum; /* so that the bytes are read */

static void read_bytes(const void *bytes, size_t len)
{
	if (len)
		sum += ((const uint8_t *)bytes)[0] +
		       (unsigned)((const uint8_t *)bytes)[len - 1];
}

static void read_array(const struct gguf *gguf, const char *key)
{
	struct gguf_string *strings;
	int64_t *integers;
	double *numbers;
	size_t n;

	if (!gguf_array(gguf, key, &n))
		return;
	strings = mem_realloc(NULL, n, sizeof *strings);
	integers = mem_realloc(NULL, n, sizeof *integers);
	numbers = mem_realloc(NULL, n, sizeof *numbers);
	if (gguf_string_array(gguf, key, strings))
		for (size_t i = 0; i < n; i++)
			read_bytes(strings[i].bytes, strings[i].len);
	gguf_integer_array(gguf, key, integers);
	gguf_number_array(gguf, key, numbers);
	free(strings);
	free(integers);
	free(numbers);
}

static void read_field(const struct gguf *gguf, const struct gguf_field *field)
{
	char *key = mem_dup(field->key.bytes, field->key.len);
	struct gguf_string string;
	int64_t integer;
	double number;
	bool truth;

	read_bytes(field->value, field->bytes);
	gguf_integer(gguf, key, &integer);
	gguf_number(gguf, key, &number);
	gguf_bool(gguf, key, &truth);
	if (gguf_string(gguf, key, &string))
		read_bytes(string.bytes, string.len);
	read_array(gguf, key);
	free(key);
}

static void check(const struct gguf *gguf)
{
	const char *end = NULL; /* of the tensor before */

	for (size_t i = 0; i < gguf_n_fields(gguf); i++)
		read_field(gguf, gguf_field(gguf, i));
	for (size_t i = 0; i < gguf_n_tensors(gguf); i++) {
		const struct tensor *t = gguf_tensor(gguf, i);
		int64_t elements;
		size_t need;

		if (!tensor_size(t->dtype, t->n_dims, t->shape, &elements,
		                 &need) ||
		    need != t->bytes || !gguf_tensor_name(gguf, i)[0] ||
		    (end && (const char *)t->data < end))
			abort();
		end = (const char *)t->data + t->bytes;
		read_bytes(t->data, t->bytes);
	}
}

/* A file in memory, and the path under which it can be opened. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	struct error err = { "" };
	struct gguf *gguf;

	if (fd < 0) {
		fd = memfd_create("fuzz", 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	gguf = gguf_open(path, &err);
	if (gguf)
		check(gguf);
	else if (strncmp(err.text, path, strlen(path)))
		abort();
	gguf_free(gguf);
	return 0;
}
