#include "math/amx.h"

#include <stdint.h>

static _Thread_local size_t set_up_for; /* rows; 0: nothing */

/* What ldtilecfg reads. */
struct config {
	uint8_t palette, start_row, reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};

void amx_set_up(size_t rows)
{
	uint8_t first = rows < AMX_ROWS ? (uint8_t)rows : AMX_ROWS;
	uint8_t others = rows > AMX_ROWS ? (uint8_t)(rows - AMX_ROWS) : first;
	struct config config = {
		.palette = 1,
		.rows = { first, first, others, others, first, others, AMX_ROWS,
		          AMX_ROWS },
	};

	if (rows == set_up_for)
		return;
	for (int i = 0; i < 8; i++)
		config.row_bytes[i] = 64;
	__asm__ volatile("ldtilecfg %0" : : "m"(config));
	set_up_for = rows;
}

void amx_release(void)
{
	__asm__ volatile("tilerelease" : :);
	set_up_for = 0;
}
