#include "ui/cells/markdown_input.h"

#include "base/strbuf.h"
#include "ui/cells/blocks.h"

size_t markdown_input(struct strbuf *input, const char *text,
                      const struct block *block)
{
	size_t skip = 0;

	if (block->fence_end > block->fence_begin) {
		const char *line = text + block->fence_begin;
		size_t len = block->fence_end - block->fence_begin;

		for (; len && (*line == ' ' || *line == '\t'); len--)
			line++;
		strbuf_add(input, line, len);
		skip = input->len;
	}
	strbuf_add(input, text + block->begin, block->end - block->begin);
	return skip;
}
