/*
 * quant_blocks.h - how the quantized types lie in memory
 *
 * A row is cut into blocks of 32 elements (or 256, a "super-block"), and a
 * block is stored as small integers with the scales that turn them back into
 * numbers.  These are ggml's formats, as GGUF files hold them, so the layouts
 * are fixed by the files that exist.  Little endian throughout; a block may
 * begin at any address, hence the packing: read fields by name or copy them
 * out, never through a cast pointer.
 *
 * In the formulas i counts elements of the block, q(i) is the unsigned integer
 * stored for it.  "Halves" order, common to the 4-bit codes of 32 elements:
 * byte j holds element j in its low nibble and element j + 16 in its high one.
 *
 * Every product below is exact in float32 (11 bits of a half, at most 6 of a
 * scale and 7 of a code make 24), and where a minimum is subtracted only the
 * difference is rounded: a value is the correctly rounded value of its formula,
 * with or without fused multiply-add.
 */
#ifndef CONFAB_QUANT_BLOCKS_H
#define CONFAB_QUANT_BLOCKS_H

#include <stdint.h>

#include "math/tensor.h"

#define QUANT_PACKED __attribute__((packed))

#define QUANT_BLOCK 32  /* elements of a block */
#define QUANT_SUPER 256 /* elements of a super-block */

/* x = d q, q in [-128, 127] though quantizers keep to [-127, 127]. */
struct quant_q8_0 {
	uint16_t d; /* f16 */
	int8_t qs[32];
} QUANT_PACKED;

/* x = d (q - 8), q in [0, 15], halves order. */
struct quant_q4_0 {
	uint16_t d;
	uint8_t qs[16];
} QUANT_PACKED;

/* x = d q + m, q in [0, 15], halves order. */
struct quant_q4_1 {
	uint16_t d, m;
	uint8_t qs[16];
} QUANT_PACKED;

/* x = d (q - 16), q in [0, 31]: the low four bits in halves order, the fifth
 * bit of element i is bit i of the 32-bit number in qh. */
struct quant_q5_0 {
	uint16_t d;
	uint8_t qh[4];
	uint8_t qs[16];
} QUANT_PACKED;

/* x = d q + m, q in [0, 31], stored as in q5_0. */
struct quant_q5_1 {
	uint16_t d, m;
	uint8_t qh[4];
	uint8_t qs[16];
} QUANT_PACKED;

/*
 * The super-blocks.  The scales of their 16 sub-blocks of 16 elements (q2_k,
 * q3_k, q6_k) or 8 sub-blocks of 32 (q4_k, q5_k, iq4_xs) are small integers
 * themselves, times d of the whole.  b is the sub-block of element i.
 */

/* x = d sc(b) q - dmin mn(b), q in [0, 3].  scales[b] holds sc in its low and
 * mn in its high nibble.  Element i = 128 h + 32 s + l (h < 2, s < 4, l < 32)
 * is bits 2s and 2s + 1 of qs[32 h + l]. */
struct quant_q2_k {
	uint8_t scales[16];
	uint8_t qs[64];
	uint16_t d, dmin;
} QUANT_PACKED;

/* x = d (sc(b) - 32) (q - 4), q in [0, 7].  The low two bits of q lie as in
 * q2_k, its third bit is bit 4h + s of hmask[l].  sc, six bits: the low four
 * are the low (b < 8) or high nibble of scales[b % 8], the upper two are bits
 * 2 (b / 4) and up of scales[8 + b % 4]. */
struct quant_q3_k {
	uint8_t hmask[32];
	uint8_t qs[64];
	uint8_t scales[12];
	uint16_t d;
} QUANT_PACKED;

/* x = d sc(b) q - dmin mn(b), q in [0, 15].  Element i = 64 g + 32 s + l
 * (g < 4, s < 2, l < 32) is nibble s of qs[32 g + l], so b = 2 g + s.  Scales
 * and minima of six bits each: see quant_scale_min(). */
struct quant_q4_k {
	uint16_t d, dmin;
	uint8_t scales[12];
	uint8_t qs[128];
} QUANT_PACKED;

