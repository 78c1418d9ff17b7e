#include "math/linear.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/shares.h"
#include "base/threads.h"
#include "math/gemm.h"
#include "math/kernels.h"
#include "math/linear_plan.h"
#include "math/packed.h"
#include "math/panel.h"
#include "math/quant.h"
#include "math/quant_x.h"
#include "math/row_blocks.h"
#include "math/tile.h"

/* Threads share every weight's outputs (shares.h) and take them in the blocks of
 * linear_plan.h. */
#define SHARE_GRAIN 16 /* outputs; 16 floats are a cache line */

/* Formats of panels that the weights of one call can have: one of block types, and two
 * of 16-bit floats. */
#define MAX_FORMATS 3

struct linear_work {
	struct threads *pool;
	struct shares *shares[LINEAR_MAX_JOBS]; /* of each job's outputs */
	size_t max_rows;
	int64_t max_in, max_out;
	/* Activations as bf16 and as panels take them, shared by the threads. */
	char *narrow;
	char *strips[MAX_FORMATS];
	struct quant_x *own; /* a thread's few rows as 8-bit integers */
	size_t own_count;
	float *panels; /* a thread's block of weights as it is multiplied */
	size_t panel_floats;
	float *gates; /* a thread's block of silu's arguments */
	size_t gate_floats;
};

struct call {
	struct linear_work *work;
	const struct kernels *kernels;
	const struct linear_job *jobs;
	struct linear_plan plans[LINEAR_MAX_JOBS];
	int n_jobs;
	bool swiglu; /* two jobs, gate and up, into the y of the second */
	const float *x;
	size_t x_stride, rows, n_in;
	size_t narrow_stride; /* bytes; 0: no plan needs bf16 activations */
	bool int8;            /* some plan needs a thread's own integers */
	/* Of the plans that need strips; formats[i]'s are strips[i]. */
	const struct panel_kernels *formats[MAX_FORMATS];
	int n_formats;
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* An odd number of cache lines, so that the same column of successive rows
 * does not fall into the same set of the cache. */
static size_t narrow_stride(size_t n)
{
	return ((2 * n + 63) / 64 | 1) * 64;
}

static bool new_shares(struct linear_work *work)
{
	for (int j = 0; j < LINEAR_MAX_JOBS; j++) {
		work->shares[j] = shares_new(threads_count(work->pool));
		if (!work->shares[j])
			return false;
	}
	return true;
}

static bool new_strips(struct linear_work *work)
{
	for (int i = 0; i < MAX_FORMATS; i++) {
		work->strips[i] = mem_try(work->max_rows,
		                          panel_x_most((size_t)work->max_in));
		if (!work->strips[i])
			return false;
	}
	return true;
}

struct linear_work *linear_work_new(struct threads *pool, size_t max_rows,
                                    int64_t max_in, int64_t max_out,
                                    struct error *err)
{
	struct linear_work *work = mem_zalloc(1, sizeof *work);
	size_t n_threads = (size_t)threads_count(pool);

