#include "ui/cells/markdown.h"

#include <ctype.h>
#include <md4c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ui/cells/blocks.h"
#include "ui/cells/entity.h"
#include "ui/cells/markdown_input.h"
#include "ui/cells/markdown_table.h"
#include "ui/cells/syntax.h"
#include "ui/cells/width.h"
#include "ui/cells/wrap.h"

#define DEEPEST 24 /* quotes and lists inside each other that are drawn */

/* A quote or a list item: what it puts before lines. */
struct container {
	char first[24], rest[24];
	struct style style;
	bool used;        /* the first line is out */
	bool tight;       /* of a list: no blank lines between its items */
	bool ordered;
	unsigned number;  /* of the next item */
	bool is_list;     /* itself draws nothing; its items do */
};

struct render {
	struct wrap wrap;
	struct lines *out;
	const char *input;   /* what md4c reads */
	size_t input_len;
	size_t skip;         /* bytes of it that are not in the source */
	size_t base;         /* source offset of input[skip] */
	struct container containers[DEEPEST];
	int depth;           /* may be more than DEEPEST */
	bool gap;            /* a blank line is due before the next line */
	struct style style;  /* of text */
	int strong, em, del, link;
	struct strbuf link_text;
	int next_code;       /* number of the next code block, 0: none */
	bool in_code;
	const struct syntax *syntax;
	int syntax_state;
	struct strbuf code;  /* the open line of code */
	uint32_t code_source;
	struct table table;
	bool in_table;
};

/* ---- lines and what stands before them ---- */

static bool drawn(const struct render *r, int i)
{
	return i < DEEPEST && !r->containers[i].is_list;
}

static void set_prefixes(struct render *r)
{
	wrap_prefix_clear(&r->wrap);
	for (int i = 0; i < r->depth && i < DEEPEST; i++) {
		struct container *c = &r->containers[i];

		if (!drawn(r, i))
			continue;
		wrap_prefix_first(&r->wrap, c->used ? c->rest : c->first,
		                  c->style);
		wrap_prefix_rest(&r->wrap, c->rest, c->style);
		c->used = true;
	}
}

/* A blank line, with the bars of the quotes it is in. */
static void blank_line(struct render *r)
{
	wrap_prefix_clear(&r->wrap);
	for (int i = 0; i < r->depth && i < DEEPEST; i++)
		if (drawn(r, i) && r->containers[i].used)
			wrap_prefix_first(&r->wrap, r->containers[i].rest,
			                  r->containers[i].style);
	wrap_blank(&r->wrap);
}

static void before_line(struct render *r)
{
	if (r->gap && r->out->n)
		blank_line(r);
	r->gap = false;
}

static void end_line(struct render *r)
{
	before_line(r);
	set_prefixes(r);
	wrap_line(&r->wrap);
}

static void flush(struct render *r)
{
	if (r->wrap.n_pending)
		end_line(r);
}

static uint32_t source_of(const struct render *r, const char *p)
{
	if (p < r->input + r->skip || p >= r->input + r->input_len)
		return SOURCE_NONE;
	return (uint32_t)(r->base + (size_t)(p - r->input) - r->skip);
}

static void add(struct render *r, const char *text, size_t len)
{
	struct style s = r->style;

	s.attrs |= (uint8_t)((r->strong ? STYLE_BOLD : 0) |
	                     (r->em ? STYLE_ITALIC : 0) |
	                     (r->del ? STYLE_STRIKE : 0) |
	                     (r->link ? STYLE_UNDERLINE : 0));
	if (r->link)
		s.role = STYLE_LINK;
	wrap_add(&r->wrap, text, len, source_of(r, text), s);
	if (r->link)
		strbuf_add(&r->link_text, text, len);
}

static void add_decoration(struct render *r, const char *text,
                           enum style_role role)
{
	wrap_add(&r->wrap, text, strlen(text), SOURCE_NONE, style(role));
}

/* ---- containers ---- */

static struct container *push_container(struct render *r)
{
	struct container *c;

