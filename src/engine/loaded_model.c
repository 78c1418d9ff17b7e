#include "engine/loaded_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/mem.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantized_copy.h"
#include "engine/generation_config.h"
#include "engine/model_files.h"
#include "engine/session.h"
#include "math/packed.h"
#include "model/available_memory.h"
#include "model/kv_cache.h"
#include "model/model.h"
#include "text/tokenizer.h"

/* Tokens, where none were asked for: a 4B's cache takes 4.5 GiB then.  Halved
 * while memory does not suffice, down to the second. */
#define DEFAULT_CONTEXT 32768
#define LEAST_CONTEXT   1024

/* ---- options ---- */

static int read_kv_type(const struct engine_load *load, enum dtype *kv_type,
                        struct error *err)
{
	static const enum dtype types[] = { DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0,
		                            DTYPE_F32 };

	if (!load->kv_type) {
		*kv_type = load->exact ? DTYPE_F32 : DTYPE_F16;
		return 0;
	}
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(load->kv_type, dtype_info(types[i])->name) == 0) {
			*kv_type = types[i];
			return 0;
		}
	return error_set(err, "KV type \"%s\" is none of f16, bf16, q8_0, f32",
	                 load->kv_type);
}

static int choose_context(size_t asked, size_t max, size_t *context,
                          struct error *err)
{
	if (asked > max)
		return error_set(err,
		                 "context: %zu tokens, but the model was made "
		                 "for %zu",
		                 asked, max);
	if (asked)
		*context = asked;
	else
		*context = max < DEFAULT_CONTEXT ? max : DEFAULT_CONTEXT;
	return 0;
}

/* ---- facts ---- */

static uint64_t elements(const struct tensor *t)
{
	uint64_t n = 1;

	for (int i = 0; i < t->n_dims; i++)
		n *= (uint64_t)t->shape[i];
	return n;
}

/* Parameters, and the type that most of them have. */
static void count_parameters(const struct checkpoint *cp,
                             struct engine_model *facts)
{
	uint64_t by_type[DTYPE_COUNT] = { 0 };
	int most = 0;

	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++) {
		const struct tensor *t = checkpoint_tensor_at(cp, i);

		by_type[t->dtype] += elements(t);
		facts->parameters += elements(t);
	}
	for (int type = 1; type < DTYPE_COUNT; type++)
		if (by_type[type] > by_type[most])
			most = type;
	facts->type =
		mem_strdup(dtype_info(packed_plain((enum dtype)most))->name);
}

static void gather_facts(struct loaded_model *m)
{
	const struct checkpoint *cp = m->checkpoint;
	const struct kv_shape *kv = &session_cache(m->session)->shape;
	const char *template = checkpoint_chat_template(cp);
	struct engine_model *facts = &m->facts;
	struct ids stops = { 0 };

	facts->name = mem_strdup(checkpoint_name(cp));
	facts->path = mem_strdup(checkpoint_path(cp));
	facts->chat_template = template ? mem_strdup(template) : NULL;
	count_parameters(cp, facts);
	facts->tokenizer = m->tokenizer;
	facts->fingerprint = checkpoint_fingerprint(cp);
	facts->context = session_context(m->session);
	facts->max_context = model_config_max_context(model_config(m->model));
	facts->weight_bytes = checkpoint_bytes(cp);
	facts->kv_bytes_per_token = kv_page_bytes(kv) / KV_PAGE_TOKENS;
	facts->vocab_size = model_config(m->model)->vocab_size;
	facts->threads = model_threads(m->model);
	facts->kernels = model_kernels(m->model);
	generation_config_stops(checkpoint_generation_config(cp),
	                        checkpoint_config(cp), m->tokenizer, &stops);
	facts->stop_ids = stops.data;
	facts->n_stop_ids = stops.n;
}

/* ---- opening ---- */

