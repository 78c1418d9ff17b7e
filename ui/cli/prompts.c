#include "ui/cli/prompts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "ui/cli/input.h"
#include "ui/cli/options.h"

/* The end of the last line is the file's, not the question's. */
static void drop_line_end(struct strbuf *text)
{
	if (text->len && text->bytes[text->len - 1] == '\n')
		strbuf_remove(text, text->len - 1, 1);
	if (text->len && text->bytes[text->len - 1] == '\r')
		strbuf_remove(text, text->len - 1, 1);
}

/* Conversations are text: what is not becomes U+FFFD here. */
static void add_text(struct strbuf *out, const char *bytes, size_t len)
{
	size_t run;

	for (; len; bytes += run, len -= run) {
		run = strnlen(bytes, len);
		utf8_repair(out, bytes, run);
		if (run < len) {
			strbuf_add_str(out, "\xef\xbf\xbd");
			run++;
		}
	}
}

int prompts_read(struct prompts *p, const struct options *o, struct error *err)
{
	struct strbuf input = STRBUF_INIT, *last;

	if (!input_is_terminal() && input_read_all(&input, err)) {
		strbuf_free(&input);
		return -1;
	}
	p->n = o->n_prompts ? o->n_prompts : 1;
	p->texts = mem_zalloc(p->n, sizeof *p->texts);
	for (size_t i = 0; i < p->n; i++) {
		p->texts[i] = (struct strbuf)STRBUF_INIT;
		if (i < o->n_prompts)
			add_text(&p->texts[i], o->prompts[i],
			         strlen(o->prompts[i]));
	}
	if (!o->raw || o->n_prompts)
		drop_line_end(&input);
	last = &p->texts[p->n - 1];
	if (input.len && last->len)
		strbuf_add_char(last, '\n');
	add_text(last, input.bytes, input.len);
	strbuf_free(&input);
	return 0;
}

void prompts_free(struct prompts *p)
{
	for (size_t i = 0; i < p->n; i++)
		strbuf_free(&p->texts[i]);
	free(p->texts);
	*p = (struct prompts){ 0 };
}
