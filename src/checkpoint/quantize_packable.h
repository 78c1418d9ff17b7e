/*
 * quantize_packable.h - which tensors their packed type can say
 *
 * Whether it can say bf16 depends on the weights (packed_can_say()), and the head of a
 * GGUF has the types of all tensors: so those are looked at before anything is written.
 */
#ifndef CONFAB_QUANTIZE_PACKABLE_H
#define CONFAB_QUANTIZE_PACKABLE_H

#include <stdint.h>

struct quantize_plan;
struct quantize_rows;

/* Bytes of the sources that quantize_packable() is going to pass over. */
uint64_t quantize_packable_bytes(const struct quantize_plan *plan);

/* Gives tensors that cannot be said as they are planned their plain type.  As
 * quantize_rows_each(). */
int quantize_packable(struct quantize_plan *plan, struct quantize_rows *pass);

#endif