	flush(r);
	if (r->depth++ >= DEEPEST)
		return NULL;
	c = &r->containers[r->depth - 1];
	*c = (struct container){ .style = style(STYLE_BULLET) };
	return c;
}

static void pop_container(struct render *r)
{
	flush(r);
	/* An empty list item still shows its bullet. */
	if (r->depth <= DEEPEST && drawn(r, r->depth - 1) &&
	    !r->containers[r->depth - 1].used)
		end_line(r);
	r->depth--;
}

static bool in_tight_list(const struct render *r)
{
	for (int i = (r->depth < DEEPEST ? r->depth : DEEPEST) - 1; i >= 0; i--)
		if (r->containers[i].is_list)
			return r->containers[i].tight;
	return false;
}

static void enter_quote(struct render *r)
{
	struct container *c = push_container(r);

	if (!c)
		return;
	c->style = style(STYLE_QUOTE);
	strcpy(c->first, "│ ");
	strcpy(c->rest, "│ ");
}

static void enter_list(struct render *r, bool ordered, unsigned start,
                       bool tight)
{
	struct container *c = push_container(r);

	if (!c)
		return;
	c->is_list = true;
	c->ordered = ordered;
	c->number = start;
	c->tight = tight;
}

static void enter_item(struct render *r, const MD_BLOCK_LI_DETAIL *detail)
{
	struct container *c = push_container(r), *list;
	size_t n;

	if (!c)
		return;
	list = c - 1; /* md4c puts items in lists only */
	if (list->ordered)
		snprintf(c->first, sizeof c->first, "%u. ", list->number++);
	else
		strcpy(c->first, "• ");
	n = list->ordered ? strlen(c->first) : 2;
	memset(c->rest, ' ', n);
	if (detail->is_task)
		strcat(c->first, strchr("xX", detail->task_mark) ? "[x] " :
		                                                   "[ ] ");
}

/* ---- code ---- */

static void rule(struct render *r, int columns, enum style_role role)
{
	for (int i = 0; i < columns; i++)
		add_decoration(r, "─", role);
}

static int room(struct render *r)
{
	int columns = 0;

	for (int i = 0; i < r->depth && i < DEEPEST; i++)
		if (drawn(r, i))
			columns += text_width(r->containers[i].rest,
			                      strlen(r->containers[i].rest));
	return columns < r->wrap.width ? r->wrap.width - columns : 1;
}

/* "── python ── 2 ──": the language, and the number for /copy. */
static void code_label(struct render *r, const char *language, size_t len)
{
	rule(r, 2, STYLE_CODE_LABEL);
	if (len) {
		add_decoration(r, " ", STYLE_CODE_LABEL);
		wrap_add(&r->wrap, language, len, SOURCE_NONE,
		         style(STYLE_CODE_LABEL));
		add_decoration(r, " ──", STYLE_CODE_LABEL);
	}
	if (r->next_code) {
		char number[16];

		snprintf(number, sizeof number, " %d ──", r->next_code++);
		add_decoration(r, number, STYLE_CODE_LABEL);
	}
	end_line(r);
}

static void enter_code(struct render *r, const MD_BLOCK_CODE_DETAIL *detail)
{
	flush(r);
	r->syntax = syntax_find(detail->lang.text, detail->lang.size);
	if (!r->skip)
		code_label(r, detail->lang.text, detail->lang.size);
	r->in_code = true;
	r->syntax_state = 0;
	r->code_source = SOURCE_NONE;
	strbuf_clear(&r->code);
}

/* The open line of code, coloured. */
static void code_line(struct render *r)
{
	size_t pos = 0;

	while (pos < r->code.len) {
		enum style_role role;
		size_t n = syntax_next(r->syntax, &r->syntax_state,
		                       r->code.bytes, r->code.len, pos, &role);

		wrap_add(&r->wrap, r->code.bytes + pos, n,
		         r->code_source == SOURCE_NONE ?
		                 SOURCE_NONE :
		                 r->code_source + (uint32_t)pos,
		         style(role));
		pos += n;
	}
	r->wrap.verbatim = true;
	r->wrap.fill = STYLE_CODE;
	end_line(r);
	r->wrap.verbatim = false;
	r->wrap.fill = STYLE_TEXT;
	strbuf_clear(&r->code);
	r->code_source = SOURCE_NONE;
}

