#include "base/ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void ids_free(struct ids *ids)
{
	free(ids->data);
	*ids = (struct ids){ 0 };
}

void ids_add(struct ids *ids, int id)
{
	ids->data = mem_grow(ids->data, ids->n, &ids->capacity, sizeof id);
	ids->data[ids->n++] = id;
}

void ids_append(struct ids *ids, const int *data, size_t n)
{
	if (!n)
		return;
	if (n > ids->capacity - ids->n) {
		ids->capacity = ids->n + n + ids->n / 2;
		ids->data = mem_realloc(ids->data, ids->capacity,
		                        sizeof *ids->data);
	}
	memcpy(ids->data + ids->n, data, n * sizeof *data);
	ids->n += n;
}

size_t ids_common_prefix(const int *a, size_t n_a, const int *b, size_t n_b)
{
	size_t n = n_a < n_b ? n_a : n_b, i = 0;

	while (i < n && a[i] == b[i])
		i++;
	return i;
}
