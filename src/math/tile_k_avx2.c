/*
 * q4_k and q5_k (256 elements in sub-blocks with scales of their own) by 8-bit
 * activations.
 *
 * Four rows of weights at a time.  Their bytes are transposed within halves of a
 * vector, so that a lane has four elements of one row: dword j of 32 codes of each
 * row in the lower half, dword j + 4 in the upper one, which meet the same dwords
 * of the activations.  Then a factor is that of a lane's row, products are added up
 * in 16 bits, and nothing is done row by row.
 */
#include "math/tile.h"

#include <immintrin.h>

#include "math/codes_avx2.h"
#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tensor.h"
#include "math/transpose_avx2.h"

#define TILE_X 2
#define TILE_BLOCKS(b, d) \
	TILE_BLOCK(8, 1, b, d) \
	TILE_BLOCK(8, 2, b, d)

#include "math/tile_walk.h"

#define ROWS   8          /* of weights in a register block */
#define GROUPS (ROWS / 4) /* of four that are multiplied at a time */

INLINE size_t tile_width(const struct tile *t, enum dtype dtype)
{
	(void)t;
	(void)dtype;
	return ROWS;
}

/* By what sub-block v of each row is multiplied. */
struct factors {
	__m256 of[TILE_X][8];
};

/* The sums of the lanes of a group, and what the minima take off those of all
 * rows. */
struct sums {
	__m256 of[GROUPS][TILE_X];
	__m256 less[TILE_X];
};

INLINE __m256 broadcast(const float *f)
{
	return _mm256_broadcast_ss(f);
}

INLINE __m256i bits(__m256i v, int mask)
{
	return _mm256_and_si256(v, _mm256_set1_epi8((char)mask));
}

/* ---- factors, of all rows at once ---- */

/* Byte b of each dword as float. */
INLINE __m256 byte_of(__m256i v, int b)
{
	v = _mm256_and_si256(_mm256_srli_epi32(v, 8 * b),
	                     _mm256_set1_epi32(255));
	return _mm256_cvtepi32_ps(v);
}

/* The scales and minima as bytes, see quant_scale_min(). */
struct bytes {
	__m256i sc[2], mn[2];
};

INLINE struct bytes bytes_of(const __m256i head[4])
{
	__m256i a = head[1], b = head[2], c = head[3];
	struct bytes to;

	to.sc[0] = bits(a, 63);
	to.mn[0] = bits(b, 63);
	to.sc[1] = _mm256_or_si256(bits(c, 15),
	                           _mm256_srli_epi32(bits(a, 0xc0), 2));
	to.mn[1] = _mm256_or_si256(bits(_mm256_srli_epi32(c, 4), 15),
	                           _mm256_srli_epi32(bits(b, 0xc0), 2));
	return to;
}

/* The activations' scales times the sums of their codes, of 32 elements. */
INLINE __m256 scaled_sums(const struct quant_x *x)
{
	__m256i s =
		_mm256_madd_epi16(_mm256_load_si256((const __m256i *)x->sum),
	                          _mm256_set1_epi16(1));

	return _mm256_mul_ps(_mm256_load_ps(x->d), _mm256_cvtepi32_ps(s));
}

INLINE void find_factors(struct factors *f, struct sums *sums, int n_x,
                         const struct tile_rows *rows, size_t k, size_t at)
{
	_Alignas(32) float x_sums[TILE_X][8];
	struct bytes bytes;
	__m256i head[4];
	__m256 d, dmin;

	rows_of_4(rows->w, at, head);
	bytes = bytes_of(head);
	d = low_halves(head[0]);
	dmin = low_halves(_mm256_srli_epi32(head[0], 16));
	UNROLL
	for (int j = 0; j < n_x; j++)
		_mm256_store_ps(x_sums[j], scaled_sums(tile_x(rows, j, k)));
	UNROLL
	for (int v = 0; v < 8; v++) {
		__m256 sc = _mm256_mul_ps(d, byte_of(bytes.sc[v / 4], v % 4));
		__m256 mn =
			_mm256_mul_ps(dmin, byte_of(bytes.mn[v / 4], v % 4));

		UNROLL
		for (int j = 0; j < n_x; j++) {
			__m256 x = broadcast(&tile_x(rows, j, k)->d[v]);

			f->of[j][v] = _mm256_mul_ps(sc, x);
			sums->less[j] =
				_mm256_fmadd_ps(mn, broadcast(&x_sums[j][v]),
			                        sums->less[j]);
		}
	}
}

INLINE __m256 factor_at(const struct factors *f, int j, int v, int g)
{
	return _mm256_broadcast_ps((const __m128 *)&f->of[j][v] + g);
}

/* ---- products, of four rows ---- */