static void code_text(struct render *r, const char *text, size_t len)
{
	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t n = newline ? (size_t)(newline - text) : len;

		/* Indentation inside a list comes from md4c's own spaces. */
		if (r->code_source == SOURCE_NONE && n) {
			uint32_t source = source_of(r, text);

			if (source != SOURCE_NONE && source >= r->code.len)
				r->code_source = source - (uint32_t)r->code.len;
		}
		strbuf_add(&r->code, text, n);
		if (newline) {
			code_line(r);
			n++;
		}
		text += n;
		len -= n;
	}
}

static void leave_code(struct render *r)
{
	if (r->code.len)
		code_line(r);
	r->in_code = false;
}

/* ---- blocks ---- */

static void enter_heading(struct render *r, unsigned level)
{
	char marks[8] = "###### ";

	flush(r);
	r->style = style(STYLE_HEADING);
	r->strong++;
	add_decoration(r, marks + 6 - level, STYLE_DIM);
}

static void enter_table(struct render *r, const MD_BLOCK_TABLE_DETAIL *detail)
{
	flush(r);
	table_start(&r->table, (int)detail->col_count);
	r->in_table = true;
}

static void leave_table(struct render *r)
{
	before_line(r);
	set_prefixes(r);
	table_layout(&r->table, &r->wrap);
	table_free(&r->table);
	r->in_table = false;
}

static void leave_cell(struct render *r, const MD_BLOCK_TD_DETAIL *detail)
{
	table_add_cell(&r->table, &r->wrap,
	               detail->align == MD_ALIGN_RIGHT  ? TABLE_RIGHT :
	               detail->align == MD_ALIGN_CENTER ? TABLE_CENTRE :
	                                                  TABLE_LEFT);
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	switch (type) {
	case MD_BLOCK_QUOTE:
		enter_quote(r);
		break;
	case MD_BLOCK_UL:
		enter_list(r, false, 0,
		           ((MD_BLOCK_UL_DETAIL *)detail)->is_tight);
		break;
	case MD_BLOCK_OL:
		enter_list(r, true, ((MD_BLOCK_OL_DETAIL *)detail)->start,
		           ((MD_BLOCK_OL_DETAIL *)detail)->is_tight);
		break;
	case MD_BLOCK_LI:
		enter_item(r, detail);
		break;
	case MD_BLOCK_HR:
		rule(r, room(r) < 40 ? room(r) : 40, STYLE_RULE);
		break;
	case MD_BLOCK_H:
		enter_heading(r, ((MD_BLOCK_H_DETAIL *)detail)->level);
		break;
	case MD_BLOCK_CODE:
		enter_code(r, detail);
		break;
	case MD_BLOCK_TABLE:
		enter_table(r, detail);
		break;
	case MD_BLOCK_TH:
		r->strong++;
		break;
	default:
		break;
	}
	return 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	switch (type) {
	case MD_BLOCK_QUOTE:
	case MD_BLOCK_LI:
		pop_container(r);
		r->gap |= type == MD_BLOCK_QUOTE;
		break;
	case MD_BLOCK_UL:
	case MD_BLOCK_OL:
		pop_container(r);
		r->gap |= !in_tight_list(r);
		break;
	case MD_BLOCK_H:
		r->strong--;
		r->style = style(STYLE_TEXT);
		/* fall through */
	case MD_BLOCK_P:
	case MD_BLOCK_HR:
		flush(r);
		r->gap = true;
		break;
	case MD_BLOCK_CODE:
		leave_code(r);
		r->gap = true;
		break;
	case MD_BLOCK_TABLE:
		leave_table(r);
		r->gap = true;
		break;
	case MD_BLOCK_TH:
		r->strong--;
		/* fall through */
	case MD_BLOCK_TD:
		leave_cell(r, detail);
		break;
	default:
		break;
	}
	return 0;
}

