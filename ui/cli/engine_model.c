#include "ui/cli/engine_model.h"

#include <stdlib.h>

#include "base/paths.h"
#include "engine/engine.h"
#include "ui/cli/options.h"

uint64_t engine_model_load(struct engine *engine, const struct options *o,
                           const char *path, size_t context)
{
	char *cache_dir = paths_user(PATHS_CACHE, NULL);
	uint64_t request;

	request = engine_load(engine, &(struct engine_load){
					      .path = path,
					      .cache_dir = cache_dir,
					      .quant = o->quant,
					      .kv_type = o->kv_type,
					      .context = context,
					      .kv_memory = o->kv_memory,
					      .threads = o->threads,
					      .exact = o->exact,
					      .speculate = !o->no_speculation,
					      .warm = true,
				      });
	free(cache_dir);
	return request;
}
