/*
 * packed_bf16.h - the records of packed bf16: 256 elements of 16 rows
 *
 * For packed.c alone; struct packed_bf16 is in packed.h.
 */
#ifndef CONFAB_PACKED_BF16_H
#define CONFAB_PACKED_BF16_H

#include <stdbool.h>
#include <stddef.h>

/* Row r's elements are at rows + r * stride.  Whether one table leaves no more rare
 * ones than a record can list. */
bool packed_bf16_can_say(const char *rows, size_t stride);

/* Makes a struct packed_bf16 of rows that it can say. */
void packed_bf16_deal(void *record, const char *rows, size_t stride);

/* plain: [PACKED_BF16_N] bf16 of row r again. */
void packed_bf16_collect(void *plain, const void *record, int r);

#endif
