#include "tests/support.h"

#include <string.h>

#include "base/strbuf.h"
#include "library/conversation.h"
#include "ui/branch_map.h"

static void add(struct conversation *c, int64_t parent, const char *text)
{
	enum message_role role = ROLE_USER;

	if (parent >= 0 && conversation_message(c, parent)->role == ROLE_USER)
		role = ROLE_ASSISTANT;
	conversation_add(c, parent, role, text, strlen(text));
}

static void map_is(const struct conversation *c, const char *expected)
{
	struct strbuf out = STRBUF_INIT;

	branch_map(&out, c, false);
	assert_string_equal(out.bytes, expected);
	strbuf_free(&out);
}

static void a_line_forks_where_branches_begin(void **state)
{
	struct conversation *c = conversation_new();

	(void)state;
	map_is(c, "");
	add(c, -1, "pack");
	add(c, 0, "a\ncoat");
	add(c, 1, "mountains");
	add(c, 2, "boots");
	add(c, 1, "sea");
	add(c, 4, "sun");
	add(c, 4, "wind");
	add(c, 2, "rope");
	c->leaf = 3;
	map_is(c, " ● 1 You: pack\n"
	          " ● 2 Assistant: a coat\n"
	          " ├─ ● 3 You: mountains\n"
	          " │  ├─ ● 4 Assistant: boots\n"
	          " │  └─ ○ 8 Assistant: rope\n"
	          " └─ ○ 5 You: sea\n"
	          "    ├─ ○ 6 Assistant: sun\n"
	          "    └─ ○ 7 Assistant: wind\n");
	assert_int_equal(branch_map_message(c, 5), 4);
	assert_int_equal(branch_map_message(c, 0), -1);
	assert_int_equal(branch_map_message(c, 9), -1);
	conversation_free(c);
}

static void a_plain_map_has_words_for_its_lines(void **state)
{
	struct conversation *c = conversation_new();
	struct strbuf out = STRBUF_INIT;

	(void)state;
	add(c, -1, "pack");
	add(c, 0, "a\ncoat");
	add(c, 1, "mountains");
	add(c, 1, "sea");
	add(c, 3, "sun");
	branch_map(&out, c, true);
	assert_string_equal(out.bytes, "1 You, here: pack\n"
	                               "2 Assistant, here: a coat\n"
	                               "3 You, after 2: mountains\n"
	                               "4 You, after 2, here: sea\n"
	                               "5 Assistant, here: sun\n");
	strbuf_free(&out);
	conversation_free(c);
}

/* White space in a message is one space; two would be a table's columns to what
 * shows the map. */
static void a_message_is_its_first_words(void **state)
{
	struct conversation *c = conversation_new();

	(void)state;
	add(c, -1, "  pack\n\n\ta  warm\ncoat ");
	add(c, 0,
	    "For the mountains you will want boots, a rope, a map, some "
	    "bread");
	map_is(c, " ● 1 You: pack a warm coat\n"
	          " ● 2 Assistant: For the mountains you will want boots, a "
	          "rope, a map, some…\n");
	conversation_free(c);
}

static void roots_fork_too(void **state)
{
	struct conversation *c = conversation_new();
	struct strbuf out = STRBUF_INIT;

	(void)state;
	add(c, -1, "one");
	add(c, -1, "two");
	map_is(c, " ├─ ○ 1 You: one\n └─ ● 2 You: two\n");
	/* Neither follows a message. */
	branch_map(&out, c, true);
	assert_string_equal(out.bytes, "1 You: one\n2 You, here: two\n");
	strbuf_free(&out);
	conversation_free(c);
}

static void numbers_are_those_of_the_map(void **state)
{
	struct conversation *c = conversation_new();

	(void)state;
	add(c, -1, "one");
	add(c, 0, "two");
	assert_int_equal(branch_map_message(c, 0), -1);
	assert_int_equal(branch_map_message(c, 1), 0);
	assert_int_equal(branch_map_message(c, 2), 1);
	assert_int_equal(branch_map_message(c, 3), -1);
	conversation_free(c);
}

/* Recursion, or a line that grows with every fork, would be felt here. */
static void ten_thousand_forks_are_drawn(void **state)
{
	struct conversation *c = conversation_new();
	struct strbuf out = STRBUF_INIT;

	(void)state;
	add(c, -1, "root");
	for (int i = 0; i < 10000; i++) {
		int64_t parent = c->leaf;

		add(c, parent, "left");
		add(c, parent, "right");
	}
	branch_map(&out, c, false);
	assert_true(out.len < 20001 * 160);
	strbuf_free(&out);
	conversation_free(c);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_line_forks_where_branches_begin),
	cmocka_unit_test(a_plain_map_has_words_for_its_lines),
	cmocka_unit_test(a_message_is_its_first_words),
	cmocka_unit_test(roots_fork_too),
	cmocka_unit_test(numbers_are_those_of_the_map),
	cmocka_unit_test(ten_thousand_forks_are_drawn),
};

TEST_MAIN(tests)