/* 32 bytes of four rows, transposed as is said above. */
INLINE void four_rows(__m256i to[4], const char *const row[4], size_t at)
{
	__m256i in[4];

	UNROLL
	for (int i = 0; i < 4; i++)
		in[i] = codes_load(row[i] + at);
	transpose4(in, to);
}

/* Adds vector v of the codes, in dwords j, by the activations'. */
INLINE void multiply_codes(__m256 sum[TILE_X], int n_x, int v, int g,
                           const __m256i code[4], const struct factors *f,
                           const struct tile_rows *rows, size_t k)
{
	UNROLL
	for (int j = 0; j < n_x; j++) {
		__m256i x = _mm256_load_si256(
			(const __m256i *)(tile_x(rows, j, k)->q + 32 * v));
		__m256i p0 =
			_mm256_maddubs_epi16(code[0],
		                             _mm256_shuffle_epi32(x, 0x00));
		__m256i p1 =
			_mm256_maddubs_epi16(code[1],
		                             _mm256_shuffle_epi32(x, 0x55));
		__m256i p2 =
			_mm256_maddubs_epi16(code[2],
		                             _mm256_shuffle_epi32(x, 0xaa));
		__m256i p3 =
			_mm256_maddubs_epi16(code[3],
		                             _mm256_shuffle_epi32(x, 0xff));

		/* Four of 31 * 2 * 127 fit 16 bits. */
		p0 = _mm256_add_epi16(_mm256_add_epi16(p0, p1),
		                      _mm256_add_epi16(p2, p3));
		p0 = _mm256_madd_epi16(p0, _mm256_set1_epi16(1));
		sum[j] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(p0),
		                         factor_at(f, j, v, g), sum[j]);
	}
}

/* Bits `mask` of v moved up by n, or down. */
INLINE __m256i moved(__m256i v, int n, int mask)
{
	return bits(codes_shift(v, n), mask);
}

/* Super-block k of rows 4 g to 4 g + 3. */
INLINE void multiply_group(__m256 sum[TILE_X], int n_x, enum dtype dtype, int g,
                           size_t at, const struct factors *f,
                           const struct tile_rows *rows, size_t k)
{
	const char *const *row = rows->w + 4 * g;
	const size_t qs = at + (dtype == DTYPE_Q4_K ? 16 : 48);
	__m256i fifth[4];

	if (dtype == DTYPE_Q5_K)
		four_rows(fifth, row, at + 16);
	UNROLL
	for (int p = 0; p < 4; p++) {
		__m256i both[4], code[4];

		four_rows(both, row, qs + 32 * (size_t)p);
		UNROLL
		for (int h = 0; h < 2; h++) {
			int v = 2 * p + h;

			UNROLL
			for (int j = 0; j < 4; j++) {
				code[j] = moved(both[j], -4 * h, 15);
				if (dtype == DTYPE_Q5_K)
					code[j] = _mm256_or_si256(
						code[j],
						moved(fifth[j], 4 - v, 16));
			}
			multiply_codes(sum, n_x, v, g, code, f, rows, k);
		}
	}
}

/* ---- a register block ---- */

INLINE void store(const struct sums *sums, int n_x, const struct tile *t,
                  const struct tile_rows *rows)
{
	UNROLL
	for (int j = 0; j < n_x; j++) {
		float *y = rows->y + (size_t)j * t->y_stride, s[ROWS];
		__m256 a = sums->of[0][j], b = sums->of[1][j];
		__m256 all = _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20),
		                           _mm256_permute2f128_ps(a, b, 0x31));

		_mm256_storeu_ps(s, _mm256_sub_ps(all, sums->less[j]));
		for (size_t i = 0; i < rows->n_w; i++)
			y[i] = (t->add ? y[i] : 0) + s[i];
	}
}

/* Factors are found a super-block ahead: that takes long, but then nobody waits
 * for them. */
INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t bytes = codes_bytes(dtype), n = t->n / QUANT_SUPER;
	struct sums sums = { 0 };
	struct factors f[2];

	find_factors(&f[0], &sums, n_x, rows, 0, 0);
	for (size_t k = 0; k < n; k++) {
		tile_prefetch_run(rows, (size_t)n_w, k * bytes, bytes);
		if (k + 1 < n)
			find_factors(&f[(k + 1) % 2], &sums, n_x, rows, k + 1,
			             (k + 1) * bytes);
		UNROLL
		for (int g = 0; g < GROUPS; g++)
			multiply_group(sums.of[g], n_x, dtype, g, k * bytes,
			               &f[k % 2], rows, k);
	}
	store(&sums, n_x, t, rows);
}

TILE_KERNEL(tile_int8_q4_k_avx2, block, DTYPE_Q4_K)
TILE_KERNEL(tile_int8_q5_k_avx2, block, DTYPE_Q5_K)
