#include "math/quant_k.h"

#include "math/half.h"
#include "math/quant_blocks.h"

void quant_k_q2_k(const void *src, float *dst, int64_t n)
{
	const struct quant_q2_k *x = src;

	for (; n > 0; n -= QUANT_SUPER, dst += QUANT_SUPER, x++) {
		float d = half_from_f16(x->d), dmin = half_from_f16(x->dmin);

		for (int i = 0; i < QUANT_SUPER; i++) {
			int half = i / 128, s = i / 32 % 4, l = i % 32;
			int scale = x->scales[i / 16];
			int q = x->qs[32 * half + l] >> 2 * s & 3;

			dst[i] = d * (float)(scale & 15) * (float)q -
			         dmin * (float)(scale >> 4);
		}
	}
}

void quant_k_q3_k(const void *src, float *dst, int64_t n)
{
	const struct quant_q3_k *x = src;

	for (; n > 0; n -= QUANT_SUPER, dst += QUANT_SUPER, x++) {
		float d = half_from_f16(x->d);

		for (int i = 0; i < QUANT_SUPER; i++) {
			int half = i / 128, s = i / 32 % 4, l = i % 32;
			int scale = quant_q3_k_scale(x, i / 16) - 32;
			int q = (x->qs[32 * half + l] >> 2 * s & 3) |
			        (x->hmask[l] >> (4 * half + s) & 1) << 2;

			dst[i] = d * (float)scale * (float)(q - 4);
		}
	}
}

void quant_k_q4_k(const void *src, float *dst, int64_t n)
{
	const struct quant_q4_k *x = src;

	for (; n > 0; n -= QUANT_SUPER, dst += QUANT_SUPER, x++) {
		float d = half_from_f16(x->d), dmin = half_from_f16(x->dmin);

		for (int b = 0; b < 8; b++) {
			const uint8_t *qs = x->qs + 32 * (b / 2);
			int sc, mn;
			float scale, min;

			quant_scale_min(x->scales, b, &sc, &mn);
			scale = d * (float)sc;
			min = dmin * (float)mn;
			for (int l = 0; l < 32; l++) {
				int q = qs[l] >> 4 * (b % 2) & 15;

				dst[32 * b + l] = scale * (float)q - min;
			}
		}
	}
}

void quant_k_q5_k(const void *src, float *dst, int64_t n)
{
	const struct quant_q5_k *x = src;

	for (; n > 0; n -= QUANT_SUPER, dst += QUANT_SUPER, x++) {
		float d = half_from_f16(x->d), dmin = half_from_f16(x->dmin);

		for (int b = 0; b < 8; b++) {
			const uint8_t *qs = x->qs + 32 * (b / 2);
			int sc, mn;
			float scale, min;

			quant_scale_min(x->scales, b, &sc, &mn);
			scale = d * (float)sc;
			min = dmin * (float)mn;
			for (int l = 0; l < 32; l++) {
				int q = (qs[l] >> 4 * (b % 2) & 15) |
				        (x->qh[l] >> b & 1) << 4;

				dst[32 * b + l] = scale * (float)q - min;
			}
		}
	}
}

void quant_k_q6_k(const void *src, float *dst, int64_t n)
{
	const struct quant_q6_k *x = src;

	for (; n > 0; n -= QUANT_SUPER, dst += QUANT_SUPER, x++) {
		float d = half_from_f16(x->d);

		for (int i = 0; i < QUANT_SUPER; i++) {
			int half = i / 128, s = i / 32 % 4, l = i % 32;
			int low = x->ql[64 * half + 32 * (s % 2) + l];
			int high = x->qh[32 * half + l] >> 2 * s & 3;
			int q = (low >> 4 * (s / 2) & 15) | high << 4;

			dst[i] = d * (float)x->scales[i / 16] * (float)(q - 32);
		}
	}
}
