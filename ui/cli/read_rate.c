#include "ui/cli/read_rate.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"

#define PASSES  3
#define LINE    64         /* bytes */
#define SECONDS 1.0        /* after which no further pass begins */
#define STRIDE  (8 * LINE) /* bytes of one step of the loop */

struct job {
	const struct checkpoint *cp;
	_Atomic uint64_t sum; /* keeps the reads */
};

/* One number of each line is enough: memory moves lines.  Eight independent
 * sums, so that loads overlap. */
static uint64_t read_bytes(const char *bytes, size_t n)
{
	uint64_t sums[8] = { 0 }, x;

	for (size_t at = 0; at + STRIDE <= n; at += STRIDE) {
		for (int i = 0; i < 8; i++) {
			memcpy(&x, bytes + at + LINE * i, sizeof x);
			sums[i] += x;
		}
	}
	for (int i = 1; i < 8; i++)
		sums[0] += sums[i];
	return sums[0];
}

static void read_all(void *arg, int index, int n)
{
	struct job *job = arg;
	size_t begin, end;

	for (size_t i = 0; i < checkpoint_n_tensors(job->cp); i++) {
		const struct tensor *t = checkpoint_tensor_at(job->cp, i);

		threads_split(t->bytes, STRIDE, index, n, &begin, &end);
		job->sum += read_bytes((const char *)t->data + begin,
		                       end - begin);
	}
}

double read_rate(const struct checkpoint *cp, int threads, struct error *err)
{
	struct threads *pool = threads_new(threads, err);
	struct job job = { .cp = cp };
	double best = 0, first = clock_seconds();

	if (!pool)
		return 0;
	for (int i = 0; i < PASSES; i++) {
		double start = clock_seconds(), rate;

		if (i && start - first > SECONDS)
			break;
		threads_run(pool, read_all, &job);
		rate = (double)checkpoint_bytes(cp) / (clock_seconds() - start);
		best = rate > best ? rate : best;
	}
	threads_free(pool);
	return best;
}

size_t read_rate_token_bytes(const struct checkpoint *cp)
{
	const struct tensor *embed =
		checkpoint_tensor(cp, "model.embed_tokens.weight");
	size_t bytes = checkpoint_bytes(cp);

	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++)
		if (strstr(checkpoint_tensor_name(cp, i), ".experts."))
			return 0;
	if (embed && checkpoint_tensor(cp, "lm_head.weight"))
		bytes -= embed->bytes;
	return bytes;
}
