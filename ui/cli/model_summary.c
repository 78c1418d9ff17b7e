#include "ui/cli/model_summary.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "math/packed.h"

static uint64_t elements(const struct tensor *t)
{
	uint64_t n = 1;

	for (int d = 0; d < t->n_dims; d++)
		n *= (uint64_t)t->shape[d];
	return n;
}

/* A tied checkpoint may still carry the head that nobody reads. */
static bool is_spare(const struct checkpoint *cp, const char *name)
{
	const struct json *config = checkpoint_config(cp);

	return !strcmp(name, "lm_head.weight") &&
	       json_is_true(json_get(config, "tie_word_embeddings"));
}

struct model_summary model_summary_of(const struct checkpoint *cp)
{
	const struct json *config = checkpoint_config(cp);
	uint64_t by_type[DTYPE_COUNT] = { 0 }, n;
	const char *model_type = json_string(json_get(config, "model_type"));
	struct model_summary s = { .model_type = model_type ? model_type : "" };
	enum dtype most = DTYPE_F32;

	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++) {
		const struct tensor *t = checkpoint_tensor_at(cp, i);

		if (is_spare(cp, checkpoint_tensor_name(cp, i)))
			continue;
		n = elements(t);
		s.parameters += n;
		by_type[t->dtype] += n;
		if (by_type[t->dtype] > by_type[most])
			most = t->dtype;
	}
	s.type = dtype_info(packed_plain(most))->name;
	json_integer(json_get(config, "max_position_embeddings"), &s.context);
	return s;
}

void model_summary_count(char out[16], uint64_t count)
{
	static const char units[] = " KMBT";
	double value = (double)count;
	int u = 0;

	while (value >= 999.5 && units[u + 1]) {
		value /= 1000;
		u++;
	}
	if (!u)
		snprintf(out, 16, "%d", (int)value);
	else
		snprintf(out, 16, "%.3g%c", value, units[u]);
}

void model_summary_bytes(char out[16], uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
		                             "TiB" };
	double value = (double)bytes;
	int u = 0;

	while (value >= 1023.5 && u < 4) {
		value /= 1024;
		u++;
	}
	snprintf(out, 16, value < 100 && u ? "%.1f %s" : "%.0f %s", value,
	         units[u]);
}

bool model_summary_dtype(const char *name, enum dtype *out)
{
	for (int d = 0; d < DTYPE_COUNT; d++) {
		if (!strcmp(dtype_info((enum dtype)d)->name, name)) {
			*out = (enum dtype)d;
			return true;
		}
	}
	return false;
}
