/*
 * markdown_test.c - Markdown as lines; streamed equals at once
 */
#include "tests/support.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "ui/cells/document.h"
#include "ui/cells/syntax.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

__attribute__((constructor)) static void use_utf8(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* All lines, and whether each is a beginning or goes on, as one string. */
static char *rendered(struct document *d, const char *text)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < document_n_blocks(d); i++) {
		const struct lines *lines = document_block(d, text, i);

		for (size_t k = 0; k < lines->n; k++) {
			char *line = line_text(lines, k);

			strbuf_add_str(&out, line);
			strbuf_add_char(&out, '\n');
			free(line);
		}
	}
	return strbuf_take(&out);
}

static void renders_at(const char *text, int width, const char *expected)
{
	struct document d = { 0 };
	char *lines;

	document_set(&d, true, width, 1, style(STYLE_TEXT));
	document_update(&d, text, strlen(text));
	lines = rendered(&d, text);
	assert_string_equal(lines, expected);
	free(lines);
	document_free(&d);
}

static void renders(const char *text, const char *expected)
{
	renders_at(text, 40, expected);
}

static void paragraphs_keep_their_line_breaks(void **state)
{
	(void)state;
	renders("one\ntwo\n\nthree", "one\ntwo\n\nthree\n");
}

static void emphasis_loses_its_marks(void **state)
{
	(void)state;
	renders("a **b** *c* `d` ~~e~~", "a b c d e\n");
}

static void headings_keep_theirs(void **state)
{
	(void)state;
	renders("# One\ntext\n### Three", "# One\n\ntext\n\n### Three\n");
}

static void lists_hang(void **state)
{
	(void)state;
	renders_at("- one two three\n- four\n  1. five\n  2. six", 12,
	           "• one two\n  three\n• four\n  1. five\n  2. six\n");
	renders("3. c\n4. d", "3. c\n4. d\n");
	renders("- [x] done\n- [ ] open", "• [x] done\n• [ ] open\n");
	renders("1. a\n\n1. b\n\n1. c", "1. a\n\n2. b\n\n3. c\n");
}

static void quotes_have_a_bar(void **state)
{
	(void)state;
	renders("> a\n> b\n>\n> c", "│ a\n│ b\n│\n│ c\n");
}

static void code_has_a_label_with_its_number(void **state)
{
	(void)state;
	renders("```python\nx = 1\n```\n\n```\ny\n```",
	        "── python ── 1 ──\nx = 1\n\n── 2 ──\ny\n");
}

static void an_open_fence_is_code_at_once(void **state)
{
	(void)state;
	renders("```c\nint *a", "── c ── 1 ──\nint *a\n");
	renders("```", "── 1 ──\n");
}

static void tables_that_fit_are_drawn(void **state)
{
	(void)state;
	renders("| a | b |\n|---|--:|\n| 1 | 22 |\n| 日 | 3 |",
	        "a  │  b\n───┼───\n1  │ 22\n日 │  3\n");
}

static void a_table_that_does_not_fit_becomes_a_list(void **state)
{
	(void)state;
	renders_at("| name | what it is |\n|---|---|\n| x | y |", 8,
	           "name: x\nwhat it\nis: y\n");
}

static void links_show_where_they_lead(void **state)
{
	(void)state;
	renders("[a](http://b.c)", "a <http://b.c>\n");
	renders("http://b.c", "http://b.c\n");
	renders("![a](b.png)", "image: a <b.png>\n");
}

static void html_is_text(void **state)
{
	(void)state;
	renders("<b>x</b> &amp; &#65; &unknown;", "<b>x</b> & A &unknown;\n");
	renders("<script>\nx\n</script>", "<script>\nx\n</script>\n");
}

/* As it is laid out in 40 columns; borrowed from d. */
static const struct lines *first_block(struct document *d, const char *text)
{
	document_set(d, true, 40, 1, style(STYLE_TEXT));
	document_update(d, text, strlen(text));
	return document_block(d, text, 0);
}

