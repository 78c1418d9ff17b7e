/* The narrow products by AMX: a tile of query rows by 16 tokens, or of weights by
 * 16 elements, 32 products deep.  Pairs are laid out as a right factor is. */
#include "math/attend_avx512.h"

#include <string.h>

#include "math/amx.h"

#define DEPTH 32 /* products of an instruction */

void attend_pack_amx(uint16_t *k_pairs, uint16_t *v_pairs, const void *k,
                     const void *v, enum dtype dtype, int head_dim, int n)
{
	size_t done = (size_t)(n + 1) / 2 * 2;
	size_t end = (size_t)(n + DEPTH - 1) / DEPTH * DEPTH;

	attend_pack_avx512(k_pairs, v_pairs, k, v, dtype, head_dim, n);
	memset(v_pairs + done * (size_t)head_dim, 0,
	       (end - done) * (size_t)head_dim * sizeof *v_pairs);
}

/* c = c + a b or a b, tiles of c side by side. */
struct product {
	float *c;
	size_t c_stride; /* bytes */
	const uint16_t *a;
	size_t a_stride; /* bytes */
	const uint16_t *b;
	size_t b_stride; /* of a pair's row, bytes */
	size_t b_tile;   /* from a tile to the next, elements */
	size_t b_step;   /* from a depth to the next, elements */
	size_t depths;
	bool add;
};

/* A macro, as the instruction names the tile. */
#define BEGIN(tile) \
	do { \
		if (p->add) \
			AMX_LOAD(tile, p->c + 16 * (tile), p->c_stride); \
		else \
			AMX_ZERO(tile); \
	} while (0)

#define END(tile) AMX_STORE(tile, p->c + 16 * (tile), p->c_stride)

/* Four tiles, or one. */
INLINE void multiply(const struct product *p, bool four)
{
	const uint16_t *a = p->a, *b = p->b;

	BEGIN(0);
	if (four) {
		BEGIN(1);
		BEGIN(2);
		BEGIN(3);
	}
	for (size_t i = 0; i < p->depths; i++) {
		AMX_LOAD(4, a, p->a_stride);
		AMX_LOAD(6, b, p->b_stride);
		AMX_MULTIPLY(0, 4, 6);
		if (four) {
			AMX_LOAD(7, b + p->b_tile, p->b_stride);
			AMX_MULTIPLY(1, 4, 7);
			AMX_LOAD(6, b + 2 * p->b_tile, p->b_stride);
			AMX_MULTIPLY(2, 4, 6);
			AMX_LOAD(7, b + 3 * p->b_tile, p->b_stride);
			AMX_MULTIPLY(3, 4, 7);
		}
		a += DEPTH;
		b += p->b_step;
	}
	END(0);
	if (four) {
		END(1);
		END(2);
		END(3);
	}
}

/* n tiles. */
static void multiply_all(struct product p, int n)
{
	for (; n >= 4; n -= 4) {
		multiply(&p, true);
		p.c += 4 * 16;
		p.b += 4 * p.b_tile;
	}
	for (; n > 0; n--) {
		multiply(&p, false);
		p.c += 16;
		p.b += p.b_tile;
	}
}

void attend_scores_amx(float *s, const uint16_t *q, int rows,
                       const uint16_t *k_pairs, int head_dim, int groups)
{
	size_t dim = (size_t)head_dim;

	if (head_dim % DEPTH) {
		attend_scores_narrow_avx512(s, q, rows, k_pairs, head_dim,
		                            groups);
		return;
	}
	amx_set_up((size_t)rows);
	multiply_all(
		(struct product){
			.c = s,
			.c_stride = ATTEND_SPAN * sizeof *s,
			.a = q,
			.a_stride = dim * sizeof *q,
			.b = k_pairs,
			.b_stride = 2 * ATTEND_GROUP * sizeof *k_pairs,
			.b_tile = dim * ATTEND_GROUP,
			.b_step = DEPTH * ATTEND_GROUP,
			.depths = dim / DEPTH,
		},
		groups);
}

void attend_values_amx(float *acc, const uint16_t *p, const float *scale,
                       int rows, const uint16_t *v_pairs, int head_dim, int n)
{
	size_t dim = (size_t)head_dim;

	if (head_dim % 16) {
		attend_values_narrow_avx512(acc, p, scale, rows, v_pairs,
		                            head_dim, n);
		return;
	}
	for (int r = 0; r < rows; r++) {
		__m512 by = _mm512_set1_ps(scale[r]);
		float *row = acc + (size_t)r * dim;

		for (int d = 0; d < head_dim; d += 16)
			_mm512_storeu_ps(row + d,
			                 _mm512_mul_ps(by, _mm512_loadu_ps(row +
			                                                   d)));
	}
	amx_set_up((size_t)rows);
	multiply_all(
		(struct product){
			.c = acc,
			.c_stride = dim * sizeof *acc,
			.a = p,
			.a_stride = ATTEND_SPAN * sizeof *p,
			.b = v_pairs,
			.b_stride = 2 * dim * sizeof *v_pairs,
			.b_tile = 2 * 16,
			.b_step = DEPTH * dim,
			.depths = (size_t)(n + DEPTH - 1) / DEPTH,
			.add = true,
		},
		head_dim / 16);
}
