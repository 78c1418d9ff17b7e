/*
 * confab bench: tokens a second of the forward pass, and nothing else.
 */
#include "ui/cli/commands.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "checkpoint/checkpoint.h"
#include "engine/sampler.h"
#include "model/kv_cache.h"
#include "model/model.h"
#include "ui/cli/direct_model.h"
#include "ui/cli/model_summary.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/progress.h"
#include "ui/cli/read_rate.h"

struct bench {
	struct direct_model m;
	struct kv_cache *cache;
	size_t prefill, decode, depth; /* tokens */
	int runs;
	int *ids;      /* [max(prefill, decode, depth)] */
	float *logits; /* [vocab_size] */
	struct sampler *sampler;
	double odds;     /* seconds of draws in this run */
	double *seconds; /* [runs] */
	double *draws;   /* [runs] seconds a token */
	double load_seconds;
	double prefill_rate, decode_rate; /* tokens a second, 0: skipped */
	double read_rate;                 /* bytes a second, 0: unknown */
	double odds_seconds;              /* of a draw, the median */
	enum dtype kv_type;
};

/* Reads n tokens, as a prompt is read: in batches, the head for the last row. */
static int read_prompt(struct bench *b, size_t n, struct error *err)
{
	size_t batch = model_max_batch(b->m.model), seq = 0;

	for (size_t pos = 0; pos < n; pos += seq) {
		seq = n - pos < batch ? n - pos : batch;
		if (kv_cache_reserve(b->cache, seq, err))
			return -1;
		model_forward(b->m.model, b->cache, b->ids + pos, seq,
		              pos + seq == n ? 1 : 0);
	}
	if (n)
		model_logits(b->m.model, 0, 1, b->logits);
	return 0;
}

/* One token after the other, the head for each.  Then what an engine adds: a
 * draw, with the odds and candidates that the screen shows. */
static int read_singly(struct bench *b, size_t n, struct error *err)
{
	struct sample sample;

	for (size_t i = 0; i < n; i++) {
		double start;

		if (kv_cache_reserve(b->cache, 1, err))
			return -1;
		model_forward(b->m.model, b->cache, b->ids + i, 1, 1);
		model_logits(b->m.model, 0, 1, b->logits);
		start = clock_seconds();
		sampler_draw(b->sampler, b->logits, &sample);
		b->odds += clock_seconds() - start;
	}
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof *values, by_size);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Each run starts from the depth; the first warms up and is not counted.  The
 * rate is that of the forward pass without the draws. */
static int measure(struct bench *b, const char *what, size_t n,
                   int (*pass)(struct bench *b, size_t n, struct error *err),
                   double *rate, struct error *err)
{
	double start;

	for (int r = -1; r < b->runs && n; r++) {
		progress_show(what, (uint64_t)(r + 1), (uint64_t)b->runs + 1);
		kv_cache_truncate(b->cache, b->depth);
		b->odds = 0;
		start = clock_seconds();
		if (pass(b, n, err))
			return -1;
		if (r < 0)
			continue;
		b->seconds[r] = clock_seconds() - start - b->odds;
		b->draws[r] = b->odds / (double)n;
	}
	progress_clear();
	*rate = n ? (double)n / median(b->seconds, b->runs) : 0;
	b->odds_seconds = n ? median(b->draws, b->runs) : 0;
	return 0;
}

static size_t peak_rss(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss * 1024;
}

/* Bytes a second that decoding read: the weights, and the keys and values of
 * the middle of a run; 0 where decoding was skipped or it cannot be said. */
static double decode_bytes_rate(const struct bench *b)
{
	size_t weights = read_rate_token_bytes(b->m.checkpoint);
	size_t kv = kv_page_bytes(&b->cache->shape) / KV_PAGE_TOKENS *
	            (b->depth + b->decode / 2);

	return weights ? b->decode_rate * (double)(weights + kv) : 0;
}

/* ---- report ---- */

static void add_number(struct strbuf *out, const char *key, double number)
{
	strbuf_printf(out, "\"%s\":", key);
	json_write_number(out, number);
	strbuf_add_char(out, ',');
}

static void add_rate(struct strbuf *out, const char *key, double rate)
{
	if (rate > 0)
		add_number(out, key, rate);
	else
		strbuf_printf(out, "\"%s\":null,", key);
}

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_printf(out, "\"%s\":", key);
	json_write_string(out, text, strlen(text));
	strbuf_add_char(out, ',');
}

static void report_json(const struct bench *b, const struct model_summary *sum)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_add_char(&out, '{');
	add_text(&out, "model", checkpoint_name(b->m.checkpoint));
	add_text(&out, "type", sum->type);
	add_text(&out, "kv_type", dtype_info(b->kv_type)->name);
	add_text(&out, "kernels", model_kernels(b->m.model));
	strbuf_printf(&out,
	              "\"threads\":%d,\"prefill_tokens\":%zu,"
	              "\"decode_tokens\":%zu,\"depth\":%zu,\"runs\":%d,",
	              model_threads(b->m.model), b->prefill, b->decode,
	              b->depth, b->runs);
	add_rate(&out, "prefill_tokens_per_second", b->prefill_rate);
	add_rate(&out, "decode_tokens_per_second", b->decode_rate);
	add_rate(&out, "odds_seconds_per_token", b->odds_seconds);
	add_rate(&out, "decode_bytes_per_second", decode_bytes_rate(b));
	add_rate(&out, "read_bytes_per_second", b->read_rate);
	add_number(&out, "load_seconds", b->load_seconds);
	strbuf_printf(&out, "\"parameters\":%llu,\"weight_bytes\":%zu,",
	              (unsigned long long)sum->parameters,
	              checkpoint_bytes(b->m.checkpoint));
	strbuf_printf(&out, "\"peak_rss_bytes\":%zu}\n", peak_rss());
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

