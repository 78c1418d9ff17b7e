/*
 * confab score: how likely each token of a text is, in exact arithmetic.
 */
#include "ui/cli/commands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "checkpoint/checkpoint.h"
#include "engine/logit_row.h"
#include "math/select.h"
#include "model/kv_cache.h"
#include "model/model.h"
#include "text/tokenizer.h"
#include "ui/cli/direct_model.h"
#include "ui/cli/input.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/reply_json.h"
#include "ui/cli/value.h"

#define JSON_TOP   10 /* unless --top says otherwise */
#define TEXT_TOP   3
#define BLANKS     " \t\r\n\v\f"
#define LOGIT_ROWS 16 /* positions whose logits are held at once */

struct scorer {
	struct direct_model m;
	struct kv_cache *cache;
	bool json;
	bool bad_model;       /* a failure is its fault */
	int top;              /* likeliest tokens shown */
	struct ids ids;       /* the text */
	struct ids logit_ids; /* --logits */
	float *logits;        /* [LOGIT_ROWS, vocab_size] */
	float *block_max;     /* [select_blocks(n_ids)] */
	struct pick *picks;   /* [n_ids] */
	struct strbuf line;   /* of the token whose logits come next */
	double nll;           /* nats, summed over all tokens but the first */
};

/* ---- what to score ---- */

/* An id below limit from text[0..len). */
static int read_id(struct ids *ids, const char *text, size_t len, int limit,
                   const char *what, struct error *err)
{
	char *word = mem_dup(text, len);
	uint64_t id;
	int result = 0;

	if (value_integer(word, &id) && id < (uint64_t)limit)
		ids_add(ids, (int)id);
	else
		result = error_set(err, "%s: '%s' is not an id from 0 to %d",
		                   what, word, limit - 1);
	free(word);
	return result;
}

/* Ids with white space between any two. */
static int read_ids(struct ids *ids, const char *text, int limit,
                    const char *what, struct error *err)
{
	size_t len;

	for (text += strspn(text, BLANKS); *text;
	     text += strspn(text, BLANKS)) {
		len = strcspn(text, BLANKS);
		if (read_id(ids, text, len, limit, what, err))
			return -1;
		text += len;
	}
	return 0;
}

/* Ids with a comma between any two. */
static int read_id_list(struct ids *ids, const char *text, int limit,
                        const char *what, struct error *err)
{
	size_t len;

	do {
		len = strcspn(text, ",");
		if (read_id(ids, text, len, limit, what, err))
			return -1;
		text += len;
	} while (*text++);
	return 0;
}

static int read_text(struct scorer *s, const struct options *o,
                     const struct strbuf *text, struct error *err)
{
	int vocab_size = model_config(s->m.model)->vocab_size;

	if (o->ids) {
		if (strlen(text->bytes) < text->len)
			return error_set(err, "standard input: a 0 byte among "
			                      "the ids");
		return read_ids(&s->ids, text->bytes, vocab_size,
		                "standard input", err);
	}
	if (!s->m.tokenizer)
		return error_set(err, "score: the model has no tokenizer; "
		                      "give ids with --ids");
	tokenizer_encode(s->m.tokenizer, text->bytes, text->len, TOKENIZER_ALL,
	                 &s->ids);
	return 0;
}

static int read_input(struct scorer *s, const struct options *o,
                      struct error *err)
{
	struct strbuf text = STRBUF_INIT;
	int result = input_read_all(&text, err);

	if (!result)
		result = read_text(s, o, &text, err);
	strbuf_free(&text);
	if (!result && s->ids.n > s->m.context)
		return error_set(err, "score: %zu tokens in a context of %zu",
		                 s->ids.n, s->m.context);
	return result;
}

/* ---- figures ---- */

struct figures {
	float top;       /* the largest logit */
	double log_mass; /* ln of the sum of e^(x - top) */
	double entropy;  /* nats */
};

static struct figures measure(const struct scorer *s, const float *logits)
{
	const struct select_ops *ops = select_get();
	size_t n = (size_t)s->m.n_ids;
	struct select_sums sums;
	struct figures f = { .top = -INFINITY };

	ops->block_max(logits, n, s->block_max);
	for (size_t b = 0; b < select_blocks(n); b++)
		f.top = fmaxf(f.top, s->block_max[b]);
	sums = ops->sums(logits, n, f.top, 1.0, -INFINITY);
	f.log_mass = log(sums.mass);
	f.entropy = f.log_mass - sums.moment / sums.mass;
	return f;
}

static double logprob(const struct figures *f, float logit)
{
	return (double)logit - (double)f->top - f->log_mass;
}

/* The likeliest, in order, to picks[0..n); returns n. */
static size_t pick_top(const struct scorer *s, const float *logits)
{
	size_t all = (size_t)s->m.n_ids, n = 0, wanted = (size_t)s->top;

	for (size_t i = 0; wanted && i < all; i++) {
		if (!isnan(logits[i]))
			s->picks[n++] = (struct pick){ logits[i], (int)i };
	}
	if (n > wanted) {
		pick_part(s->picks, n, wanted);
		n = wanted;
	}
	pick_sort(s->picks, n);
	return n;
}

