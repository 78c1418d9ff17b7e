#include "model/norm.h"

#include "base/threads.h"
#include "math/rmsnorm.h"

/* Fewer rows than this are done faster than threads can be woken. */
#define FEW_ROWS 8

struct job {
	float *y;
	const float *x, *weight;
	size_t rows, dim;
	float eps;
};

static void work(void *arg, int index, int n)
{
	const struct job *job = arg;
	size_t begin, end, dim = job->dim;

	threads_split(job->rows, 1, index, n, &begin, &end);
	rmsnorm(job->y + begin * dim, dim, job->x + begin * dim, dim,
	        job->weight, end - begin, dim, job->eps);
}

void norm_rows(struct threads *pool, float *y, const float *x,
               const float *weight, size_t rows, size_t dim, float eps)
{
	struct job job = { y, x, weight, rows, dim, eps };

	threads_run(rows < FEW_ROWS ? NULL : pool, work, &job);
}