static void an_entity_is_a_part_of_what_it_stands_in(void **state)
{
	static const char text[] = "**a&amp;b** [c&lt;d](e)";
	struct document d = { 0 };
	const struct lines *lines;

	(void)state;
	lines = first_block(&d, text);
	for (size_t i = 1; i < 3; i++)
		assert_memory_equal(&lines->glyphs[i].style,
		                    &lines->glyphs[0].style,
		                    sizeof(struct style));
	for (size_t i = 5; i < 7; i++)
		assert_memory_equal(&lines->glyphs[i].style,
		                    &lines->glyphs[4].style,
		                    sizeof(struct style));
	document_free(&d);
	renders("[b.c?d&amp;e](b.c?d&amp;e)", "b.c?d&e\n");
}

static void a_heading_goes_on_behind_code(void **state)
{
	static const char text[] = "# a `b` c";
	static const enum style_role roles[] = { STYLE_DIM,     STYLE_DIM,
		                                 STYLE_HEADING, STYLE_HEADING,
		                                 STYLE_CODE,    STYLE_HEADING,
		                                 STYLE_HEADING };
	struct document d = { 0 };
	const struct lines *lines;

	(void)state;
	lines = first_block(&d, text);
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		assert_int_equal(lines->glyphs[i].style.role, roles[i]);
	document_free(&d);
}

static void escape_sequences_do_not_pass(void **state)
{
	(void)state;
	renders("a\033[2Jb", "a␛[2Jb\n");
	renders("```\n\033]0;x\a\n```", "── 1 ──\n␛]0;x␇\n");
}

static void code_can_be_taken_out_again(void **state)
{
	const char *text = "a\n\n```py\nx = 1\n\n\ty\n```\n\n- l\n  ```\n  z\n  ```\n";
	struct document d = { 0 };
	struct strbuf code = STRBUF_INIT, language = STRBUF_INIT;

	(void)state;
	document_update(&d, text, strlen(text));
	assert_int_equal(document_n_codes(&d), 2);
	assert_int_equal(document_code(&d, text, 0, &code, &language), 0);
	assert_string_equal(code.bytes, "x = 1\n\n\ty\n");
	assert_string_equal(language.bytes, "py");
	strbuf_clear(&code);
	assert_int_equal(document_code(&d, text, 1, &code, NULL), 0);
	assert_string_equal(code.bytes, "z\n");
	assert_int_equal(document_code(&d, text, 2, &code, NULL), -1);
	strbuf_free(&code);
	strbuf_free(&language);
	document_free(&d);
}

static void a_fence_may_be_indented(void **state)
{
	const char *text = "a\n\n ```py\nx\n\ny\n ```\n\n**b**\n";
	struct document d = { 0 };
	struct strbuf code = STRBUF_INIT;

	(void)state;
	document_update(&d, text, strlen(text));
	assert_int_equal(document_n_codes(&d), 1);
	assert_int_equal(document_code(&d, text, 0, &code, NULL), 0);
	assert_string_equal(code.bytes, "x\n\ny\n");
	strbuf_free(&code);
	document_free(&d);
	renders(text, "a\n\n── py ── 1 ──\nx\n\ny\n\nb\n");
	/* One list, though its markers are indented. */
	text = " - a\n   ```\n   x\n   ```\n - b\n";
	d = (struct document){ 0 };
	document_update(&d, text, strlen(text));
	assert_int_equal(document_n_blocks(&d), 1);
	document_free(&d);
}

static void definitions_of_links_are_shown(void **state)
{
	(void)state;
	renders("see [a][1].\n\n[1]: http://b.c\n",
	        "see [a][1].\n\n[1]: http://b.c\n");
}

/* A fence of 100 KB is laid out in blocks, and taken out in one. */
static void a_long_code_block_comes_out_whole(void **state)
{
	struct strbuf text = STRBUF_INIT, expected = STRBUF_INIT,
		      code = STRBUF_INIT;
	struct document d = { 0 };

	(void)state;
	strbuf_add_str(&text, "```\n");
	for (int i = 0; i < 5000; i++)
		strbuf_printf(&expected, "line %d of the code\n", i);
	strbuf_add(&text, expected.bytes, expected.len);
	strbuf_add_str(&text, "```\nafter");
	document_set(&d, true, 40, 1, style(STYLE_TEXT));
	document_update(&d, text.bytes, text.len);
	assert_true(document_n_blocks(&d) > 5);
	assert_int_equal(document_n_codes(&d), 1);
	assert_int_equal(document_code(&d, text.bytes, 0, &code, NULL), 0);
	assert_string_equal(code.bytes, expected.bytes);
	document_free(&d);
	strbuf_free(&text);
	strbuf_free(&expected);
	strbuf_free(&code);
}