/* ---- lines ---- */

static void json_top(struct scorer *s, const float *logits,
                     const struct figures *f)
{
	size_t n = pick_top(s, logits);

	strbuf_add_str(&s->line, ",\"top\":[");
	for (size_t i = 0; i < n; i++) {
		strbuf_printf(&s->line, "%s{\"id\":%d,", i ? "," : "",
		              s->picks[i].id);
		reply_json_text(&s->line, s->m.tokenizer, s->picks[i].id);
		if (s->m.tokenizer)
			strbuf_add_char(&s->line, ',');
		strbuf_add_str(&s->line, "\"logprob\":");
		json_write_number(&s->line, logprob(f, s->picks[i].score));
		strbuf_add_char(&s->line, '}');
	}
	strbuf_add_char(&s->line, ']');
}

/* The line of the token at pos, but for what its own row adds; row: the logits
 * after the tokens before it, NULL at pos 0. */
static void json_begin(struct scorer *s, size_t pos, const float *row,
                       const struct figures *f, size_t rank)
{
	int id = s->ids.data[pos];

	strbuf_printf(&s->line, "{\"pos\":%zu,\"id\":%d", pos, id);
	if (s->m.tokenizer) {
		strbuf_add_char(&s->line, ',');
		reply_json_text(&s->line, s->m.tokenizer, id);
	}
	if (!row)
		return;
	strbuf_add_str(&s->line, ",\"logprob\":");
	json_write_number(&s->line, logprob(f, row[id]));
	strbuf_printf(&s->line, ",\"rank\":%zu,\"entropy\":", rank);
	json_write_number(&s->line, f->entropy);
	json_top(s, row, f);
}

/* "Hello" with quotes and escapes, or nothing. */
static void text_token(struct scorer *s, int id)
{
	size_t len = 0;
	const char *bytes = s->m.tokenizer
	                            ? tokenizer_bytes(s->m.tokenizer, id, &len)
	                            : NULL;

	if (bytes)
		json_write_string(&s->line, bytes, len);
	else
		strbuf_printf(&s->line, "%d", id);
}

static void text_begin(struct scorer *s, size_t pos, const float *row,
                       const struct figures *f, size_t rank)
{
	int id = s->ids.data[pos];
	size_t n, start;

	if (!row) {
		strbuf_printf(&s->line, "%6zu %7d %9s %6s %8s  ", pos, id, "-",
		              "-", "-");
		text_token(s, id);
		return;
	}
	strbuf_printf(&s->line, "%6zu %7d %9.4f %6zu %8.4f  ", pos, id,
	              logprob(f, row[id]), rank, f->entropy);
	start = s->line.len;
	text_token(s, id);
	while (s->line.len - start < 16)
		strbuf_add_char(&s->line, ' ');
	n = pick_top(s, row);
	for (size_t i = 0; i < n; i++) {
		strbuf_add_str(&s->line, "  ");
		text_token(s, s->picks[i].id);
		strbuf_printf(&s->line, " %.3f",
		              exp(logprob(f, s->picks[i].score)));
	}
}

/* What would be told of a row of NaN is about no model. */
static int refuse_broken(struct scorer *s, size_t pos, struct error *err)
{
	s->bad_model = true;
	return logit_row_refuse(checkpoint_path(s->m.checkpoint), pos,
	                        DTYPE_F32, err);
}

static int begin_line(struct scorer *s, size_t pos, const float *row,
                      struct error *err)
{
	struct figures f = { 0 };
	size_t rank = 0;
	float logit;

	if (row) {
		logit = row[s->ids.data[pos]];
		f = measure(s, row);
		if (!isfinite(f.top))
			return refuse_broken(s, pos, err);
		rank = select_get()->count_above(row, (size_t)s->m.n_ids,
		                                 logit) +
		       1;
		s->nll -= logprob(&f, logit);
	}
	strbuf_clear(&s->line);
	if (s->json)
		json_begin(s, pos, row, &f, rank);
	else
		text_begin(s, pos, row, &f, rank);
	return 0;
}

/* Adds the raw logits after the line's token and puts the line out; row is NULL
 * where nobody asked for any. */
static void end_line(struct scorer *s, const float *row)
{
	size_t n = row ? s->logit_ids.n : 0;

	if (n)
		strbuf_add_str(&s->line,
		               s->json ? ",\"logits\":[" : "  logits");
	for (size_t i = 0; i < n; i++) {
		strbuf_add_str(&s->line, !s->json ? " " : i ? "," : "");
		json_write_float(&s->line, row[s->logit_ids.data[i]]);
	}
	if (!s->json) {
		output_text(s->line.bytes, s->line.len);
		output_text_end();
		output_str("\n");
		return;
	}
	output_add(s->line.bytes, s->line.len);
	output_str(n ? "]}\n" : "}\n");
}

