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

static void lay_out_plain(struct document *d, const char *text,
                          const struct block *block, struct lines *out)
{
	struct wrap w;
	size_t end = block->end;

	/* The newline between two blocks ends a line, it does not begin one. */
	if (block != &d->blocks.list[d->blocks.n - 1] && end > block->begin &&
	    text[end - 1] == '\n')
		end--;
	wrap_start(&w, out, d->width);
	wrap_plain(&w, text + block->begin, end - block->begin,
	           (uint32_t)block->begin, d->style);
	wrap_finish(&w);
}

static void lay_out_markdown(struct document *d, const char *text, size_t i,
                             struct lines *out)
{
	const struct block *block = &d->blocks.list[i];
	size_t before;
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
	if (out->n == before) /* nothing but blanks so far */
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
		return markdown_code(out, language, text, &block,
		                     index - block.first_code);
	}
	return -1;
}