/* ---- laws ---- */

static void add_random_line(struct strbuf *text)
{
	static const char *const lines[] = {
		"# heading", "plain *text* with **marks** and `code`", "",
		"", "- item", "  - nested", "1. first", "    indented", "```",
		"```python", "~~~", "> quote", "| a | b |", "|---|---|",
		"| 1 | 2 |", "---", "日本語の文章です。", "👩\u200d💻 emoji",
		"\t\ttabs", "  ```", "   two spaces  ", "***", "[a](b) ![c](d)",
		"\033[31mred", "* x", "2) y", "\r", "text\r", "   - deep",
		"a very long line that will certainly have to be wrapped at any "
		"of the widths that this test uses, if it is to be seen",
	};

	strbuf_add_str(text, lines[(size_t)rand() % ARRAY_SIZE(lines)]);
	if (rand() % 20)
		strbuf_add_char(text, '\n');
}

static char *random_document(size_t *len)
{
	struct strbuf text = STRBUF_INIT;
	int n = rand() % 40;

	while (n--)
		add_random_line(&text);
	/* Some have a line beyond all measure. */
	if (rand() % 10 == 0) {
		for (int i = rand() % 30000; i >= 0; i--)
			strbuf_add_str(&text, rand() % 9 ? "x" : "é ");
		strbuf_add_char(&text, '\n');
		add_random_line(&text);
	}
	*len = text.len;
	return strbuf_take(&text);
}

static void streamed_in_any_pieces_equals_at_once(void **state)
{
	(void)state;
	srand(4);
	for (int i = 0; i < 500; i++) {
		struct document once = { 0 }, streamed = { 0 };
		size_t len, pos = 0;
		char *text = random_document(&len), *a, *b;
		int width = 10 + rand() % 80;

		document_set(&once, true, width, 1, style(STYLE_TEXT));
		document_set(&streamed, true, width, 1, style(STYLE_TEXT));
		document_update(&once, text, len);
		while (pos < len) {
			pos += 1 + (size_t)rand() % (len > 5000 ? 900 : 20);
			if (pos > len)
				pos = len;
			document_update(&streamed, text, pos);
			/* Drawing in between must not change the end. */
			if (rand() % 4 == 0)
				free(rendered(&streamed, text));
		}
		a = rendered(&once, text);
		b = rendered(&streamed, text);
		assert_string_equal(a, b);
		free(a);
		free(b);
		free(text);
		document_free(&once);
		document_free(&streamed);
	}
}

static void finished_blocks_never_change(void **state)
{
	(void)state;
	srand(5);
	for (int i = 0; i < 200; i++) {
		struct document d = { 0 };
		size_t len;
		char *text = random_document(&len);
		size_t n = 0, ends[512];

		document_set(&d, true, 60, 1, style(STYLE_TEXT));
		for (size_t pos = 0; pos <= len; pos += 7) {
			document_update(&d, text, pos);
			for (size_t k = 0; k < n; k++)
				assert_int_equal(d.blocks.list[k].end, ends[k]);
			n = document_n_blocks(&d) - 1;
			assert_true(n < ARRAY_SIZE(ends));
			for (size_t k = 0; k < n; k++)
				ends[k] = d.blocks.list[k].end;
		}
		free(text);
		document_free(&d);
	}
}

static void blocks_cover_the_text_and_are_bounded(void **state)
{
	(void)state;
	srand(6);
	for (int i = 0; i < 300; i++) {
		struct document d = { 0 };
		size_t len, pos = 0;
		char *text = random_document(&len);

		document_update(&d, text, len);
		for (size_t k = 0; k < document_n_blocks(&d); k++) {
			const struct block *block = &d.blocks.list[k];

			assert_int_equal(block->begin, pos);
			assert_true(block->end - block->begin <=
			            2 * BLOCK_MAX + 1024);
			pos = block->end;
		}
		assert_int_equal(pos, len);
		free(text);
		document_free(&d);
	}
}

