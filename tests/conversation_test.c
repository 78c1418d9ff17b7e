#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "library/conversation.h"

static int64_t add(struct conversation *c, int64_t parent,
                   enum message_role role, const char *text)
{
	return conversation_add(c, parent, role, text, strlen(text))->id;
}

static void the_path_runs_from_the_root_to_the_leaf(void **state)
{
	struct conversation *c = conversation_new();
	struct message **path;

	(void)state;
	assert_int_equal(conversation_path(c, &path), 0);
	free(path);
	add(c, add(c, add(c, -1, ROLE_SYSTEM, "s"), ROLE_USER, "u"),
	    ROLE_ASSISTANT, "a");
	assert_int_equal(conversation_path(c, &path), 3);
	assert_string_equal(path[0]->text.bytes, "s");
	assert_string_equal(path[2]->text.bytes, "a");
	free(path);
	conversation_free(c);
}

static void a_retry_is_a_sibling_and_selecting_follows_the_newest(void **state)
{
	struct conversation *c = conversation_new();
	struct message **siblings;
	int64_t user = add(c, -1, ROLE_USER, "u");
	int64_t first = add(c, user, ROLE_ASSISTANT, "one");
	int64_t more = add(c, first, ROLE_USER, "more");
	int64_t second = add(c, user, ROLE_ASSISTANT, "two");
	size_t index;

	(void)state;
	assert_int_equal(c->leaf, second);
	assert_int_equal(conversation_siblings(c, second, &siblings, &index),
	                 2);
	assert_int_equal(index, 1);
	assert_int_equal(siblings[0]->id, first);
	free(siblings);
	conversation_select(c, first);
	assert_int_equal(c->leaf, more);
	conversation_select(c, user);
	assert_int_equal(c->leaf, second);
	conversation_select(c, 99);
	assert_int_equal(c->leaf, second);
	conversation_free(c);
}

static void removing_takes_the_whole_branch_and_moves_the_leaf(void **state)
{
	struct conversation *c = conversation_new();
	int64_t user = add(c, -1, ROLE_USER, "u");
	int64_t first = add(c, user, ROLE_ASSISTANT, "one");
	int64_t second = add(c, user, ROLE_ASSISTANT, "two");
	int64_t below = add(c, second, ROLE_USER, "below");

	(void)state;
	add(c, below, ROLE_ASSISTANT, "below that");
	conversation_remove(c, second);
	assert_int_equal(c->n, 2);
	assert_int_equal(c->n_removed, 3);
	assert_null(conversation_message(c, below));
	assert_int_equal(c->leaf, first);
	conversation_remove(c, first);
	assert_int_equal(c->leaf, user);
	conversation_remove(c, user);
	assert_int_equal(c->n, 0);
	assert_int_equal(c->leaf, -1);
	conversation_free(c);
}

/* The newest that is left, older or not; an id in the middle is not given again. */
static void a_removed_message_gives_way_to_its_newest_sibling(void **state)
{
	struct conversation *c = conversation_new();
	int64_t user = add(c, -1, ROLE_USER, "u");
	int64_t first = add(c, user, ROLE_ASSISTANT, "one");
	int64_t third, second = add(c, user, ROLE_ASSISTANT, "two");

	(void)state;
	third = add(c, user, ROLE_ASSISTANT, "three");
	conversation_select(c, first);
	conversation_remove(c, first);
	assert_int_equal(c->leaf, third);
	assert_int_equal(add(c, third, ROLE_USER, "more"), third + 1);
	assert_string_equal(conversation_message(c, second)->text.bytes, "two");
	conversation_free(c);
}

static void what_is_taken_back_leaves_the_place_before_it(void **state)
{
	struct conversation *c = conversation_begin("be \xff kind");
	int64_t question = add(c, 0, ROLE_USER, "one"), again;

	(void)state;
	assert_string_equal(c->messages[0]->text.bytes, "be \xef\xbf\xbd kind");
	conversation_auto_title(c);
	add(c, question, ROLE_ASSISTANT, "reply");
	again = add(c, question, ROLE_ASSISTANT, "reply too");
	conversation_take_back(c, again);
	assert_int_equal(c->leaf, question); /* not the other branch */
	assert_string_equal(c->title, "one");
	conversation_take_back(c, question);
	assert_int_equal(c->leaf, 0);
	assert_string_equal(c->title, "");
	free(c->title);
	c->title = strdup("Mine");
	conversation_take_back(c, add(c, 0, ROLE_USER, "two"));
	assert_string_equal(c->title, "Mine");
	conversation_free(c);
}

static void a_title_is_whole_words_of_the_first_question(void **state)
{
	struct conversation *c = conversation_new();

	(void)state;
	add(c, add(c, -1, ROLE_SYSTEM, "system"), ROLE_USER,
	    "  What should I\n\tpack for Kyoto in November, and for the "
	    "mountains?");
	conversation_auto_title(c);
	assert_string_equal(c->title,
	                    "What should I pack for Kyoto in November, and…");
	conversation_auto_title(c);
	assert_string_equal(c->title,
	                    "What should I pack for Kyoto in November, and…");
	conversation_free(c);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_path_runs_from_the_root_to_the_leaf),
	cmocka_unit_test(a_retry_is_a_sibling_and_selecting_follows_the_newest),
	cmocka_unit_test(removing_takes_the_whole_branch_and_moves_the_leaf),
	cmocka_unit_test(a_removed_message_gives_way_to_its_newest_sibling),
	cmocka_unit_test(what_is_taken_back_leaves_the_place_before_it),
	cmocka_unit_test(a_title_is_whole_words_of_the_first_question),
};

TEST_MAIN(tests)
