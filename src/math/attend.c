#include "math/attend.h"

#include <string.h>

#include "math/attend_set.h"
#include "math/kernels.h"

/* kernels.c knows which sets this CPU can run, and that a set with the narrow
 * tile or panel is one whose CPU multiplies bf16. */
static const struct attend *of_kernels(const struct kernels *set)
{
#ifdef __x86_64__
	if (set && set->avx512)
		return set->panel_narrow       ? &attend_avx512_amx
		       : set->tile_bf16_narrow ? &attend_avx512_bf16
		                               : &attend_avx512;
	if (set && strcmp(set->name, "avx2") == 0)
		return &attend_avx2;
#endif
	return set ? &attend_scalar : NULL;
}

const struct attend *attend_get(void)
{
	return of_kernels(kernels_get());
}

const struct attend *attend_by_name(const char *name)
{
	return of_kernels(kernels_by_name(name));
}
