#include "ui/cells/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui/cells/markdown.h"

void document_free(struct document *d)
{
	document_clear(d);
	*d = (struct document){ 0 };
}

void document_clear(struct document *d)
{
	for (size_t i = 0; i < d->n_laid; i++)
		lines_free(&d->laid[i].lines);
	free(d->laid);
	d->laid = NULL;
	d->n_laid = 0;
	blocks_free(&d->blocks);
}

static void forget_layout(struct document *d)
{
	for (size_t i = 0; i < d->n_laid; i++) {
		lines_free(&d->laid[i].lines);
		d->laid[i].laid = false;
	}
}

void document_set(struct document *d, bool markdown, int width, int first_code,
                  struct style s)
{
	if (d->markdown == markdown && d->width == width &&
	    d->first_code == first_code && !memcmp(&d->style, &s, sizeof s))
		return;
	forget_layout(d);
	d->markdown = markdown;
	d->width = width;
	d->first_code = first_code;
	d->style = s;
}

void document_update(struct document *d, const char *text, size_t len)
{
	size_t n;

	blocks_update(&d->blocks, text, len);
	n = d->blocks.n;
	if (n <= d->n_laid)
		return;
	d->laid = mem_realloc(d->laid, n, sizeof *d->laid);
	for (size_t i = d->n_laid; i < n; i++)
		d->laid[i] = (struct document_block){ .lines = LINES_INIT };
	d->n_laid = n;
}

size_t document_n_blocks(const struct document *d)
{
	return d->blocks.n;
}

int document_n_codes(const struct document *d)
{
	const struct block *last;

	if (!d->blocks.n)
		return 0;
	last = &d->blocks.list[d->blocks.n - 1];
	return last->first_code + last->n_codes;
}

static void lay_out_text(const struct document *d, const char *text,
                         size_t begin, size_t end, struct lines *out)
{
	struct wrap w;

	wrap_start(&w, out, d->width);
	wrap_plain(&w, text + begin, end - begin, (uint32_t)begin, d->style);
	wrap_finish(&w);
}

static void lay_out_plain(struct document *d, const char *text,
                          const struct block *block, struct lines *out)
{
	size_t end = block->end;

	/* The newline between two blocks ends a line, it does not begin one. */
	if (block != &d->blocks.list[d->blocks.n - 1] && end > block->begin &&
	    text[end - 1] == '\n')
		end--;
	lay_out_text(d, text, block->begin, end, out);
}

/* Where its text ends, but for blanks. */
static size_t text_end(const char *text, const struct block *block)
{
	size_t end = block->end;

	while (end > block->begin && strchr(" \t\r\n", text[end - 1]))
		end--;
	return end;
}

static void lay_out_markdown(struct document *d, const char *text, size_t i,
                             struct lines *out)
{
	const struct block *block = &d->blocks.list[i];
	size_t before, end = text_end(text, block);
	int first = 0;

	if (i && !block->glued) {
		struct wrap w;

		wrap_start(&w, out, d->width);
		wrap_line(&w);
		wrap_finish(&w);
	}
	if (d->first_code)
		first = d->first_code + block->first_code;
	before = out->n;
	markdown_layout(out, text, block, d->width, first);
	if (out->n == before && end > block->begin) /* definitions of links */
		lay_out_text(d, text, block->begin, end, out);
	else if (out->n == before) /* nothing but blanks so far */
		lines_free(out);
}

const struct lines *document_block(struct document *d, const char *text,
                                   size_t i)
{
	const struct block *block = &d->blocks.list[i];
	struct document_block *laid = &d->laid[i];

	if (laid->laid && laid->begin == block->begin && laid->end == block->end)
		return &laid->lines;
	lines_free(&laid->lines);
	if (d->markdown)
		lay_out_markdown(d, text, i, &laid->lines);
	else
		lay_out_plain(d, text, block, &laid->lines);
	laid->begin = block->begin;
	laid->end = block->end;
	laid->laid = true;
	return &laid->lines;
}

size_t document_find(const struct document *d, size_t source)
{
	size_t low = 0, high = d->blocks.n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (d->blocks.list[middle].begin <= source)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void fence_language(struct strbuf *out, const char *line, size_t len)
{
	const char *end = line + len;

	while (line < end && (*line == '`' || *line == '~' || *line == ' '))
		line++;
	while (line < end && *line != ' ' && *line != '\n' && *line != '\r')
		strbuf_add_char(out, *line++);
}

static size_t fence_length(const char *line, size_t len, char c)
{
	size_t n = 0;

	while (n < len && line[n] == c)
		n++;
	return n;
}

/* The code of a block that begins with its fence, byte for byte: Markdown
 * would make spaces of tabs.  -1: it begins with something else. */
static int exact_code(const char *text, size_t len, struct strbuf *out,
                      struct strbuf *language)
{
	const char *first, *last;
	size_t fence;
	char c;

	while (len && (*text == '\n' || *text == '\r'))
		text++, len--;
	c = len ? *text : '\0';
	fence = fence_length(text, len, c);
	if ((c != '`' && c != '~') || fence < 3)
		return -1;
	if (language)
		fence_language(language, text, len);
	first = memchr(text, '\n', len);
	if (!first++)
		return 0;
	len -= (size_t)(first - text);
	last = memrchr(first, '\n', len ? len - 1 : 0);
	last = last ? last + 1 : first;
	if (fence_length(last, len - (size_t)(last - first), c) >= fence)
		len = (size_t)(last - first);
	strbuf_add(out, first, len);
	return 0;
}

int document_code(const struct document *d, const char *text, int index,
                  struct strbuf *out, struct strbuf *language)
{
	for (size_t i = 0; i < d->blocks.n; i++) {
		struct block block = d->blocks.list[i];

		if (index < block.first_code ||
		    index >= block.first_code + block.n_codes)
			continue;
		/* A long fence goes on in the blocks glued to it. */
		for (size_t k = i + 1; k < d->blocks.n; k++) {
			const struct block *next = &d->blocks.list[k];

			if (!next->glued || next->fence_end <= next->fence_begin)
				break;
			block.end = next->end;
		}
		if (!exact_code(text + block.begin, block.end - block.begin, out,
		                language))
			return 0;
		return markdown_code(out, language, text, &block,
		                     index - block.first_code);
	}
	return -1;
}
