#include "math/attend.h"

#include "math/kernels.h"

const struct attend *attend_get(void)
{
	return kernels_get()->attend;
}

const struct attend *attend_by_name(const char *name)
{
	const struct kernels *set = kernels_by_name(name);

	return set ? set->attend : NULL;
}