static void summarise(const struct scorer *s)
{
	size_t n = s->ids.n, scored = n ? n - 1 : 0;
	double mean = scored ? s->nll / (double)scored : NAN;
	struct strbuf out = STRBUF_INIT;

	if (s->json) {
		strbuf_printf(&out, "{\"tokens\":%zu,\"scored\":%zu", n,
		              scored);
		strbuf_add_str(&out, ",\"mean_nll\":");
		json_write_number(&out, mean);
		strbuf_add_str(&out, ",\"perplexity\":");
		json_write_number(&out, exp(mean));
		strbuf_add_str(&out, "}\n");
	} else if (scored) {
		strbuf_printf(&out,
		              "%zu tokens, %zu scored: mean negative "
		              "log-likelihood %.6f nats, perplexity %.6g\n",
		              n, scored, mean, exp(mean));
	} else {
		strbuf_printf(&out, "%zu tokens, none to score\n", n);
	}
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

/* ---- the pass ---- */

/* The logits of position pos are there. */
static int take_row(struct scorer *s, size_t pos, const float *row,
                    struct error *err)
{
	end_line(s, s->logit_ids.n ? row : NULL);
	return pos + 1 < s->ids.n ? begin_line(s, pos + 1, row, err) : 0;
}

static int take_rows(struct scorer *s, size_t pos, size_t seq,
                     struct error *err)
{
	size_t vocab_size = (size_t)model_config(s->m.model)->vocab_size;
	size_t rows;

	for (size_t first = 0; first < seq; first += rows) {
		rows = seq - first < LOGIT_ROWS ? seq - first : LOGIT_ROWS;
		model_logits(s->m.model, first, rows, s->logits);
		for (size_t r = 0; r < rows; r++)
			if (take_row(s, pos + first + r,
			             s->logits + r * vocab_size, err))
				return -1;
	}
	return 0;
}

static int score(struct scorer *s, struct error *err)
{
	size_t batch = model_max_batch(s->m.model), seq;

	if (!s->ids.n)
		return 0;
	begin_line(s, 0, NULL, err);
	for (size_t pos = 0; pos < s->ids.n; pos += seq) {
		seq = s->ids.n - pos < batch ? s->ids.n - pos : batch;
		if (kv_cache_reserve(s->cache, seq, err))
			return -1;
		model_forward(s->m.model, s->cache, s->ids.data + pos, seq,
		              seq);
		if (take_rows(s, pos, seq, err) || output_flush(err))
			return -1;
	}
	return 0;
}

static int prepare(struct scorer *s, struct error *err)
{
	size_t vocab_size = (size_t)model_config(s->m.model)->vocab_size;
	size_t n_ids = (size_t)s->m.n_ids;

	s->logits = mem_try(LOGIT_ROWS * vocab_size, sizeof *s->logits);
	s->block_max = mem_try(select_blocks(n_ids), sizeof *s->block_max);
	s->picks = mem_try(n_ids, sizeof *s->picks);
	if (!s->logits || !s->block_max || !s->picks)
		return error_set(err, "score: no memory for %d x %zu logits",
		                 LOGIT_ROWS, vocab_size);
	s->cache = model_new_cache(s->m.model, DTYPE_F32,
	                           s->ids.n ? s->ids.n : 1, err);
	return s->cache ? 0 : -1;
}

static void scorer_free(struct scorer *s)
{
	kv_cache_free(s->cache);
	direct_model_close(&s->m);
	ids_free(&s->ids);
	ids_free(&s->logit_ids);
	strbuf_free(&s->line);
	free(s->logits);
	free(s->block_max);
	free(s->picks);
}

static int run(struct scorer *s, const struct options *o, struct error *err)
{
	int vocab_size = model_config(s->m.model)->vocab_size;

	if (o->logits &&
	    read_id_list(&s->logit_ids, o->logits, vocab_size, "--logits", err))
		return EXIT_USAGE;
	if (read_input(s, o, err) || prepare(s, err))
		return EXIT_FAILED;
	if (!s->json)
		output_printf("%6s %7s %9s %6s %8s  %s\n", "pos", "id",
		              "logprob", "rank", "entropy", "token, likeliest");
	if (score(s, err))
		return s->bad_model ? EXIT_BAD_FILE : EXIT_FAILED;
	summarise(s);
	return EXIT_OK;
}

int command_score(const struct options *o, struct error *err)
{
	struct scorer s = { .json = o->json,
		            .top = o->top,
		            .line = STRBUF_INIT };
	int status = direct_model_open(&s.m, o, true, err);

	if (s.top < 0)
		s.top = s.json ? JSON_TOP : TEXT_TOP;
	if (status == EXIT_OK)
		status = run(&s, o, err);
	scorer_free(&s);
	return status;
}