static void no_line_is_wider_than_asked(void **state)
{
	(void)state;
	srand(7);
	for (int i = 0; i < 300; i++) {
		struct document d = { 0 };
		size_t len;
		char *text = random_document(&len);
		int width = 2 + rand() % 60;

		document_set(&d, true, width, 1, style(STYLE_TEXT));
		document_update(&d, text, len);
		for (size_t k = 0; k < document_n_blocks(&d); k++) {
			const struct lines *lines = document_block(&d, text, k);

			for (size_t line = 0; line < lines->n; line++)
				assert_true(line_columns(lines, line) <= width);
		}
		free(text);
		document_free(&d);
	}
}

/* ---- colours of code ---- */

static void syntax_is(const char *language, const char *line,
                      const char *expected)
{
	const struct syntax *s = syntax_find(language, strlen(language));
	size_t len = strlen(line), pos = 0;
	struct strbuf out = STRBUF_INIT;
	int state = 0;

	while (pos < len) {
		enum style_role role;
		size_t n = syntax_next(s, &state, line, len, pos, &role);
		char sign = role == STYLE_CODE_KEYWORD ? 'k' :
		            role == STYLE_CODE_STRING  ? 's' :
		            role == STYLE_CODE_COMMENT ? 'c' :
		            role == STYLE_CODE_NUMBER  ? 'n' :
		                                         '.';

		assert_true(n > 0 && pos + n <= len);
		for (size_t i = 0; i < n; i++)
			strbuf_add_char(&out, sign);
		pos += n;
	}
	assert_string_equal(out.bytes, expected);
	strbuf_free(&out);
}

static void code_is_coloured_lightly(void **state)
{
	(void)state;
	syntax_is("c", "int x = 0x1F; // y", "kkk.....nnnn..cccc");
	syntax_is("c", "a /* b */ c", "..ccccccc..");
	syntax_is("python", "if a: 'b\\'c' # d", "kk....ssssss.ccc");
	syntax_is("bash", "echo $# a#b #c", "kkkk........cc");
	syntax_is("nonsense", "int x", ".....");
}

static void comments_and_strings_go_on_over_lines(void **state)
{
	const struct syntax *c = syntax_find("c", 1);
	const struct syntax *python = syntax_find("Python", 6);
	enum style_role role;
	int at = 0;

	(void)state;
	syntax_next(c, &at, "/* a", 4, 0, &role);
	assert_int_equal(syntax_next(c, &at, "b */ d", 6, 0, &role), 4);
	assert_int_equal(role, STYLE_CODE_COMMENT);
	assert_int_equal(at, 0);
	syntax_next(python, &at, "\"\"\"a", 4, 0, &role);
	assert_int_equal(syntax_next(python, &at, "b\"\"\"", 4, 0, &role), 4);
	assert_int_equal(role, STYLE_CODE_STRING);
	assert_int_equal(at, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(paragraphs_keep_their_line_breaks),
	cmocka_unit_test(emphasis_loses_its_marks),
	cmocka_unit_test(headings_keep_theirs),
	cmocka_unit_test(a_heading_goes_on_behind_code),
	cmocka_unit_test(lists_hang),
	cmocka_unit_test(quotes_have_a_bar),
	cmocka_unit_test(code_has_a_label_with_its_number),
	cmocka_unit_test(an_open_fence_is_code_at_once),
	cmocka_unit_test(tables_that_fit_are_drawn),
	cmocka_unit_test(a_table_that_does_not_fit_becomes_a_list),
	cmocka_unit_test(links_show_where_they_lead),
	cmocka_unit_test(html_is_text),
	cmocka_unit_test(an_entity_is_a_part_of_what_it_stands_in),
	cmocka_unit_test(escape_sequences_do_not_pass),
	cmocka_unit_test(code_can_be_taken_out_again),
	cmocka_unit_test(a_fence_may_be_indented),
	cmocka_unit_test(definitions_of_links_are_shown),
	cmocka_unit_test(a_long_code_block_comes_out_whole),
	cmocka_unit_test(streamed_in_any_pieces_equals_at_once),
	cmocka_unit_test(finished_blocks_never_change),
	cmocka_unit_test(blocks_cover_the_text_and_are_bounded),
	cmocka_unit_test(no_line_is_wider_than_asked),
	cmocka_unit_test(code_is_coloured_lightly),
	cmocka_unit_test(comments_and_strings_go_on_over_lines),
};

TEST_MAIN(tests)
