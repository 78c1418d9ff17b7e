#include "text/tokenizer_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

void tokenizer_source_free(struct tokenizer_source *source)
{
	free(source->tokens);
	free(source->merges);
	free(source->added);
	free(source->strings);
	json_free(source->json);
	memset(source, 0, sizeof(*source));
}

void tokenizer_source_add_token(struct tokenizer_source *source,
                                struct source_text text, int64_t id)
{
	source->tokens =
		mem_grow(source->tokens, source->n_tokens,
	                 &source->tokens_capacity, sizeof(*source->tokens));
	source->tokens[source->n_tokens++] = (struct source_token){ text, id };
}

void tokenizer_source_add_merge(struct tokenizer_source *source,
                                struct source_text left,
                                struct source_text right)
{
	source->merges =
		mem_grow(source->merges, source->n_merges,
	                 &source->merges_capacity, sizeof(*source->merges));
	source->merges[source->n_merges++] =
		(struct source_merge){ left, right };
}

void tokenizer_source_add_added(struct tokenizer_source *source,
                                const struct source_added *added)
{
	source->added =
		mem_grow(source->added, source->n_added,
	                 &source->added_capacity, sizeof(*source->added));
	source->added[source->n_added++] = *added;
}
