/*
 * attend_vector.h - how the vector sets turn a run-time count of rows and a
 * dtype into constants
 *
 * Included by the vector files of attend.h and attend_q8.h alone.  Their inner
 * product is inlined once for each number of rows, so that its sums stay in
 * registers.
 */
#ifndef CONFAB_ATTEND_VECTOR_H
#define CONFAB_ATTEND_VECTOR_H

#include <stddef.h>

#include "math/ask_for.h"
#include "math/attend.h"
#include "math/tensor.h"
#include "math/unroll.h"

/* Bytes of an element of a page. */
INLINE size_t attend_size_of(enum dtype dtype)
{
	return dtype == DTYPE_F32 ? 4 : 2;
}

/* Asks for a page's last bytes, as many as its scales take: what is asked for
 * along with codes ends that much too early.  ahead: the page, or NULL. */
INLINE void attend_ask_rest(const char *ahead, int head_dim)
{
	const int codes = head_dim * ATTEND_PAGE;
	const int scales = head_dim / ATTEND_Q8_BLOCK * ATTEND_PAGE * 2;

	for (int i = 0; ahead && i < scales; i += 64)
		ask_for(ahead + codes + i);
}

/* Lines that weights() asks for along with each row: reading nothing, it would leave
 * memory idle for a tenth of the time.  A Zen 5 decodes over a long cache 1.1 times as
 * fast with 24 as with none; 6 or 48 gain half of that, and all of them at once before the
 * rows a fifth. */
#define ATTEND_ASK_ROW 24

/* Row r's share of them.  ahead: a block of keys or values, or NULL. */
INLINE void attend_ask_row(const char *ahead, int r)
{
	if (!ahead)
		return;
	ahead += r * ATTEND_ASK_ROW * 64;
	UNROLL
	for (int i = 0; i < ATTEND_ASK_ROW; i++)
		ask_for(ahead + 64 * i);
}

/* Statement f(n, ...) with n = rows, 1..ATTEND_ROWS, as a constant. */
#define ATTEND_SWITCH(rows, f, ...) \
	switch (rows) { \
	case 1: \
		f(1, __VA_ARGS__); \
		break; \
	case 2: \
		f(2, __VA_ARGS__); \
		break; \
	case 3: \
		f(3, __VA_ARGS__); \
		break; \
	case 4: \
		f(4, __VA_ARGS__); \
		break; \
	case 5: \
		f(5, __VA_ARGS__); \
		break; \
	case 6: \
		f(6, __VA_ARGS__); \
		break; \
	}

/* Defines columns_any(p, dtype, rows, width) out of the includer's
 * columns(rows, dtype, p, width). */
#define ATTEND_COLUMNS_ANY \
	ATTEND_COLUMNS(f32, DTYPE_F32) \
	ATTEND_COLUMNS(f16, DTYPE_F16) \
	ATTEND_COLUMNS(bf16, DTYPE_BF16) \
	static void columns_any(struct product *p, enum dtype dtype, int rows, \
	                        int width) \
	{ \
		if (dtype == DTYPE_F16) \
			columns_f16(p, rows, width); \
		else if (dtype == DTYPE_BF16) \
			columns_bf16(p, rows, width); \
		else \
			columns_f32(p, rows, width); \
	}

#define ATTEND_COLUMNS(name, dtype) \
	static void columns_##name(struct product *p, int rows, int width) \
	{ \
		ATTEND_SWITCH(rows, columns, dtype, p, width) \
	}

#endif
