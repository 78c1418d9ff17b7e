/*
 * kernels.h - the innermost loops, one set per kind of CPU
 *
 * Four sets do the same: scalar (portable C), avx2 (with FMA and F16C; and
 * AVX-VNNI where the CPU has it), avx512 (F, BW, VL, DQ, VNNI; and BF16 where the
 * CPU is fast at it) and amx (that with AMX's tiles of bf16).  The best one that the
 * CPU can run is chosen at run time; CONFAB_KERNELS=scalar|avx2|avx512|amx in the
 * environment overrides that, so that each can be tested on one machine.
 *
 * Pointers to float need the alignment of a float, pointers to 16-bit values
 * none.  Any n, 0 included.  Sums are accumulated in float32 in an order that
 * differs between sets.  What a sampler does to a whole row of logits is in
 * select.h.
 */
#ifndef CONFAB_KERNELS_H
#define CONFAB_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

struct attend;
struct error;
struct panel_kernels;
struct quant_x;
struct quantize_set;
struct select_ops;
struct tile;

struct kernels {
	const char *name; /* "scalar", "avx2", "avx512" or "amx" */
	bool vector;      /* not the portable set */

	/* Rows of 16-bit floats.  Narrowing rounds to nearest even. */
	void (*bf16_to_f32)(float *y, const void *x, size_t n);
	void (*f16_to_f32)(float *y, const void *x, size_t n);
	void (*f32_to_bf16)(void *y, const float *x, size_t n);
	void (*f32_to_f16)(void *y, const float *x, size_t n);
	/* Rows of block types, see widen.h; NULL: quant_dequantize_row() */
	void (*widen[DTYPE_COUNT])(float *y, const void *x, size_t n);
	/* quant_x.h: [n] as 8-bit integers, the same in every set */
	void (*quant_x)(struct quant_x *y, const float *x, size_t n);

	/* sum of a[i] b[i] */
	float (*dot)(const float *a, const float *b, size_t n);
	/* y[i] += a x[i] */
	void (*axpy)(float *y, float a, const float *x, size_t n);
	/* y[i] = a x[i] weight[i]; y may be x or weight */
	void (*scale_mul)(float *y, float a, const float *x,
	                  const float *weight, size_t n);
	/* y[i] = silu(gate[i]) up[i]; y may be gate or up */
	void (*silu_mul)(float *y, const float *gate, const float *up,
	                 size_t n);
	/* rope.h: rotates [2 half] by cos and sin [half] */
	void (*rotate)(float *head, const float *cos, const float *sin,
	               size_t half);

	/* The largest x[i]; -inf when n is 0.  NaN is passed over. */
	float (*max)(const float *x, size_t n);
	/* y[i] = e^(x[i] - max) for max >= every x[i]; returns their sum.  y
	 * may be x.  Accurate to 2 units in the last place; what lies below
	 * -87 may become 0. */
	float (*exp_sum)(float *y, const float *x, float max, size_t n);
	/* y[i] *= a */
	void (*scale)(float *y, float a, size_t n);
	/*
	 * Blocks of a matrix product, see tile.h.  The first three multiply
	 * float32 activations.  tile_bf16_narrow multiplies bf16 activations
	 * and bf16 weights; NULL where the CPU has no fast instruction for it.
	 */
	void (*tile_f32)(const struct tile *t);
	void (*tile_f16)(const struct tile *t);
	void (*tile_bf16)(const struct tile *t);
	void (*tile_bf16_narrow)(const struct tile *t);
	/* Block types by 8-bit activations; NULL where there is none. */
	void (*tile_int8[DTYPE_COUNT])(const struct tile *t);
	/* Packed types by float32 activations; NULL where there is none. */
	void (*tile_exact[DTYPE_COUNT])(const struct tile *t);
	/* Bytes, for the `ahead` of struct tile (tile.h). */
	size_t packed_ahead;
	/* Whether weights that few rows meet are best asked into the first cache
	 * (ask_for.h).  What else is best on a Zen 5 alone goes by it, too. */
	bool asks_near;
	/* Weights of many rows by integer activations, see panel.h; NULL where
	 * there are none.  Levelled are faster than coded where rows are many;
	 * wide are for 16-bit floats and for what coded does not take; narrow,
	 * of bf16, are faster than all of them. */
	const struct panel_kernels *panel_coded, *panel_levelled, *panel_wide,
		*panel_narrow;
	/* What else there is for such a CPU: attend.h, select.h, quantize_set.h. */
	const struct attend *attend;
	const struct select_ops *select;
	const struct quantize_set *quantize;
};

/* The set in use. */
const struct kernels *kernels_get(void);

/* A set by its name; NULL when there is none or this CPU cannot run it. */
const struct kernels *kernels_by_name(const char *name);

/* Fails when CONFAB_KERNELS names none that this CPU can run (kernels_get()
 * then uses the best one all the same). */
int kernels_check(struct error *err);

/* For tests: the set that kernels_get() returns from now on. */
void kernels_use(const struct kernels *set);

#endif
