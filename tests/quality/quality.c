/*
 * quality.c - what each type costs, in a table
 *
 *	quality [MODEL [TEXT [TOKENS [TYPE...]]]]
 *
 * Writes MODEL (default: the bundled one) as a GGUF of every TYPE (default: all)
 * and compares its next-token distributions with MODEL's over the first TOKENS
 * of TEXT (default, and 0: all of tests/quality/chat.txt): see compare.h.  It is
 * computed twice: exactly, which shows the weights alone, and as a chat computes
 * it.  With CONFAB_LLAMA_QUANTIZE naming llama.cpp's llama-quantize, its files are
 * compared too, exactly, and the mean of the difference between the two files' KL
 * at each position is told, whose error is a good deal smaller than that of either
 * mean.  Prints TAP, the table as comments.
 *
 * Where the weights are trained ones, q8_0 must stay below 0.001 nats, q6_k below
 * 0.005, and the narrow arithmetic may add NARROW_KL.  q4_k_m must not be worse
 * than llama.cpp's by more than twice that error, whatever the weights.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantize.h"
#include "tests/quality/compare.h"
#include "tests/support.h"
#include "text/tokenizer.h"

/* Nats that narrow activations and an f16 KV cache may add to the weights' KL. */
#define NARROW_KL 0.005

static const char *const all_types[] = {
	"bf16", "f16",    "q8_0",   "q6_k",   "q5_k_m",    "q5_k_s",
	"q5_1", "q5_0",   "q4_k_m", "q4_k_s", "q4_k_pure", "q4_1",
	"q4_0", "iq4_nl", "iq4_xs", "q3_k_m", "q3_k_s",    "q2_k",
};

#define N_TYPES (sizeof all_types / sizeof all_types[0])

struct quality {
	const char *model;
	struct checkpoint *reference;
	struct threads *pool;
	struct ids text;
	const char *const *types; /* [n_types] */
	size_t n_types;
	char *dir, *bf16; /* the latter for llama-quantize */
};

static int give_up(const char *text)
{
	printf("Bail out! %s\n", text);
	return 1;
}

static int read_text(struct quality *q, const char *path, size_t tokens,
                     struct error *err)
{
	char *bundled = test_source("data/confab-20m/tokenizer.json");
	struct tokenizer *t = tokenizer_load_json(bundled, NULL, err);
	struct strbuf text = STRBUF_INIT;

	free(bundled);
	if (!t || file_read(&text, path, 1 << 24, err))
		return -1;
	tokenizer_encode(t, text.bytes, text.len, TOKENIZER_ALL, &q->text);
	if (tokens && q->text.n > tokens)
		q->text.n = tokens;
	strbuf_free(&text);
	tokenizer_free(t);
	return 0;
}

enum { OURS, OURS_NARROW, THEIRS, N_RESULTS };

static void free_results(struct compare_result *results)
{
	for (int i = 0; i < N_RESULTS; i++)
		free(results[i].kls);
}

static void print_result(const char *who, const char *type,
                         const struct compare_result *r)
{
	printf("# %-9s %-7s KL %.6f +- %.6f  top-1 %6.2f%%  "
	       "perplexity %.4f\n",
	       who, type, r->kl, r->kl_error, 100 * r->agreement, exp(r->nll));
}

/* The mean of what our file costs more than theirs, position by position. */
static double difference(const struct compare_result *results, double *error)
{
	size_t n = results[OURS].positions;
	double *d = mem_alloc(n * sizeof *d), mean;

	for (size_t i = 0; i < n; i++)
		d[i] = results[OURS].kls[i] - results[THEIRS].kls[i];
	mean = compare_mean(d, n, error);
	free(d);
	return mean;
}

static int run(const char *program, const char *from, const char *to,
               const char *type)
{
	pid_t child;
	int status;

	fflush(stdout); /* or the child would write it again */
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stdout) ||
		    !freopen("/dev/null", "w", stderr))
			_exit(127);
		if (!strcmp(type, "q4_k_pure"))
			execlp(program, program, "--pure", from, to, "q4_k_s",
			       (char *)NULL);
		else
			execlp(program, program, from, to, type, (char *)NULL);
		_exit(127);
	}
	return child < 0 || waitpid(child, &status, 0) != child || status;
}

/* Compares the files with the model; theirs may be NULL. */
static int compare_files(const struct quality *q, const char *ours,
                         const char *theirs, struct compare_result *results,
                         struct error *err)
{
	struct checkpoint *mine = checkpoint_open(ours, err), *other = NULL;
	struct compare_candidate candidates[N_RESULTS];
	int failed = !mine;