/* As q4_k with q in [0, 31]: the fifth bit of element i is bit b of qh[l]. */
struct quant_q5_k {
	uint16_t d, dmin;
	uint8_t scales[12];
	uint8_t qh[32];
	uint8_t qs[128];
} QUANT_PACKED;

/* x = d scales[b] (q - 32), q in [0, 63].  For element i = 128 h + 32 s + l:
 * the low four bits of q are nibble s / 2 of ql[64 h + 32 (s % 2) + l], the
 * upper two are bits 2s and 2s + 1 of qh[32 h + l]. */
struct quant_q6_k {
	uint8_t ql[128];
	uint8_t qh[64];
	int8_t scales[16];
	uint16_t d;
} QUANT_PACKED;

/* x = d quant_iq4_values[q], q in [0, 15], halves order. */
struct quant_iq4_nl {
	uint16_t d;
	uint8_t qs[16];
} QUANT_PACKED;

/* x = d (sc(b) - 32) quant_iq4_values[q]; sub-block b is qs[16 b .. 16 b + 15]
 * in halves order.  sc, six bits: the low four are nibble b % 2 of
 * scales_l[b / 2], the upper two are bits 2b and 2b + 1 of scales_h. */
struct quant_iq4_xs {
	uint16_t d, scales_h;
	uint8_t scales_l[4];
	uint8_t qs[128];
} QUANT_PACKED;

_Static_assert(sizeof(struct quant_q8_0) == 34, "q8_0");
_Static_assert(sizeof(struct quant_q4_0) == 18, "q4_0");
_Static_assert(sizeof(struct quant_q4_1) == 20, "q4_1");
_Static_assert(sizeof(struct quant_q5_0) == 22, "q5_0");
_Static_assert(sizeof(struct quant_q5_1) == 24, "q5_1");
_Static_assert(sizeof(struct quant_q2_k) == 84, "q2_k");
_Static_assert(sizeof(struct quant_q3_k) == 110, "q3_k");
_Static_assert(sizeof(struct quant_q4_k) == 144, "q4_k");
_Static_assert(sizeof(struct quant_q5_k) == 176, "q5_k");
_Static_assert(sizeof(struct quant_q6_k) == 210, "q6_k");
_Static_assert(sizeof(struct quant_iq4_nl) == 18, "iq4_nl");
_Static_assert(sizeof(struct quant_iq4_xs) == 136, "iq4_xs");

/* The 16 levels of the iq4 types: closer together near zero, as weights are. */
extern const int8_t quant_iq4_values[16];

/*
 * Scale and minimum of sub-block b of a q4_k or q5_k, from its 12 bytes:
 *
 *	bytes 0-3	sc(0..3) in the low six bits, the upper two of sc(4..7)
 *	bytes 4-7	mn(0..3) in the low six bits, the upper two of mn(4..7)
 *	bytes 8-11	the low four bits of sc(4..7), and of mn(4..7) above
 */
static inline void quant_scale_min(const uint8_t *scales, int b, int *sc,
                                   int *mn)
{
	if (b < 4) {
		*sc = scales[b] & 63;
		*mn = scales[b + 4] & 63;
	} else {
		*sc = (scales[b + 4] & 15) | scales[b - 4] >> 6 << 4;
		*mn = scales[b + 4] >> 4 | scales[b] >> 6 << 4;
	}
}

/* sc(b), 0..63, of a q3_k and of an iq4_xs. */
static inline int quant_q3_k_scale(const struct quant_q3_k *x, int b)
{
	int low = b < 8 ? x->scales[b] & 15 : x->scales[b - 8] >> 4;

	return low | (x->scales[8 + b % 4] >> 2 * (b / 4) & 3) << 4;
}

static inline int quant_iq4_xs_scale(const struct quant_iq4_xs *x, int b)
{
	int low = x->scales_l[b / 2] >> 4 * (b % 2) & 15;

	return low | (x->scales_h >> 2 * b & 3) << 4;
}

#endif