	assert(max_rows > 0 && max_in > 0 && max_out > 0);
	gemm_init();
	work->pool = pool;
	work->max_rows = max_rows;
	work->max_in = max_in;
	work->max_out = max_out;
	work->panel_floats = row_blocks((size_t)max_in, PANEL_BLOCK) *
	                     PANEL_BLOCK * LINEAR_PLAN_OUTPUTS;
	work->gate_floats = max_rows * LINEAR_PLAN_OUTPUTS;
	work->own_count = smaller(max_rows, LINEAR_PLAN_FEW) *
	                  quant_x_count((size_t)max_in);
	work->narrow = mem_try(max_rows, narrow_stride((size_t)max_in));
	work->panels = mem_try(n_threads, work->panel_floats * sizeof(float));
	work->gates = mem_try(n_threads, work->gate_floats * sizeof(float));
	work->own = mem_try(n_threads, work->own_count * sizeof *work->own);
	if (work->narrow && work->panels && work->gates && work->own &&
	    new_strips(work) && new_shares(work))
		return work;
	error_set(err, "no memory for products of %zu rows by %lld numbers",
	          max_rows, (long long)max_in);
	linear_work_free(work);
	return NULL;
}

void linear_work_free(struct linear_work *work)
{
	if (!work)
		return;
	free(work->narrow);
	for (int i = 0; i < MAX_FORMATS; i++)
		free(work->strips[i]);
	free(work->panels);
	free(work->gates);
	free(work->own);
	for (int j = 0; j < LINEAR_MAX_JOBS; j++)
		shares_free(work->shares[j]);
	free(work);
}

static struct quant_x *own_rows(const struct linear_work *work, int index)
{
	return work->own + (size_t)index * work->own_count;
}

/* Of a packed type on average: 16 rows are as many times that. */
static size_t row_bytes(const struct tensor *w)
{
	size_t bytes = 0;

	dtype_row_bytes(w->dtype, tensor_cols(w), &bytes);
	return bytes;
}

static void widen_row(const struct kernels *kernels, const struct tensor *w,
                      size_t row, float *dst)
{
	const char *src = (const char *)w->data + row * row_bytes(w);
	size_t n = (size_t)tensor_cols(w);

	if (packed_is(w->dtype))
		packed_widen(w->dtype, w->data, (int64_t)n, (int64_t)row, dst);
	else if (w->dtype == DTYPE_BF16)
		kernels->bf16_to_f32(dst, src, n);
	else if (w->dtype == DTYPE_F16)
		kernels->f16_to_f32(dst, src, n);
	else if (kernels->widen[w->dtype])
		kernels->widen[w->dtype](dst, src, n);
	else
		quant_dequantize_row(w->dtype, src, dst, (int64_t)n);
}

/* Sets where the tile's weights are: outputs [o, o + t->n_w) of w. */
static void locate_weights(const struct call *call, struct tile *t,
                           const struct tensor *w, bool widen, size_t o,
                           float *panel)
{
	t->w_stride = row_bytes(w);
	t->w = (const char *)w->data + o * t->w_stride;
	if (!widen)
		return;
	for (size_t i = 0; i < t->n_w; i++)
		widen_row(call->kernels, w, o + i, panel + i * call->n_in);
	t->w = panel;
	t->w_stride = call->n_in * sizeof(float);
}

/* One block of weights by all rows of one piece: t->w and t->x are at the
 * piece's first element, t->y at the first row. */
static void multiply_piece(const struct call *call,
                           const struct linear_plan *plan, struct tile t)
{
	size_t chunk = linear_plan_rows(plan, t.n);

	for (size_t r = 0; r < call->rows; r += t.rows) {
		t.rows = smaller(chunk, call->rows - r);
		plan->tile(&t);
		t.x = (const char *)t.x + t.rows * t.x_stride;
		t.y += t.rows * t.y_stride;
	}
}

/* The activations as the plan has them multiplied. */
static void locate_rows(const struct call *call, const struct linear_plan *plan,
                        struct tile *t, int index)
{
	if (plan->int8) {
		t->x = own_rows(call->work, index);
		t->x_stride = linear_plan_x_bytes(plan, call->n_in);
	} else if (plan->narrow) {
		t->x = call->work->narrow;
		t->x_stride = call->narrow_stride;
	} else {
		t->x = call->x;
		t->x_stride = call->x_stride * sizeof(float);
	}
}

/* Bytes of n elements of a row, or of 16 rows of a packed type. */
static size_t run_bytes(const struct tensor *w, size_t n)
{
	size_t bytes = 0;

	dtype_row_bytes(w->dtype, (int64_t)n, &bytes);
	return packed_is(w->dtype) ? bytes * PACKED_ROWS : bytes;
}

static const char *strips_of(const struct call *call,
                             const struct panel_kernels *format)
{
	int i = 0;

	while (call->formats[i] != format)
		i++;
	return call->work->strips[i];
}

/* Outputs [o, o + n) of a job, or as many as there are. */
struct outputs {
	int job;
	size_t o, n;
};

/* n elements of their rows from `first` on. */
static struct panel_ahead ahead_of(const struct call *call,
                                   const struct outputs *out, size_t first,
                                   size_t n)
{
	const struct tensor *w = call->jobs[out->job].w;
	size_t rows = packed_is(w->dtype) ? PACKED_ROWS : 1;
	size_t left = (size_t)tensor_rows(w) - out->o;

	return (struct panel_ahead){
		.at = (const char *)w->data + out->o * row_bytes(w) +
		      run_bytes(w, first),
		.bytes = run_bytes(w, n),
		.stride = rows * row_bytes(w),
		.n = smaller(out->n, left) / rows,
	};
}

/* What a panel is filled from after the piece that ends at element `end`: the next
 * piece, or the first one of what follows. */
static struct panel_ahead ahead_after(const struct call *call,
                                      const struct outputs *out, size_t end,
                                      const struct outputs *next)
{
	if (end == call->n_in) {
		out = next;
		end = 0;
	}
	return ahead_of(call, out, end,
	                smaller(linear_plan_piece(&call->plans[out->job],
	                                          call->n_in),
	                        call->n_in - end));
}

static void multiply_panel(const struct call *call, const struct outputs *out,
                           const struct outputs *next, float *y,
                           size_t y_stride, bool add, char *panel)
{
	const struct tensor *w = call->jobs[out->job].w;
	const struct linear_plan *plan = &call->plans[out->job];
	const struct panel_kernels *format = plan->panel;
	const size_t piece = linear_plan_piece(plan, call->n_in);
	struct panel_source from = {
		.dtype = w->dtype,
		.w = (const char *)w->data + out->o * row_bytes(w),
		.stride = row_bytes(w),
		.n_w = out->n,
	};
	struct panel_tile t = {
		.dtype = w->dtype,
		.panel = panel,
		.n_w = out->n,
		.x = strips_of(call, format),
		.x_stride = format->x_bytes(call->n_in),
		.rows = call->rows,
		.y = y,
		.y_stride = y_stride,
		.add = add,
	};

	for (; t.first < call->n_in; t.first += piece) {
		t.n = smaller(piece, call->n_in - t.first);
		t.ahead = ahead_after(call, out, t.first + t.n, next);
		from.n = t.n;
		format->fill(panel, &from);
		format->multiply(&t);
		from.w += run_bytes(w, t.n);
		t.add = true;
	}
}

/* y[r][0..out->n) = (add ? y : 0) + x[r] by these outputs.  next: what will be
 * multiplied then, if nobody else does. */
static void multiply_block(const struct call *call, const struct outputs *out,
                           const struct outputs *next, float *y,
                           size_t y_stride, bool add, int index)
{
	const struct tensor *w = call->jobs[out->job].w;
	const struct linear_plan *plan = &call->plans[out->job];
	float *panel =
		call->work->panels + (size_t)index * call->work->panel_floats;
	size_t piece = linear_plan_piece(plan, call->n_in);
	struct tile t = {
		.y = y,
		.y_stride = y_stride,
		.n_w = out->n,
		.add = add,
		.ahead = call->kernels->packed_ahead,
	};

	if (plan->panel) {
		multiply_panel(call, out, next, y, y_stride, add,
		               (char *)panel);
		return;
	}
	if (call->rows == 1 || plan->whole)
		piece = call->n_in;
	locate_weights(call, &t, w, plan->widen, out->o, panel);
	locate_rows(call, plan, &t, index);
	for (size_t k = 0; k < call->n_in; k += piece) {
		t.n = smaller(piece, call->n_in - k);
		multiply_piece(call, plan, t);
		t.w = (const char *)t.w +
		      linear_plan_w_bytes(plan, w->dtype, t.n);
		t.x = (const char *)t.x + linear_plan_x_bytes(plan, t.n);
		t.add = true;
	}
}

static void share_job(const struct call *call, int j, int index)
{
	const struct linear_job *job = &call->jobs[j];
	size_t most = linear_plan_outputs(&call->plans[j], job->w->dtype,
	                                  call->n_in),
	       o, end;

	while (shares_take(call->work->shares[j], index, most, &o, &end)) {
		const struct outputs out = { j, o, end - o };
		const struct outputs next = { j, end, most };

		multiply_block(call, &out, &next, job->y + o, job->y_stride,
		               job->add, index);
	}
}

/* Outputs of a block that suits both weights, whole groups where one of them is
 * packed: SHARE_GRAIN are. */
static size_t swiglu_step(const struct call *call)
{
	const struct tensor *gate = call->jobs[0].w, *up = call->jobs[1].w;
	size_t step = smaller(linear_plan_outputs(&call->plans[0], gate->dtype,
	                                          call->n_in),
	                      linear_plan_outputs(&call->plans[1], up->dtype,
	                                          call->n_in));

	if (!packed_is(gate->dtype) && !packed_is(up->dtype))
		return step;
	return step < SHARE_GRAIN ? SHARE_GRAIN : step - step % SHARE_GRAIN;
}

/* A block of gates and the same block of ups are joined while they are in the
 * cache. */
static void share_swiglu(const struct call *call, int index)
{
	const struct linear_job *up = &call->jobs[1];
	struct linear_work *work = call->work;
	float *gate = work->gates + (size_t)index * work->gate_floats;
	size_t most = swiglu_step(call), o, end;

	while (shares_take(work->shares[1], index, most, &o, &end)) {
		const struct outputs gates = { 0, o, end - o };
		const struct outputs ups = { 1, o, end - o };
		const struct outputs next = { 0, end, most };
		float *y = up->y + o;

		multiply_block(call, &gates, &ups, gate, LINEAR_PLAN_OUTPUTS,
		               false, index);
		multiply_block(call, &ups, &next, y, up->y_stride, false,
		               index);
		for (size_t r = 0; r < call->rows; r++)
			call->kernels->silu_mul(y + r * up->y_stride,
			                        gate + r * LINEAR_PLAN_OUTPUTS,
			                        y + r * up->y_stride, ups.n);
	}
}

static void narrow_rows(const struct call *call, int index, int n)
{
	size_t r, end;

	threads_split(call->rows, 1, index, n, &r, &end);
	for (; r < end; r++)
		call->kernels->f32_to_bf16(call->work->narrow +
		                                   r * call->narrow_stride,
		                           call->x + r * call->x_stride,
		                           call->n_in);
}

/* Every thread for itself: for a few rows that takes less than to wait for one
 * another. */
static void quantize_own(const struct call *call, int index)
{
	for (size_t r = 0; r < call->rows; r++)
		call->kernels->quant_x(own_rows(call->work, index) +
		                               r * quant_x_count(call->n_in),
		                       call->x + r * call->x_stride,
		                       call->n_in);
}

static void form_strips(const struct call *call, int i, int index, int n)
{
	const struct panel_kernels *format = call->formats[i];
	size_t stride = format->x_bytes(call->n_in), s, end, r, end_row;

	threads_split(row_blocks(call->rows, format->strip), 1, index, n, &s,
	              &end);
	for (; s < end; s++) {
		row_block_at(call->rows, format->strip, s, &r, &end_row);
		format->x(call->work->strips[i] + r * stride,
		          call->x + r * call->x_stride, call->x_stride,
		          end_row - r, call->n_in);
	}
}

static void share(void *arg, int index, int n)
{
	const struct call *call = arg;

	if (call->int8)
		quantize_own(call, index);
	if (call->narrow_stride)
		narrow_rows(call, index, n);
	for (int i = 0; i < call->n_formats; i++)
		form_strips(call, i, index, n);
	if (call->narrow_stride || call->n_formats)
		threads_barrier(call->work->pool);
	if (call->swiglu) {
		share_swiglu(call, index);
		return;
	}
	for (int j = 0; j < call->n_jobs; j++)
		share_job(call, j, index);
}

static void add_format(struct call *call, const struct panel_kernels *format)
{
	if (!format)
		return;
	for (int i = 0; i < call->n_formats; i++)
		if (call->formats[i] == format)
			return;
	assert(call->n_formats < MAX_FORMATS);
	call->formats[call->n_formats++] = format;
}

static void run(struct call *call, bool exact)
{
	struct linear_work *work = call->work;

	assert(call->n_jobs >= 1 && call->n_jobs <= LINEAR_MAX_JOBS);
	assert(call->rows >= 1 && call->rows <= work->max_rows);
	call->kernels = kernels_get();
	call->n_in = (size_t)tensor_cols(call->jobs[0].w);
	assert((int64_t)call->n_in <= work->max_in);
	for (int j = 0; j < call->n_jobs; j++) {
		const struct tensor *w = call->jobs[j].w;

		assert((size_t)tensor_cols(w) == call->n_in);
		assert(tensor_rows(w) <= work->max_out);
		call->plans[j] = linear_plan_of(call->kernels, w->dtype,
		                                call->rows, exact);
		call->int8 |= call->plans[j].int8;
		if (call->plans[j].narrow)
			call->narrow_stride = narrow_stride(call->n_in);
		add_format(call, call->plans[j].panel);
		shares_begin(work->shares[j], (size_t)tensor_rows(w),
		             SHARE_GRAIN);
	}
	threads_run(work->pool, share, call);
}

void linear_many(struct linear_work *work, const struct linear_job *jobs,
                 int n_jobs, const float *x, size_t x_stride, size_t rows,
                 bool exact)
{
	struct call call = { .work = work,
		             .jobs = jobs,
		             .n_jobs = n_jobs,
		             .x = x,
		             .x_stride = x_stride,
		             .rows = rows };

	run(&call, exact);
}

void linear(struct linear_work *work, const struct linear_job *job,
            const float *x, size_t x_stride, size_t rows, bool exact)
{
	linear_many(work, job, 1, x, x_stride, rows, exact);
}

void linear_swiglu(struct linear_work *work, const struct tensor *gate,
                   const struct tensor *up, float *y, size_t y_stride,
                   const float *x, size_t x_stride, size_t rows, bool exact)
{
	const struct linear_job jobs[] = {
		{ .w = gate }, { .w = up, .y = y, .y_stride = y_stride }
	};
	struct call call = { .work = work,
		             .jobs = jobs,
		             .n_jobs = 2,
		             .swiglu = true,
		             .x = x,
		             .x_stride = x_stride,
		             .rows = rows };

	assert(tensor_rows(gate) == tensor_rows(up));
	run(&call, exact);
}

void linear_row(const struct tensor *w, int64_t row, float *dst)
{
	assert(row >= 0 && row < tensor_rows(w));
	widen_row(kernels_get(), w, (size_t)row, dst);
}
