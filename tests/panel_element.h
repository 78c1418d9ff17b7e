/*
 * panel_element.h - for tests: what a panel holds, by the layouts of panel.h
 */
#ifndef CONFAB_TESTS_PANEL_ELEMENT_H
#define CONFAB_TESTS_PANEL_ELEMENT_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "math/half.h"
#include "math/panel.h"
#include "math/row_blocks.h"

static inline bool panel_is_coded(const struct panel_kernels *k)
{
	return k->group == panel_coded_bytes;
}

static inline bool panel_is_levelled(const struct panel_kernels *k)
{
	return k->group == panel_levelled_bytes;
}

static inline bool panel_is_wide(const struct panel_kernels *k)
{
	return k->group == panel_wide_bytes;
}

static inline bool panel_is_narrow(const struct panel_kernels *k)
{
	return k->group == panel_narrow_bytes;
}

/* The weight is scale (code - offset) - min, or of a narrow record bf16. */
struct panel_element {
	int code, offset;
	float scale, min;
	float bf16;
	int sums; /* of a levelled record, as stored */
};

static inline struct panel_element panel_coded(const char *group,
                                               enum dtype dtype, size_t lane,
                                               size_t i)
{
	const struct panel_form *form = panel_form(dtype);
	const char *record = group + i / 32 * form->record;
	const float *factors = (const float *)(record + 512);
	size_t s = form->n_scales == 2 ? i % 32 / 16 : 0;
	struct panel_element e = { .offset = form->offset };

	e.code = (uint8_t)record[i % 32 / 4 * 64 + lane * 4 + i % 4];
	e.scale = factors[s * 16 + lane];
	if (form->n_mins)
		e.min = factors[((size_t)form->n_scales + s) * 16 + lane];
	return e;
}

static inline struct panel_element panel_levelled(const char *group,
                                                  enum dtype dtype, size_t n,
                                                  size_t lane, size_t i)
{
	size_t run = panel_form(dtype)->bits == 8 ? 1 : 8, blocks = n / 32;
	size_t first = i / 32 / run * run;
	size_t left = blocks - first < run ? blocks - first : run;
	const char *at = group + first * 576 + first / run * 64;
	const char *record = at + (i / 32 - first) * 576;
	struct panel_element e = { .min = 0 };

	e.code = (int8_t)record[i % 32 / 4 * 64 + lane * 4 + i % 4];
	e.sums = ((const int32_t *)(record + 512))[lane];
	e.scale = ((const float *)(at + left * 576))[lane];
	return e;
}

static inline struct panel_element panel_wide(const char *group, size_t n,
                                              size_t lane, size_t i)
{
	size_t first = i / 256 * 256, left = n - first < 256 ? n - first : 256;
	const char *record = group + first / 256 * (256 * 32 + 64);
	struct panel_element e = { .min = 0 };

	i -= first;
	e.code = ((const int16_t *)record)[i / 2 * 32 + lane * 2 + i % 2];
	e.scale = ((const float *)(record + (left + 15) / 16 * 16 * 32))[lane];
	return e;
}

static inline struct panel_element panel_narrow(const char *group, size_t lane,
                                                size_t i)
{
	const uint16_t *record = (const void *)(group + i / 32 * 1024);

	i %= 32;
	return (struct panel_element){
		.bf16 = half_from_bf16(record[i / 2 * 32 + lane * 2 + i % 2]),
	};
}

/* Row o, element i of a panel of rows of n. */
static inline struct panel_element panel_element(const struct panel_kernels *k,
                                                 const char *panel,
                                                 enum dtype dtype, size_t n,
                                                 size_t o, size_t i)
{
	const char *group = panel + o / 16 * k->group(dtype, n);

	if (panel_is_narrow(k))
		return panel_narrow(group, o % 16, i);
	if (panel_is_wide(k))
		return panel_wide(group, n, o % 16, i);
	return panel_is_levelled(k) ? panel_levelled(group, dtype, n, o % 16, i)
	                            : panel_coded(group, dtype, o % 16, i);
}

static inline float panel_value(struct panel_element e)
{
	return e.scale * (float)(e.code - e.offset) - e.min + e.bf16;
}

/* A row of activations as the format rounds it. */
static inline void panel_round_x(const struct panel_kernels *k, float *row,
                                 size_t n)
{
	size_t run = panel_is_wide(k) ? 256 : 32;
	float levels = panel_is_wide(k) ? 4095 : 127;

	for (size_t i = 0; panel_is_narrow(k) && i < n; i++)
		row[i] = half_from_bf16(half_to_bf16(row[i]));
	if (panel_is_narrow(k))
		return;
	for (size_t i = 0; i < n; i += run) {
		size_t end = i + run < n ? i + run : n;
		float top = 0;

		for (size_t j = i; j < end; j++)
			top = fmaxf(top, fabsf(row[j]));
		for (size_t j = i; j < end; j++)
			row[j] = top > 0 ? rintf(row[j] * (levels / top)) *
			                           (top / levels)
			                 : 0;
	}
}

/* Rows of activations in strips, for free(). */
static inline char *panel_strips(const struct panel_kernels *k, const float *x,
                                 size_t x_stride, size_t rows, size_t n)
{
	size_t bytes = k->x_bytes(n), r, end;
	char *strips = aligned_alloc(64, (rows * bytes + 63) / 64 * 64);

	for (size_t s = 0; s < row_blocks(rows, k->strip); s++) {
		row_block_at(rows, k->strip, s, &r, &end);
		k->x(strips + r * bytes, x + r * x_stride, x_stride, end - r,
		     n);
	}
	return strips;
}

#endif
