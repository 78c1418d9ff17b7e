/* The super-blocks (256 elements in sub-blocks with scales of their own) by
 * 8-bit activations: eight vectors of 32 codes, in the order of the elements. */
#include "math/tile.h"

#include <immintrin.h>
#include <string.h>

#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/tile_int8_avx2.h"

INLINE size_t block_bytes(enum dtype dtype)
{
	return dtype == DTYPE_Q4_K   ? sizeof(struct quant_q4_k)
	       : dtype == DTYPE_Q5_K ? sizeof(struct quant_q5_k)
	                             : sizeof(struct quant_q6_k);
}

INLINE __m256i load(const void *at)
{
	return _mm256_loadu_si256((const __m256i *)at);
}

/* Each byte's bits moved up, or down when n < 0; bits of a neighbour come
 * along. */
INLINE __m256i shift(__m256i v, int n)
{
	return n < 0 ? _mm256_srli_epi16(v, -n) : _mm256_slli_epi16(v, n);
}

/* The bits of v that are set in `mask`. */
INLINE __m256i only(__m256i v, int mask)
{
	return _mm256_and_si256(v, _mm256_set1_epi8((char)mask));
}

/* Elements 32 v to 32 v + 31 of a super-block. */
INLINE __m256i load_codes(enum dtype dtype, const char *w, int v)
{
	if (dtype == DTYPE_Q6_K) {
		const struct quant_q6_k *b = (const struct quant_q6_k *)w;
		int h = v / 4, s = v % 4;
		__m256i low = load(b->ql + 64 * h + 32 * (s % 2));
		__m256i high = load(b->qh + 32 * h);

		return _mm256_or_si256(only(shift(low, s / 2 * -4), 15),
		                       only(shift(high, 4 - 2 * s), 48));
	} else {
		const char *qs = w + (dtype == DTYPE_Q4_K ? 16 : 48);
		__m256i code = load(qs + v / 2 * 32);

		code = only(shift(code, v % 2 * -4), 15);
		if (dtype == DTYPE_Q4_K)
			return code;
		return _mm256_or_si256(code,
		                       only(shift(load(w + 16), 4 - v), 16));
	}
}

/* Of a super-block: factors of its sub-blocks of 32 (q4_k, q5_k: scale and min)
 * or of its 16 sub-blocks of 16 (q6_k: both in order). */
struct scales {
	__m256 a, b;
};

INLINE __m256 half(uint16_t h)
{
	return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(h)));
}

/* Eight bytes at a time; their layout: quant_scale_min(). */
INLINE struct scales scales_k(const char *w)
{
	const uint64_t six = 0x3f3f3f3f3f3f3f3f, four = 0x0f0f0f0f0f0f0f0f;
	const uint64_t two = 0x0303030303030303;
	uint64_t first;
	uint32_t last;
	uint16_t d[2];
	__m128i v;

	memcpy(d, w, 4);
	memcpy(&first, w + 4, 8);
	memcpy(&last, w + 12, 4);
	v = _mm_set_epi64x((long long)(((last | (uint64_t)last << 28) & four) |
	                               (first >> 6 & two) << 4),
	                   (long long)(first & six));
	v = _mm_shuffle_epi32(v, 0xd8); /* sc(0..7), mn(0..7) */
	return (struct scales){
		_mm256_mul_ps(half(d[0]),
		              _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v))),
		_mm256_mul_ps(half(d[1]),
		              _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(
				      _mm_unpackhi_epi64(v, v)))),
	};
}

INLINE struct scales scales_q6_k(const char *w)
{
	const struct quant_q6_k *b = (const struct quant_q6_k *)w;
	__m128i v = _mm_loadu_si128((const __m128i *)b->scales);
	__m256 d = half(b->d);

	return (struct scales){
		_mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v))),
		_mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(
					 _mm_unpackhi_epi64(v, v)))),
	};
}

/* By the scales of x.  In b for q4_k and q5_k: what the minima take off. */
INLINE struct scales scale_by(enum dtype dtype, struct scales w,
                              const struct quant_x *x)
{
	__m256 d = _mm256_load_ps(x->d);
	__m256i s;

	if (dtype == DTYPE_Q6_K) {
		const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
		const __m256i four = _mm256_set1_epi32(4);

		w.a = _mm256_mul_ps(w.a, _mm256_permutevar8x32_ps(d, twice));
		w.b = _mm256_mul_ps(w.b,
		                    _mm256_permutevar8x32_ps(
					    d, _mm256_add_epi32(twice, four)));
		return w;
	}
	s = _mm256_madd_epi16(_mm256_load_si256((const __m256i *)x->sum),
	                      _mm256_set1_epi16(1));
	w.a = _mm256_mul_ps(w.a, d);
	w.b = _mm256_mul_ps(w.b, _mm256_mul_ps(d, _mm256_cvtepi32_ps(s)));
	return w;
}

/* Vector v's factors. */
INLINE __m256 factor(enum dtype dtype, const struct scales *scales, int v)
{
	if (dtype == DTYPE_Q6_K) {
		__m256i at = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);

		at = _mm256_add_epi32(at, _mm256_set1_epi32(v % 4 * 2));
		return _mm256_permutevar8x32_ps(v < 4 ? scales->a : scales->b,
		                                at);
	}
	return _mm256_permutevar8x32_ps(scales->a, _mm256_set1_epi32(v));
}

INLINE const struct quant_x *place(const struct tile_rows *rows, int j,
                                   size_t k)
{
	return (const struct quant_x *)(rows->x + (size_t)j * rows->x_stride) +
	       k;
}

/* Super-block k of one weight row by n_x activation rows. */
INLINE void step_row(__m256 sum[TILE_X], int n_x, enum dtype dtype,
                     const char *w, const struct tile_rows *rows, size_t k)
{
	struct scales own = dtype == DTYPE_Q6_K ? scales_q6_k(w) : scales_k(w);
	struct scales scales[TILE_X];

	UNROLL
	for (int j = 0; j < n_x; j++) {
		scales[j] = scale_by(dtype, own, place(rows, j, k));
		if (dtype != DTYPE_Q6_K)
			sum[j] = _mm256_sub_ps(sum[j], scales[j].b);
	}
	UNROLL
	for (int v = 0; v < 8; v++) {
		__m256i code = load_codes(dtype, w, v);

		UNROLL
		for (int j = 0; j < n_x; j++) {
			__m256i x = _mm256_load_si256(
				(const __m256i *)(place(rows, j, k)->q +
			                          32 * v));

			sum[j] = _mm256_fmadd_ps(
				tile_dot(code, x, dtype == DTYPE_Q6_K ? 32 : 0),
				factor(dtype, &scales[j], v), sum[j]);
		}
	}
}

INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t bytes = block_bytes(dtype);
	__m256 sum[TILE_W][TILE_X];

	tile_clear(sum, n_w, n_x);
	for (size_t k = 0; k < t->n / QUANT_SUPER; k++) {
		tile_prefetch_run(rows, (size_t)n_w, k * bytes, bytes);
		UNROLL
		for (int i = 0; i < n_w; i++)
			step_row(sum[i], n_x, dtype, rows->w[i] + k * bytes,
			         rows, k);
	}
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL(tile_int8_q4_k_avx2, block, DTYPE_Q4_K)
TILE_KERNEL(tile_int8_q5_k_avx2, block, DTYPE_Q5_K)
TILE_KERNEL(tile_int8_q6_k_avx2, block, DTYPE_Q6_K)
