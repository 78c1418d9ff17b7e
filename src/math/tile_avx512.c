/* Weights widened in registers, float32 activations: float32-grade products at
 * the rate of vfmadd. */
#include "math/tile.h"

#include "math/tensor.h"
#include "math/tile_avx512.h"

/* 16 weights from element k on as float32; only those in mask are read. */
INLINE __m512 load_w(enum dtype dtype, const char *w, size_t k, __mmask16 mask)
{
	__m256i half;

	if (dtype == DTYPE_F32)
		return _mm512_maskz_loadu_ps(mask, w + 4 * k);
	half = _mm256_maskz_loadu_epi16(mask, w + 2 * k);
	if (dtype == DTYPE_F16)
		return _mm512_cvtph_ps(half);
	return _mm512_castsi512_ps(
		_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

INLINE void step(__m512 sum[TILE_W][TILE_X], int n_w, int n_x, enum dtype dtype,
                 const struct tile_rows *rows, size_t k, __mmask16 mask)
{
	__m512 x[TILE_X];

	UNROLL
	for (int j = 0; j < n_x; j++) {
		const char *at = rows->x + (size_t)j * rows->x_stride;

		x[j] = _mm512_maskz_loadu_ps(mask, at + 4 * k);
	}
	UNROLL
	for (int i = 0; i < n_w; i++) {
		__m512 w = load_w(dtype, rows->w[i], k, mask);

		UNROLL
		for (int j = 0; j < n_x; j++)
			sum[i][j] = _mm512_fmadd_ps(w, x[j], sum[i][j]);
	}
}

/* tile_prefetch() in part i of n of a line.  Where rows are fewer than TILE_W, they
 * are few enough to be asked for at once. */
INLINE void prefetch_part(const struct tile_rows *rows, int n_w, size_t offset,
                          size_t i, size_t n)
{
	if (n_w < TILE_W) {
		if (i == 0)
			tile_prefetch(rows, offset);
		return;
	}
	UNROLL
	for (size_t r = TILE_W * i / n; r < TILE_W * (i + 1) / n; r++)
		ask_for_soon(rows->w[r] + rows->ahead + offset);
}

/* n_w weight rows by n_x activation rows.  n_w, n_x and dtype are constants
 * where this is inlined. */
INLINE void block(int n_w, int n_x, enum dtype dtype, const struct tile *t,
                  const struct tile_rows *rows)
{
	const size_t size = dtype == DTYPE_F32 ? 4 : 2, line = 64 / size;
	__m512 sum[TILE_W][TILE_X];
	size_t k = 0;

	tile_clear(sum, n_w, n_x);
	for (; k + line <= t->n; k += line) {
		UNROLL
		for (size_t part = 0; part < line / 16; part++) {
			prefetch_part(rows, n_w, k * size, part, line / 16);
			step(sum, n_w, n_x, dtype, rows, k + 16 * part, 0xffff);
		}
	}
	for (; k + 16 <= t->n; k += 16)
		step(sum, n_w, n_x, dtype, rows, k, 0xffff);
	if (k < t->n)
		step(sum, n_w, n_x, dtype, rows, k,
		     (__mmask16)tile_lanes(t->n - k));
	tile_store(sum, n_w, n_x, t, rows);
}

TILE_KERNEL(tile_f32_avx512, block, DTYPE_F32)
TILE_KERNEL(tile_f16_avx512, block, DTYPE_F16)
TILE_KERNEL(tile_bf16_avx512, block, DTYPE_BF16)