/* *bad_file: whether a failure is the files'. */
static int quantize_once(struct loaded_model *m, const struct engine_load *load,
                         bool (*progress)(void *, uint64_t, uint64_t),
                         void *arg, bool *bad_file, struct error *err)
{
	const struct quantized_copy how = { .type = load->quant,
		                            .cache_dir = load->cache_dir,
		                            .threads = load->threads,
		                            .check = model_files_check,
		                            .progress = progress,
		                            .arg = arg };
	bool stopped;

	if (!load->quant)
		return 0;
	/* A copy may be there all the same, as bench needs no tokenizer. */
	if (!model_files_have_tokenizer(m->checkpoint, err)) {
		*bad_file = true;
		return -1;
	}
	m->checkpoint =
		quantized_copy_of(m->checkpoint, &how, &stopped, bad_file, err);
	return m->checkpoint ? 0 : -1;
}

/* What the files hold.  Any failure is theirs. */
static int open_files(struct loaded_model *m, const struct engine_load *load,
                      struct error *err)
{
	const struct model_options options = { .threads = load->threads,
		                               .exact = load->exact };

	if (model_files_sampling(m->checkpoint, &m->facts.sampling, err))
		return -1;
	m->tokenizer = tokenizer_load(m->checkpoint, load->cache_dir, err);
	if (!m->tokenizer)
		return -1;
	m->model = model_load(m->checkpoint, &options, err);
	if (!m->model)
		return -1;
	return model_files_fit(m->checkpoint, m->tokenizer,
	                       model_config(m->model)->vocab_size, err);
}

/* Half of what stays free when the context is full and all weights are in the
 * page cache, which counts as available: other lines must not drive them
 * out. */
static size_t memory_for_lines(const struct loaded_model *m)
{
	const struct kv_cache *cache = session_cache(m->session);
	size_t available = available_memory();
	size_t needed = checkpoint_bytes(m->checkpoint) +
	                kv_shape_bytes(&cache->shape, cache->max_tokens);

	if (available == SIZE_MAX)
		return needed;
	return needed < available ? (available - needed) / 2 : 0;
}

/* What the options and the machine allow. */
static int open_session(struct loaded_model *m, const struct engine_load *load,
                        struct error *err)
{
	enum dtype kv_type = DTYPE_F16;
	size_t context = 0;

	if (read_kv_type(load, &kv_type, err) ||
	    choose_context(load->context,
	                   model_config_max_context(model_config(m->model)),
	                   &context, err))
		return -1;
	m->session = session_new(m->model, kv_type, context, err);
	while (!m->session && !load->context && context / 2 >= LEAST_CONTEXT) {
		context /= 2;
		m->session = session_new(m->model, kv_type, context, err);
	}
	if (!m->session)
		return -1;
	/* Each token has experts of its own to read. */
	if (load->speculate && !model_config(m->model)->num_experts)
		session_speculate(m->session);
	session_keep_lines(m->session, load->kv_memory ? load->kv_memory
	                                               : memory_for_lines(m));
	m->sampler = sampler_new(tokenizer_n_ids(m->tokenizer));
	return 0;
}

struct loaded_model *loaded_model_open(const struct engine_load *load,
                                       bool (*progress)(void *, uint64_t,
                                                        uint64_t),
                                       void *arg, bool *bad_file,
                                       struct error *err)
{
	struct loaded_model *m = mem_zalloc(1, sizeof *m);

	m->exact = load->exact;
	m->checkpoint = checkpoint_open(load->path, err);
	*bad_file = !m->checkpoint;
	if (!m->checkpoint ||
	    quantize_once(m, load, progress, arg, bad_file, err))
		goto fail;
	*bad_file = true;
	if (open_files(m, load, err))
		goto fail;
	*bad_file = false;
	if (open_session(m, load, err))
		goto fail;
	gather_facts(m);
	return m;
fail:
	loaded_model_free(m);
	return NULL;
}

void loaded_model_retire(struct loaded_model *m)
{
	sampler_free(m->sampler);
	session_free(m->session);
	model_free(m->model);
	m->sampler = NULL;
	m->session = NULL;
	m->model = NULL;
}

void loaded_model_free(struct loaded_model *m)
{
	if (!m)
		return;
	loaded_model_retire(m);
	tokenizer_free(m->tokenizer);
	checkpoint_free(m->checkpoint);
	free(m->facts.name);
	free(m->facts.path);
	free(m->facts.type);
	free(m->facts.chat_template);
	free(m->facts.stop_ids);
	free(m);
}
