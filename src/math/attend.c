#include "math/attend.h"

#include "math/kernels.h"
#include "math/row_blocks.h"

const struct attend *attend_get(void)
{
	return kernels_get()->attend;
}

const struct attend *attend_by_name(const char *name)
{
	const struct kernels *set = kernels_by_name(name);

	return set ? set->attend : NULL;
}

size_t attend_wide_bytes(size_t head_dim)
{
	size_t channels = row_blocks(head_dim, ATTEND_GROUP) * ATTEND_GROUP;
	size_t pairs = ATTEND_PAGE * (head_dim + channels) * sizeof(int16_t);
	size_t scales = (ATTEND_PAGE + channels) * sizeof(float);

	return row_blocks(pairs + scales, 64) * 64;
}
