#include "ui/cells/markdown.h"

#include <stdbool.h>

#include "base/strbuf.h"
#include "ui/cells/blocks.h"
#include "ui/cells/markdown_input.h"

struct extract {
	struct strbuf *out, *language;
	int index; /* code blocks still to skip */
	bool inside, found;
};

static int extract_enter(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct extract *x = arg;
	const MD_BLOCK_CODE_DETAIL *code = detail;

	if (type != MD_BLOCK_CODE || x->index-- != 0)
		return 0;
	x->inside = x->found = true;
	if (x->language)
		strbuf_add(x->language, code->lang.text, code->lang.size);
	return 0;
}

static int extract_leave(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct extract *x = arg;

	(void)detail;
	if (type == MD_BLOCK_CODE)
		x->inside = false;
	return 0;
}

static int ignore_span(MD_SPANTYPE type, void *detail, void *arg)
{
	(void)type, (void)detail, (void)arg;
	return 0;
}

static int extract_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE len,
                        void *arg)
{
	struct extract *x = arg;

	(void)type;
	if (x->inside)
		strbuf_add(x->out, text, len);
	return 0;
}

int markdown_code(struct strbuf *out, struct strbuf *language, const char *text,
                  const struct block *block, int index)
{
	static const MD_PARSER parser = {
		.flags = MARKDOWN_FLAGS,
		.enter_block = extract_enter,
		.leave_block = extract_leave,
		.enter_span = ignore_span,
		.leave_span = ignore_span,
		.text = extract_text,
	};
	struct strbuf input = STRBUF_INIT;
	struct extract x = { .out = out, .language = language, .index = index };

	markdown_input(&input, text, block);
	md_parse(input.bytes, (MD_SIZE)input.len, &parser, &x);
	strbuf_free(&input);
	return x.found ? 0 : -1;
}