static void report_rate(const struct bench *b, const char *what, size_t n,
                        double rate)
{
	if (n)
		output_printf("%-10s %10.2f tokens/s  (%zu tokens at depth "
		              "%zu, median of %d)\n",
		              what, rate, n, b->depth, b->runs);
}

static void report_text(const struct bench *b, const struct model_summary *sum)
{
	char parameters[16], weights[16], peak[16];

	model_summary_count(parameters, sum->parameters);
	model_summary_bytes(weights, checkpoint_bytes(b->m.checkpoint));
	model_summary_bytes(peak, peak_rss());
	output_text(checkpoint_name(b->m.checkpoint),
	            strlen(checkpoint_name(b->m.checkpoint)));
	output_text_end();
	output_printf(", %s parameters, %s in %s; KV cache in %s; %d threads, "
	              "%s kernels\n",
	              parameters, weights, sum->type,
	              dtype_info(b->kv_type)->name, model_threads(b->m.model),
	              model_kernels(b->m.model));
	output_printf("%-10s %10.3f s\n", "load", b->load_seconds);
	report_rate(b, "prefill", b->prefill, b->prefill_rate);
	report_rate(b, "decode", b->decode, b->decode_rate);
	if (decode_bytes_rate(b) > 0 && b->read_rate > 0)
		output_printf("%-10s %10.2f GB/s, %.0f%% of the %.2f GB/s that "
		              "reading the weights reaches\n",
		              "", decode_bytes_rate(b) * 1e-9,
		              100 * decode_bytes_rate(b) / b->read_rate,
		              b->read_rate * 1e-9);
	if (b->decode)
		output_printf("%-10s %10.3f ms a token for the draw, its odds "
		              "and candidates: %.1f%% of decoding\n",
		              "", b->odds_seconds * 1e3,
		              100 * b->odds_seconds * b->decode_rate);
	output_printf("%-10s %10s\n", "peak RSS", peak);
}

/* ---- all of it ---- */

static size_t largest(size_t a, size_t b, size_t c)
{
	size_t ab = a > b ? a : b;

	return ab > c ? ab : c;
}

static size_t given(int option, size_t otherwise)
{
	return option < 0 ? otherwise : (size_t)option;
}

/* What Qwen3's instruct models recommend. */
static const struct sampler_settings qwen3_settings = {
	.temperature = 0.7f,
	.top_k = 20,
	.top_p = 0.8f,
	.repeat_penalty = 1,
};

/* Any ids will do: the time does not depend on them. */
static void fill_ids(struct bench *b, size_t n)
{
	uint32_t state = 1;

	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		b->ids[i] = (int)((state >> 8) % (uint32_t)b->m.n_ids);
	}
}

static int prepare(struct bench *b, const struct options *o, struct error *err)
{
	size_t n = largest(b->prefill, b->decode, b->depth);
	size_t context =
		b->depth + (b->prefill > b->decode ? b->prefill : b->decode);

	b->kv_type = o->exact ? DTYPE_F32 : DTYPE_F16;
	if (context > b->m.context)
		return error_set(err, "bench: %zu tokens in a context of %zu",
		                 context, b->m.context);
	if (o->kv_type && !model_summary_dtype(o->kv_type, &b->kv_type))
		return error_set(err, "--kv-type: '%s' is not a number type",
		                 o->kv_type);
	b->ids = mem_try(n + 1, sizeof *b->ids);
	b->logits = mem_try((size_t)model_config(b->m.model)->vocab_size,
	                    sizeof *b->logits);
	b->seconds = mem_zalloc((size_t)b->runs, sizeof *b->seconds);
	b->draws = mem_zalloc((size_t)b->runs, sizeof *b->draws);
	b->sampler = sampler_new(b->m.n_ids);
	sampler_start(b->sampler, &qwen3_settings, NULL, 0);
	if (!b->ids || !b->logits)
		return error_set(err, "bench: no memory for %zu ids", n);
	fill_ids(b, n);
	b->cache = model_new_cache(b->m.model, b->kv_type,
	                           context ? context : 1, err);
	return b->cache ? 0 : -1;
}

static int run(struct bench *b, struct error *err)
{
	if (read_prompt(b, b->depth, err) ||
	    measure(b, "prefill", b->prefill, read_prompt, &b->prefill_rate,
	            err) ||
	    measure(b, "decode", b->decode, read_singly, &b->decode_rate, err))
		return -1;
	if (!b->decode)
		return 0;
	b->read_rate =
		read_rate(b->m.checkpoint, model_threads(b->m.model), err);
	return b->read_rate > 0 ? 0 : -1;
}

static void bench_free(struct bench *b)
{
	sampler_free(b->sampler);
	kv_cache_free(b->cache);
	direct_model_close(&b->m);
	free(b->ids);
	free(b->logits);
	free(b->seconds);
	free(b->draws);
}

int command_bench(const struct options *o, struct error *err)
{
	struct bench b = { .prefill = given(o->bench_p, 512),
		           .decode = given(o->bench_n, 128),
		           .depth = given(o->bench_d, 0),
		           .runs = (int)given(o->bench_r, 5) };
	struct model_summary summary;
	double start = clock_seconds();
	int status = direct_model_open(&b.m, o, o->exact, err);

	b.load_seconds = clock_seconds() - start;
	if (status == EXIT_OK && (prepare(&b, o, err) || run(&b, err)))
		status = EXIT_FAILED;
	if (status == EXIT_OK) {
		summary = model_summary_of(b.m.checkpoint);
		o->json ? report_json(&b, &summary) : report_text(&b, &summary);
	}
	bench_free(&b);
	return status;
}
