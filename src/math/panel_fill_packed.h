/*
 * panel_fill_packed.h - packed rows into a panel, and fill_coded() for any rows
 *
 * Included after panel_fill.h, by whose vectors it is written.  A packed group's
 * dwords lie as a panel wants them: nothing is transposed.
 */
#ifndef CONFAB_PANEL_FILL_PACKED_H
#define CONFAB_PANEL_FILL_PACKED_H

#include <stddef.h>
#include <stdint.h>

#include "math/packed.h"
#include "math/panel_fill.h"

/* Lanes [lane, lane + LANES) of a group; out as in struct fill. */
struct packed_fill {
	const char *group;
	int lane;
	char *out;
	size_t record, n_blocks;
};

INLINE vec lanes_at(const struct packed_fill *fill, const packed_dwords *at)
{
	return v_load((const uint32_t *)at + fill->lane);
}

INLINE fvec halves_at(const struct packed_fill *fill, const packed_halves *at)
{
	return f_halves((const uint16_t *)at + fill->lane);
}

static void fill_q8_0_x16(const struct packed_fill *fill)
{
	const struct packed_q8_0 *from = (const void *)fill->group;
	char *record = fill->out;

	for (size_t n = fill->n_blocks / 2; n > 0; n--, from++) {
		for (int b = 0; b < 2; b++, record += fill->record) {
			put_factor(record, 0, halves_at(fill, &from->d[b]));
			UNROLL
			for (int j = 0; j < 8; j++)
				put_codes(record, j,
				          lanes_at(fill, &from->qs[8 * b + j]));
		}
	}
}

static void fill_q4_0_x16(const struct packed_fill *fill)
{
	const struct packed_q4_0 *from = (const void *)fill->group;
	char *record = fill->out;

	for (size_t n = fill->n_blocks / 2; n > 0; n--, from++) {
		for (int b = 0; b < 2; b++, record += fill->record) {
			put_factor(record, 0, halves_at(fill, &from->d[b]));
			UNROLL
			for (int j = 0; j < 4; j++) {
				vec v = lanes_at(fill, &from->qs[4 * b + j]);

				put_codes(record, j, v_and(v, BYTES(15)));
				put_codes(record, j + 4,
				          v_and(v_srl(v, 4), BYTES(15)));
			}
		}
	}
}

static void fill_q4_k_x16(const struct packed_fill *fill)
{
	const struct packed_q4_k *from = (const void *)fill->group;
	char *record = fill->out;

	for (size_t n = fill->n_blocks / 8; n > 0; n--, from++) {
		const vec scales[3] = { lanes_at(fill, &from->scales[0]),
			                lanes_at(fill, &from->scales[1]),
			                lanes_at(fill, &from->scales[2]) };
		struct k_scales k =
			k_scales_of(halves_at(fill, &from->d),
		                    halves_at(fill, &from->dmin), scales);

		UNROLL
		for (int b = 0; b < 8; b++, record += fill->record) {
			put_k_scales(&k, record, b);
			UNROLL
			for (int j = 0; j < 8; j++) {
				vec v = lanes_at(fill,
				                 &from->qs[b / 2 * 8 + j]);

				put_codes(record, j,
				          v_and(v_srl(v, b % 2 * 4),
				                BYTES(15)));
			}
		}
	}
}

static void fill_q6_k_x16(const struct packed_fill *fill)
{
	const struct packed_q6_k *from = (const void *)fill->group;
	char *record = fill->out;

	for (size_t n = fill->n_blocks / 8; n > 0; n--, from++) {
		fvec d = f_load(from->d + fill->lane);

		UNROLL
		for (int b = 0; b < 8; b++, record += fill->record) {
			vec sc = lanes_at(fill, &from->scales[b / 2]);

			UNROLL
			for (int s = 0; s < 2; s++)
				put_factor(record, s,
				           f_mul(d, signed_byte_of(sc,
				                                   b % 2 * 2 +
				                                           s)));
			UNROLL
			for (int j = 0; j < 8; j++) {
				vec low =
					lanes_at(fill,
				                 &from->q[b / 4][j].low[b % 2]);
				vec high =
					lanes_at(fill, &from->q[b / 4][j].high);

				low = v_and(v_srl(low, b % 4 / 2 * 4),
				            BYTES(15));
				put_codes(record, j,
				          v_or(low, pair_as_high(high, b % 4)));
			}
		}
	}
}

static void (*const packed_fills[DTYPE_COUNT])(const struct packed_fill *) = {
	[DTYPE_Q8_0_X16] = fill_q8_0_x16,
	[DTYPE_Q4_0_X16] = fill_q4_0_x16,
	[DTYPE_Q4_K_X16] = fill_q4_k_x16,
	[DTYPE_Q6_K_X16] = fill_q6_k_x16,
};

static struct packed_fill packed_fill_of(const struct panel_source *from,
                                         size_t o)
{
	size_t lane = o % PANEL_ROWS;

	return (struct packed_fill){
		.group = from->w + (o - lane) * from->stride,
		.lane = (int)lane,
		.record = panel_form(from->dtype)->record,
		.n_blocks = from->n / PANEL_BLOCK,
	};
}

static void fill_packed_rows(char *out, const struct panel_source *from,
                             size_t o)
{
	struct packed_fill fill = packed_fill_of(from, o);

	fill.out = out;
	packed_fills[from->dtype](&fill);
}

static void fill_rows(char *out, const struct panel_source *from, size_t o)
{
	struct fill fill = fill_of(from, o);

	fill.out = out;
	fills[from->dtype](&fill);
}

/* Rows [o, o + LANES), of whichever kind. */
static void fill_lanes(char *out, const struct panel_source *from, size_t o)
{
	if (packed_is(from->dtype))
		fill_packed_rows(out, from, o);
	else
		fill_rows(out, from, o);
}

static void fill_coded(char *panel, const struct panel_source *from)
{
	size_t group = panel_coded_bytes(from->dtype, from->n);

	for (size_t o = 0; o < from->n_w; o += LANES)
		fill_lanes(panel + o / PANEL_ROWS * group + o % PANEL_ROWS * 4,
		           from, o);
}

#endif