	if (!failed && theirs) {
		other = checkpoint_open(theirs, err);
		failed = !other;
	}
	candidates[OURS] = (struct compare_candidate){ mine, true };
	candidates[OURS_NARROW] = (struct compare_candidate){ mine, false };
	candidates[THEIRS] = (struct compare_candidate){ other, true };
	if (!failed)
		failed = compare_models(q->reference, candidates,
		                        theirs ? N_RESULTS : THEIRS, &q->text,
		                        threads_count(q->pool), results, err);
	checkpoint_free(other);
	checkpoint_free(mine);
	return failed;
}

static int measure(const struct quality *q, const char *type,
                   struct compare_result *results, struct error *err)
{
	struct quantize_options options = { .type = type, .pool = q->pool };
	const char *peer = getenv("CONFAB_LLAMA_QUANTIZE");
	char *ours = paths_join(q->dir, "ours.gguf");
	char *theirs = paths_join(q->dir, "theirs.gguf");
	struct stat st = { 0 };
	int failed = quantize(q->reference, ours, &options, NULL, err);

	if (!failed && peer && run(peer, q->bf16, theirs, type))
		failed = error_set(err, "llama-quantize fails");
	if (!failed)
		failed = compare_files(q, ours, peer ? theirs : NULL, results,
		                       err);
	if (!failed && !stat(ours, &st))
		printf("# %s: %.1f MB\n", type, (double)st.st_size / 1e6);
	remove(ours);
	remove(theirs);
	free(ours);
	free(theirs);
	return failed;
}

/* trained: the weights are. */
static bool within_limits(const char *type, bool trained,
                          const struct compare_result *results)
{
	double kl = results[OURS].kl, error;

	if (!strcmp(type, "bf16"))
		return kl == 0;
	if (!strcmp(type, "q4_k_m") && results[THEIRS].kls &&
	    difference(results, &error) > 2 * error)
		return false;
	if (!trained)
		return true;
	if (results[OURS_NARROW].kl > kl + NARROW_KL)
		return false;
	if (!strcmp(type, "q8_0"))
		return kl < 0.001;
	return strcmp(type, "q6_k") || kl < 0.005;
}

static bool judge(const char *type, bool trained,
                  const struct compare_result *results)
{
	print_result("confab", type, &results[OURS]);
	print_result("narrow", type, &results[OURS_NARROW]);
	if (results[THEIRS].kls) {
		double error, mean = difference(results, &error);

		print_result("llama.cpp", type, &results[THEIRS]);
		printf("# confab's costs %+.6f +- %.6f more\n", mean, error);
	}
	return within_limits(type, trained, results);
}

static int measure_all(const struct quality *q, bool trained, struct error *err)
{
	int status = 0;

	printf("1..%zu\n# %zu tokens\n", q->n_types, q->text.n);
	for (size_t i = 0; i < q->n_types; i++) {
		struct compare_result results[N_RESULTS] = { 0 };
		bool fine;

		if (measure(q, q->types[i], results, err))
			return give_up(err->text);
		fine = judge(q->types[i], trained, results);
		free_results(results);
		printf("%s %zu - %s\n", fine ? "ok" : "not ok", i + 1,
		       q->types[i]);
		fflush(stdout);
		status |= !fine;
	}
	return status;
}

int main(int argc, char **argv)
{
	char *bundled = test_source("data/confab-20m");
	char *text = test_file("quality/chat.txt");
	struct quality q = { .model = argc > 1 ? argv[1] : bundled,
		             .types = all_types,
		             .n_types = N_TYPES };
	struct quantize_options bf16 = { .type = "bf16" };
	struct error err = { "" };
	int status;

	if (argc > 4) {
		q.types = (const char *const *)argv + 4;
		q.n_types = (size_t)argc - 4;
	}
	q.reference = checkpoint_open(q.model, &err);
	q.pool = threads_new(threads_default_count(), &err);
	q.dir = test_tmp_dir();
	q.bf16 = paths_join(q.dir, "bf16.gguf");
	bf16.pool = q.pool;
	if (!q.reference || !q.pool ||
	    read_text(&q, argc > 2 ? argv[2] : text,
	              argc > 3 ? (size_t)atol(argv[3]) : 0, &err) ||
	    quantize(q.reference, q.bf16, &bf16, NULL, &err))
		return give_up(err.text);
	status = measure_all(&q, argc < 2, &err);
	ids_free(&q.text);
	threads_free(q.pool);
	checkpoint_free(q.reference);
	free(q.bf16);
	free(q.dir);
	free(text);
	free(bundled);
	return status;
}
