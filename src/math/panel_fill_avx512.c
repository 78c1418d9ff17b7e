/* The bytes of 16 rows at a time. */
#include "math/panel.h"

#include <immintrin.h>

#define LANES 16

typedef __m512i vec;
typedef __m512 fvec;

#define v_load(p)     _mm512_loadu_si512(p)
#define v_store(p, v) _mm512_store_si512(p, v)
#define v_set1(u)     _mm512_set1_epi32((int)(u))
#define v_and(a, b)   _mm512_and_si512(a, b)
#define v_or(a, b)    _mm512_or_si512(a, b)
#define v_xor(a, b)   _mm512_xor_si512(a, b)
#define v_sub(a, b)   _mm512_sub_epi32(a, b)
#define v_mullo(a, b) _mm512_mullo_epi32(a, b)
#define v_srl(v, n)   _mm512_srli_epi32(v, (unsigned)(n))
#define v_sra(v, n)   _mm512_srai_epi32(v, (unsigned)(n))
#define v_sll(v, n)   _mm512_slli_epi32(v, (unsigned)(n))
#define v_int(v)      _mm512_cvtepi32_ps(v)
#define v_half(v)     lower_halves(v)
#define v_level(v)    _mm512_shuffle_epi8(levels(), v)
#define f_mul(a, b)   _mm512_mul_ps(a, b)
#define f_neg(a)      _mm512_sub_ps(_mm512_setzero_ps(), a)
#define f_halves(p)   _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(p)))
#define v_rows4       rows16_of_4
#define v_rows8       rows16_of_8
#define f_rows        rows16_of_half
#define f_load(p)     _mm512_loadu_ps(p)
#define f_store(p, v) _mm512_store_ps(p, v)

#include "math/quant_blocks.h"
#include "math/transpose_avx512.h"
#include "math/unroll.h"

INLINE vec levels(void)
{
	return _mm512_broadcast_i32x4(
		_mm_loadu_si128((const __m128i *)quant_iq4_values));
}

#include "math/panel_fill.h"
#include "math/panel_fill_packed.h"

INLINE __m512 coded_factor(const char *record, int i)
{
	return _mm512_load_ps(record + PANEL_CODES + 4 * PANEL_ROWS * i);
}

#include "math/panel_level_avx512.h"
#include "math/panel_fill_narrow_avx512.h"

void panel_fill_coded_avx512(char *panel, const struct panel_source *from)
{
	fill_coded(panel, from);
}

/* Another format of n coded records, of one group; gives where it ends. */
typedef char *from_coded_fn(char *to, const char *coded,
                            const struct panel_form *form, size_t n);

/* Sixteen rows of a source, of which eight records at a time are coded first. */
static void by_code(char *out, const struct panel_source *from, size_t o,
                    from_coded_fn *other)
{
	_Alignas(64) char coded[PANEL_LEVEL * PANEL_RECORD_MAX];
	const struct panel_form *form = panel_form(from->dtype);
	struct panel_source part = *from;
	size_t left = from->n / PANEL_BLOCK, bytes, n;

	dtype_row_bytes(from->dtype, PANEL_LEVEL * PANEL_BLOCK, &bytes);
	if (packed_is(from->dtype))
		bytes *= PACKED_ROWS;
	for (; left > 0; left -= n) {
		n = left < PANEL_LEVEL ? left : PANEL_LEVEL;
		part.n = n * PANEL_BLOCK;
		fill_lanes(coded, &part, o);
		out = other(out, coded, form, n);
		part.w += bytes;
	}
}

void panel_fill_levelled_avx512(char *panel, const struct panel_source *from)
{
	size_t group = panel_levelled_bytes(from->dtype, from->n);

	for (size_t o = 0; o < from->n_w; o += PANEL_ROWS, panel += group)
		by_code(panel, from, o, level);
}

void panel_fill_narrow_avx512(char *panel, const struct panel_source *from)
{
	size_t group = panel_narrow_bytes(from->dtype, from->n);
	const char *row[PANEL_ROWS];

	for (size_t o = 0; o < from->n_w; o += PANEL_ROWS, panel += group) {
		if (panel_form(from->dtype)) {
			by_code(panel, from, o, narrow);
			continue;
		}
		if (from->dtype == DTYPE_BF16_X16) {
			narrow_packed_bf16(panel, from->w + o * from->stride,
			                   from->n);
			continue;
		}
		rows_of(row, from, o);
		narrow_float_rows(panel, row, from->n,
		                  from->dtype == DTYPE_F16);
	}
}
