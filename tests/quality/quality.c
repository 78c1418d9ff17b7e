/*
 * quality.c - what each type costs, in a table
 *
 *	quality [MODEL [TEXT [TOKENS [TYPE...]]]]
 *
 * Writes MODEL (default: the bundled one) as a GGUF of every TYPE (default: all)
 * and compares its next-token distributions with MODEL's over the first TOKENS
 * of TEXT (default, and 0: all of tests/quality/chat.txt): see compare.h.  With
 * CONFAB_LLAMA_QUANTIZE naming llama.cpp's llama-quantize, its files are compared
 * too.  Each is computed twice: exactly, which shows the weights alone, and as a
 * chat computes it.  Prints TAP, the table as comments.  Where the weights are
 * trained ones, q8_0 must stay below 0.001 nats, q6_k below 0.005, and q4_k_m
 * must not be worse than llama.cpp's by more than the error of the two means; the
 * narrow arithmetic may add NARROW_KL.
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
	"bf16",   "f16",    "q8_0",   "q6_k",   "q5_k_m", "q5_k_s",
	"q5_1",   "q5_0",   "q4_k_m", "q4_k_s", "q4_1",   "q4_0",
	"iq4_nl", "iq4_xs", "q3_k_m", "q3_k_s", "q2_k",
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

struct cost {
	struct compare_result exact, narrow;
};

/* Compares the file with the model, prints its line and removes it. */
static int measure(const struct quality *q, const char *path, const char *who,
                   const char *type, struct cost *cost, struct error *err)
{
	struct checkpoint *cp = checkpoint_open(path, err);
	const struct compare_candidate candidates[] = { { cp, true },
		                                        { cp, false } };
	struct compare_result results[2];
	struct stat st;
	int failed;

	if (!cp || stat(path, &st))
		return -1;
	failed = compare_models(q->reference, candidates, 2, &q->text,
	                        threads_count(q->pool), results, err);
	if (!failed) {
		*cost = (struct cost){ results[0], results[1] };
		printf("# %-9s %-7s %7.1f MB  KL %.6f +- %.6f  top-1 %6.2f%%  "
		       "perplexity %.4f  narrow KL %.6f  top-1 %6.2f%%\n",
		       who, type, (double)st.st_size / 1e6, cost->exact.kl,
		       cost->exact.kl_error, 100 * cost->exact.agreement,
		       exp(cost->exact.nll), cost->narrow.kl,
		       100 * cost->narrow.agreement);
	}
	fflush(stdout);
	checkpoint_free(cp);
	remove(path);
	return failed;
}

static int measure_ours(const struct quality *q, const char *type,
                        struct cost *cost, struct error *err)
{
	struct quantize_options options = { .type = type, .pool = q->pool };
	char *path = paths_join(q->dir, "ours.gguf");
	int failed = quantize(q->reference, path, &options, NULL, err) ||
	             measure(q, path, "confab", type, cost, err);

	free(path);
	return failed;
}

static int run(const char *program, const char *from, const char *to,
               const char *type)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (!freopen("/dev/null", "w", stdout) ||
		    !freopen("/dev/null", "w", stderr))
			_exit(127);
		execlp(program, program, from, to, type, (char *)NULL);
		_exit(127);
	}
	return child < 0 || waitpid(child, &status, 0) != child || status;
}

static int measure_theirs(const struct quality *q, const char *type,
                          struct cost *cost, struct error *err)
{
	char *path = paths_join(q->dir, "theirs.gguf");
	int failed = run(getenv("CONFAB_LLAMA_QUANTIZE"), q->bf16, path, type);

	if (failed)
		error_set(err, "llama-quantize fails");
	else
		failed = measure(q, path, "llama.cpp", type, cost, err);
	free(path);
	return failed;
}

/* The limits hold for trained weights, of which the bundled model's are. */
static bool within_limits(const char *type, const struct cost *ours,
                          const struct cost *theirs)
{
	double kl = ours->exact.kl;

	if (ours->narrow.kl > kl + NARROW_KL)
		return false;
	if (!strcmp(type, "bf16"))
		return kl == 0;
	if (!strcmp(type, "q8_0"))
		return kl < 0.001;
	if (!strcmp(type, "q6_k"))
		return kl < 0.005;
	if (!strcmp(type, "q4_k_m") && theirs)
		return kl <= theirs->exact.kl + hypot(ours->exact.kl_error,
		                                      theirs->exact.kl_error);
	return true;
}

static int measure_all(const struct quality *q, bool limits, struct error *err)
{
	bool peer = getenv("CONFAB_LLAMA_QUANTIZE") != NULL;
	int status = 0;

	printf("1..%zu\n# %zu tokens\n", q->n_types, q->text.n);
	for (size_t i = 0; i < q->n_types; i++) {
		struct cost ours, theirs;
		bool fine;

		if (measure_ours(q, q->types[i], &ours, err) ||
		    (peer && measure_theirs(q, q->types[i], &theirs, err)))
			return give_up(err->text);
		fine = !limits ||
		       within_limits(q->types[i], &ours, peer ? &theirs : NULL);
		printf("%s %zu - %s\n", fine ? "ok" : "not ok", i + 1,
		       q->types[i]);
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