/* ---- spans ---- */

static void leave_link(struct render *r, const MD_ATTRIBUTE *target)
{
	r->link--;
	if (target->size && (r->link_text.len != target->size ||
	                     memcmp(r->link_text.bytes, target->text,
	                            target->size))) {
		wrap_add(&r->wrap, " <", 2, SOURCE_NONE, style(STYLE_DIM));
		wrap_add(&r->wrap, target->text, target->size,
		         source_of(r, target->text), style(STYLE_DIM));
		wrap_add(&r->wrap, ">", 1, SOURCE_NONE, style(STYLE_DIM));
	}
	strbuf_clear(&r->link_text);
}

static int enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	(void)detail;
	switch (type) {
	case MD_SPAN_EM:
		r->em++;
		break;
	case MD_SPAN_STRONG:
		r->strong++;
		break;
	case MD_SPAN_DEL:
		r->del++;
		break;
	case MD_SPAN_CODE:
		r->style.role = STYLE_CODE;
		break;
	case MD_SPAN_IMG:
		add_decoration(r, "image: ", STYLE_DIM);
		/* fall through */
	case MD_SPAN_A:
		r->link++;
		break;
	default:
		break;
	}
	return 0;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	switch (type) {
	case MD_SPAN_EM:
		r->em--;
		break;
	case MD_SPAN_STRONG:
		r->strong--;
		break;
	case MD_SPAN_DEL:
		r->del--;
		break;
	case MD_SPAN_CODE:
		r->style.role = STYLE_TEXT;
		break;
	case MD_SPAN_IMG:
		leave_link(r, &((MD_SPAN_IMG_DETAIL *)detail)->src);
		break;
	case MD_SPAN_A:
		leave_link(r, &((MD_SPAN_A_DETAIL *)detail)->href);
		break;
	default:
		break;
	}
	return 0;
}

static void add_entity(struct render *r, const char *text, size_t len)
{
	char plain[ENTITY_BYTES];
	size_t n = entity_text(plain, text, len);

	if (n)
		wrap_add(&r->wrap, plain, n, SOURCE_NONE, r->style);
	else
		add(r, text, len);
}

static int text_event(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE len,
                      void *arg)
{
	struct render *r = arg;

	if (r->in_code)
		code_text(r, text, len);
	else if (type == MD_TEXT_ENTITY)
		add_entity(r, text, len);
	else if (type == MD_TEXT_NULLCHAR)
		wrap_add(&r->wrap, "\uFFFD", 3, SOURCE_NONE, r->style);
	else if (type != MD_TEXT_BR && type != MD_TEXT_SOFTBR)
		add(r, text, len);
	else if (r->in_table)
		wrap_add(&r->wrap, " ", 1, SOURCE_NONE, r->style);
	else
		end_line(r);
	return 0;
}

/* ---- the whole block ---- */

void markdown_layout(struct lines *out, const char *text,
                     const struct block *block, int width, int first_code)
{
	static const MD_PARSER parser = {
		.flags = MARKDOWN_FLAGS,
		.enter_block = enter_block,
		.leave_block = leave_block,
		.enter_span = enter_span,
		.leave_span = leave_span,
		.text = text_event,
	};
	struct strbuf input = STRBUF_INIT;
	struct render r = { .out = out,
		            .base = block->begin,
		            .next_code = first_code,
		            .link_text = STRBUF_INIT,
		            .code = STRBUF_INIT };

	r.skip = markdown_input(&input, text, block);
	r.input = input.bytes;
	r.input_len = input.len;
	wrap_start(&r.wrap, out, width);
	md_parse(input.bytes, (MD_SIZE)input.len, &parser, &r);
	table_free(&r.table);
	wrap_finish(&r.wrap);
	strbuf_free(&r.link_text);
	strbuf_free(&r.code);
	strbuf_free(&input);
}
