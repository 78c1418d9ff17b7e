/* Packed rows in the portable set: they are unpacked, a super-block at a time,
 * and multiplied as the plain type is. */
#include "math/packed.h"

#include "math/quant_blocks.h"
#include "math/quant_x.h"
#include "math/tile.h"

static void multiply(const struct tile *t, enum dtype dtype,
                     void (*plain)(const struct tile *t))
{
	char blocks[QUANT_SUPER / QUANT_BLOCK * sizeof(struct quant_q8_0)];
	struct tile one = *t;

	one.w = blocks;
	one.n_w = 1;
	for (size_t o = 0; o < t->n_w; o++) {
		one.y = t->y + o;
		for (size_t k = 0; k < t->n; k += QUANT_SUPER) {
			one.n = t->n - k < QUANT_SUPER ? t->n - k : QUANT_SUPER;
			one.x = (const struct quant_x *)t->x + k / QUANT_SUPER;
			one.add = t->add || k > 0;
			packed_row(dtype, t->w, (int64_t)t->n, (int64_t)o,
			           (int64_t)k, (int64_t)one.n, blocks);
			plain(&one);
		}
	}
}

#define KERNEL(name, dtype) \
	void tile_int8_##name##_x16_scalar(const struct tile *t) \
	{ \
		multiply(t, dtype, tile_int8_##name##_scalar); \
	}

KERNEL(q8_0, DTYPE_Q8_0_X16)
KERNEL(q4_0, DTYPE_Q4_0_X16)
KERNEL(q4_k, DTYPE_Q4_K_X16)
KERNEL(q6_k, DTYPE_Q6_K_X16)
