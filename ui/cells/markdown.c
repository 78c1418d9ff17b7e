#include "ui/cells/markdown.h"

#include <md4c.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ui/cells/blocks.h"
#include "ui/cells/entity.h"
#include "ui/cells/markdown_input.h"
#include "ui/cells/markdown_page.h"
#include "ui/cells/markdown_table.h"
#include "ui/cells/syntax.h"
#include "ui/cells/wrap.h"

#define RULE_MAX 40 /* columns; a longer rule says no more */

struct render {
	struct page page;
	const char *input;   /* what md4c reads */
	size_t input_len;
	size_t skip;         /* bytes of it that are not in the source */
	size_t base;         /* source offset of input[skip] */
	struct style style;  /* of text */
	int strong, em, del, mono, link;
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

static uint32_t source_of(const struct render *r, const char *p)
{
	if (p < r->input + r->skip || p >= r->input + r->input_len)
		return SOURCE_NONE;
	return (uint32_t)(r->base + (size_t)(p - r->input) - r->skip);
}

static struct style style_here(const struct render *r)
{
	struct style s = r->style;

	s.attrs |= (uint8_t)((r->strong ? STYLE_BOLD : 0) |
	                     (r->em ? STYLE_ITALIC : 0) |
	                     (r->del ? STYLE_STRIKE : 0) |
	                     (r->link ? STYLE_UNDERLINE : 0));
	if (r->mono)
		s.role = STYLE_CODE;
	if (r->link)
		s.role = STYLE_LINK;
	return s;
}

static void add(struct render *r, const char *text, size_t len)
{
	wrap_add(&r->page.wrap, text, len, source_of(r, text), style_here(r));
	if (r->link)
		strbuf_add(&r->link_text, text, len);
}

/* ---- code ---- */

/* "── python ── 2 ──": the language, and the number for /copy. */
static void code_label(struct render *r, const char *language, size_t len)
{
	page_rule(&r->page, 2, STYLE_CODE_LABEL);
	if (len) {
		page_decorate(&r->page, " ", STYLE_CODE_LABEL);
		wrap_add(&r->page.wrap, language, len, SOURCE_NONE,
		         style(STYLE_CODE_LABEL));
		page_decorate(&r->page, " ──", STYLE_CODE_LABEL);
	}
	if (r->next_code) {
		char number[16];

		snprintf(number, sizeof number, " %d ──", r->next_code++);
		page_decorate(&r->page, number, STYLE_CODE_LABEL);
	}
	page_end_line(&r->page);
}

static void enter_code(struct render *r, const MD_BLOCK_CODE_DETAIL *detail)
{
	page_flush(&r->page);
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

		wrap_add(&r->page.wrap, r->code.bytes + pos, n,
		         r->code_source == SOURCE_NONE ?
		                 SOURCE_NONE :
		                 r->code_source + (uint32_t)pos,
		         style(role));
		pos += n;
	}
	r->page.wrap.verbatim = true;
	r->page.wrap.fill = STYLE_CODE;
	page_end_line(&r->page);
	r->page.wrap.verbatim = false;
	r->page.wrap.fill = STYLE_TEXT;
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

	page_flush(&r->page);
	r->style = style(STYLE_HEADING);
	r->strong++;
	page_decorate(&r->page, marks + 6 - level, STYLE_DIM);
}

static void enter_table(struct render *r, const MD_BLOCK_TABLE_DETAIL *detail)
{
	page_flush(&r->page);
	table_start(&r->table, (int)detail->col_count);
	r->in_table = true;
}

static void leave_table(struct render *r)
{
	page_begin_lines(&r->page);
	table_layout(&r->table, &r->page.wrap);
	table_free(&r->table);
	r->in_table = false;
}

static void leave_cell(struct render *r, const MD_BLOCK_TD_DETAIL *detail)
{
	table_add_cell(&r->table, &r->page.wrap,
	               detail->align == MD_ALIGN_RIGHT  ? TABLE_RIGHT :
	               detail->align == MD_ALIGN_CENTER ? TABLE_CENTRE :
	                                                  TABLE_LEFT);
}

static void enter_item(struct render *r, const MD_BLOCK_LI_DETAIL *detail)
{
	page_enter_item(&r->page, detail->is_task ? detail->task_mark : 0);
}

static void enter_rule(struct render *r)
{
	int room = page_room(&r->page);

	page_rule(&r->page, room < RULE_MAX ? room : RULE_MAX, STYLE_RULE);
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	switch (type) {
	case MD_BLOCK_QUOTE:
		page_enter_quote(&r->page);
		break;
	case MD_BLOCK_UL:
		page_enter_list(&r->page, false, 0,
		                ((MD_BLOCK_UL_DETAIL *)detail)->is_tight);
		break;
	case MD_BLOCK_OL:
		page_enter_list(&r->page, true,
		                ((MD_BLOCK_OL_DETAIL *)detail)->start,
		                ((MD_BLOCK_OL_DETAIL *)detail)->is_tight);
		break;
	case MD_BLOCK_LI:
		enter_item(r, detail);
		break;
	case MD_BLOCK_HR:
		enter_rule(r);
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
		page_leave(&r->page);
		r->page.gap |= type == MD_BLOCK_QUOTE;
		break;
	case MD_BLOCK_UL:
	case MD_BLOCK_OL:
		page_leave(&r->page);
		r->page.gap |= !page_in_tight_list(&r->page);
		break;
	case MD_BLOCK_H:
		r->strong--;
		r->style = style(STYLE_TEXT);
		/* fall through */
	case MD_BLOCK_P:
	case MD_BLOCK_HR:
		page_flush(&r->page);
		r->page.gap = true;
		break;
	case MD_BLOCK_CODE:
		leave_code(r);
		r->page.gap = true;
		break;
	case MD_BLOCK_TABLE:
		leave_table(r);
		r->page.gap = true;
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
		wrap_add(&r->page.wrap, " <", 2, SOURCE_NONE, style(STYLE_DIM));
		wrap_add(&r->page.wrap, target->text, target->size,
		         source_of(r, target->text), style(STYLE_DIM));
		wrap_add(&r->page.wrap, ">", 1, SOURCE_NONE, style(STYLE_DIM));
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
		r->mono++;
		break;
	case MD_SPAN_IMG:
		page_decorate(&r->page, "image: ", STYLE_DIM);
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
		r->mono--;
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

	if (!n) {
		add(r, text, len);
		return;
	}
	wrap_add(&r->page.wrap, plain, n, SOURCE_NONE, style_here(r));
	if (r->link) /* as a target spells it */
		strbuf_add(&r->link_text, text, len);
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
		wrap_add(&r->page.wrap, "\uFFFD", 3, SOURCE_NONE,
		         style_here(r));
	else if (type != MD_TEXT_BR && type != MD_TEXT_SOFTBR)
		add(r, text, len);
	else if (r->in_table)
		wrap_add(&r->page.wrap, " ", 1, SOURCE_NONE, r->style);
	else
		page_end_line(&r->page);
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
	struct render r = { .base = block->begin,
		            .next_code = first_code,
		            .link_text = STRBUF_INIT,
		            .code = STRBUF_INIT };

	r.skip = markdown_input(&input, text, block);
	r.input = input.bytes;
	r.input_len = input.len;
	page_start(&r.page, out, width);
	md_parse(input.bytes, (MD_SIZE)input.len, &parser, &r);
	table_free(&r.table);
	page_finish(&r.page);
	strbuf_free(&r.link_text);
	strbuf_free(&r.code);
	strbuf_free(&input);
}
