#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/import.h"
#include "library/library.h"

struct list {
	struct conversation **c;
	size_t n;
};

static struct list read_fixture(const char *name)
{
	struct strbuf place = STRBUF_INIT;
	struct error err = { "" };
	struct list list;
	char *path;

	strbuf_printf(&place, "interop/exchange/%s", name);
	path = test_file(place.bytes);
	if (import_file(path, &list.c, &list.n, &err))
		fail_msg("%s", err.text);
	free(path);
	strbuf_free(&place);
	return list;
}

static struct list read_text(const char *text)
{
	struct error err = { "" };
	struct list list;

	if (import_text(text, strlen(text), "here", &list.c, &list.n, &err))
		fail_msg("%s", err.text);
	return list;
}

/* "user:text|assistant:text" of the current path. */
static void path_is(const struct conversation *c, const char *expected)
{
	struct strbuf out = STRBUF_INIT;
	struct message **path;
	size_t n = conversation_path(c, &path);

	for (size_t i = 0; i < n; i++)
		strbuf_printf(&out, "%s%s:%s", i ? "|" : "",
		              message_role_name(path[i]->role),
		              path[i]->text.bytes);
	assert_string_equal(out.bytes, expected);
	free(path);
	strbuf_free(&out);
}

static void openai_messages_with_parts_and_tools(void **state)
{
	struct list l = read_fixture("openai.json");

	(void)state;
	assert_int_equal(l.n, 1);
	path_is(l.c[0],
	        "system:Answer briefly.|"
	        "user:What is in this picture?[image_url]|"
	        "assistant:<tool_call>\n{\"name\": \"look\", \"arguments\": "
	        "{\"detail\": \"high\"}}\n</tool_call>|"
	        "tool:a cat <|im_end|>|assistant:A cat. 日本 🐈");
	assert_string_equal(l.c[0]->title, "What is in this picture?[image_url]");
	import_free(l.c, l.n);
}

static void a_line_is_a_conversation_or_a_message(void **state)
{
	struct list l = read_fixture("openai.jsonl");

	(void)state;
	assert_int_equal(l.n, 2);
	path_is(l.c[1], "user:How far is the Moon from Earth?|"
	                "assistant:Around 384,400 kilometers.");
	import_free(l.c, l.n);
	l = read_fixture("openai-lines.jsonl");
	assert_int_equal(l.n, 1);
	path_is(l.c[0], "user:one|assistant:two|user:three");
	import_free(l.c, l.n);
}

static void a_file_without_times_keeps_its_order(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct list list;

	(void)state;
	for (int i = 0; i < 300; i++)
		strbuf_printf(&text,
		              "{\"messages\":[{\"role\":\"user\","
		              "\"content\":\"%d\"}]}\n",
		              i);
	list = read_text(text.bytes);
	assert_int_equal(list.n, 300);
	for (size_t i = 1; i < list.n; i++) {
		assert_true(list.c[i - 1]->updated_ms < list.c[i]->updated_ms);
		assert_true(list.c[i]->created_ms <= list.c[i]->updated_ms);
	}
	assert_true(list.c[299]->updated_ms <= conversation_now_ms());
	import_free(list.c, list.n);
	strbuf_free(&text);
}

static void sharegpt_with_its_names_for_roles(void **state)
{
	struct list l = read_fixture("sharegpt.json");

	(void)state;
	assert_int_equal(l.n, 2);
	path_is(l.c[0], "user:Summarize the main ideas.|"
	                "assistant:Here are the main ideas:\n\n1. One\n2. Two|"
	                "user:And the rest?|assistant:That was all.");
	path_is(l.c[1], "system:You can call functions.|user:Time?|"
	                "assistant:{\"name\": \"time\"}|tool:12:00|"
	                "assistant:Noon.");
	import_free(l.c, l.n);
}

static void a_session_without_parents_is_a_line(void **state)
{
	struct list l = read_fixture("session.jsonl");

	(void)state;
	assert_int_equal(l.n, 1);
	assert_string_equal(l.c[0]->title, "what time is it");
	path_is(l.c[0],
	        "user:what time is it?|"
	        "assistant:<think>\nI need a clock.\n</think>\n\n<tool_call>\n"
	        "{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>|"
	        "tool:2026-07-01T15:00:00Z|assistant:it is 15:00 UTC");
	import_free(l.c, l.n);
}

static void check_branches(struct list l)
{
	struct conversation *c = l.c[0];
	struct message **siblings;
	size_t index;

	assert_int_equal(l.n, 1);
	assert_int_equal(c->n, 6);
	assert_string_equal(c->title, "Branches");
	assert_true(c->updated_ms == 1760000000100);
	path_is(c, "user:Tell me of two towns.\n\n[notes.txt]\nBergen, Oslo|"
	           "assistant:Bergen and Oslo.|user:More of Bergen.|"
	           "assistant:<think>\nRain.\n</think>\n\nIt rains there.");
	/* The child that stands before its parent in the file has its place,
	 * and the branch not taken is there. */
	assert_int_equal(conversation_siblings(c, 4, &siblings, &index), 2);
	free(siblings);
	conversation_select(c, 2);
	path_is(c, "user:Tell me of two towns.\n\n[notes.txt]\nBergen, Oslo|"
	           "assistant:Bergen and Oslo.|user:More of Oslo.|"
	           "assistant:Oslo lies in the east.");
	assert_string_equal(c->messages[1]->model, "qwen3-4b.gguf");
	assert_true(c->messages[1]->created_ms == 1760000000030);
}

static void branches_of_the_web_ui_are_kept(void **state)
{
	struct list l = read_fixture("llama-ui.jsonl");

	(void)state;
	check_branches(l);
	import_free(l.c, l.n);
	l = read_fixture("llama-ui-former.json");
	check_branches(l);
	import_free(l.c, l.n);
}

static void forms_may_follow_each_other(void **state)
{
	struct list l = read_text(
		"\xef\xbb\xbf\n"
		"{\"role\":\"user\",\"content\":\"a\"}\r\n"
		"{\"role\":\"assistant\",\"content\":\"b\"}\n\n"
		"{\"messages\":[]}\n"
		"{\"type\":\"session\",\"id\":\"1\"}\n"
		"{\"type\":\"note\",\"messages\":[{\"role\":\"user\","
		"\"content\":\"c\"}]}\n"
		"[[{\"role\":\"user\",\"content\":\"d\"}]]\n");

	(void)state;
	assert_int_equal(l.n, 3);
	path_is(l.c[0], "user:a|assistant:b");
	path_is(l.c[1], "user:c");
	path_is(l.c[2], "user:d");
	import_free(l.c, l.n);
}

static void faults_are_named_by_file_line_and_member(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "here: column 1: the text ends" },
		{ "[]", "here: holds no conversation" },
		{ "3", "here: holds no conversation" },
		{ "{}", "here: no conversation: neither" },
		{ "{\"messages\":[{\"content\":\"a\"}]}",
		  "here: messages[0]: role: must be a string" },
		{ "[{\"role\":\"user\",\"content\":\"a\"},"
		  "{\"role\":\"wizard\",\"content\":\"a\"}]",
		  "here: messages[1]: role: \"wizard\" is no role" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":7}]}",
		  "here: messages[0]: content: must be text" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{}]}]}",
		  "here: messages[0]: content: a part without" },
		{ "[{\"conversations\":[{\"from\":\"human\"}]}]",
		  "here: [0]: conversations[0]: value: must be a string" },
		{ "{\"role\":\"user\",\"content\":\"a\"}\n{\"role\":\"user\"",
		  "here: record 2: column" },
		{ "{\"role\":\"user\",\"content\":\"a\"}\n{\"role\":1}",
		  "here: line 2: role: must be a string" },
		{ "{\"type\":\"message\",\"message\":{}}\n{}",
		  "here: line 1: a message before any session" },
		{ "{\"type\":\"session\"}\n"
		  "{\"type\":\"message\",\"message\":{\"id\":\"a\",\"parent\":"
		  "\"b\",\"role\":\"user\",\"content\":\"\"}}",
		  "here: line 1: message 1: its parent \"b\" is not there" },
		{ "{\"type\":\"session\"}\n"
		  "{\"type\":\"message\",\"message\":{\"id\":\"a\",\"parent\":"
		  "\"a\",\"role\":\"user\",\"content\":\"\"}}",
		  "here: line 1: message 1 is its own ancestor" },
		{ "{\"type\":\"session\"}\n"
		  "{\"type\":\"message\",\"message\":{\"id\":\"a\",\"role\":"
		  "\"user\",\"content\":\"\"}}\n"
		  "{\"type\":\"message\",\"message\":{\"id\":\"a\",\"role\":"
		  "\"user\",\"content\":\"\"}}",
		  "here: line 1: two messages with the id \"a\"" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"a\","
		  "\"confab\":{\"ids\":[-1]}}]}",
		  "here: messages[0]: confab.ids[0]: is no id" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"a\","
		  "\"confab\":{\"ids\":[1]},\"logprobs\":{\"content\":["
		  "{\"id\":1,\"rank\":1},{\"id\":2,\"rank\":1}]}}]}",
		  "here: messages[0]: logprobs: 2 tokens, but 1 ids" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"a\\ud800\"}"
		  "]}",
		  "here: column" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"a\\u0000\"}"
		  "]}",
		  "here: column" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct error err = { "" };
		struct list l = { NULL, 7 };

		assert_int_equal(import_text(cases[i].text,
		                             strlen(cases[i].text), "here",
		                             &l.c, &l.n, &err),
		                 -1);
		assert_null(l.c);
		assert_int_equal(l.n, 7);
		if (strncmp(err.text, cases[i].error, strlen(cases[i].error)))
			fail_msg("%s\nnot: %s", err.text, cases[i].error);
	}
}

/* A file may say anything of itself. */
static void what_cannot_be_is_mended(void **state)
{
	struct strbuf text = STRBUF_INIT;
	const struct message *m;
	struct list l;

	(void)state;
	strbuf_add_str(&text,
	               "{\"title\":\"a\\nb\",\"messages\":[{\"role\":"
	               "\"assistant\",\"content\":[{\"type\":\"refusal\","
	               "\"refusal\":\"No.\"}],\"timestamp\":"
	               "9000000000000000,\"confab\":{\"state\":\"open\","
	               "\"seconds\":-1,\"ids\":[1]},\"logprobs\":{"
	               "\"content\":[{\"id\":1,\"rank\":1,"
	               "\"top_logprobs\":[");
	for (int i = 0; i < 3 * TOKEN_TOP; i++)
		strbuf_printf(&text, "%s{\"id\":%d,\"logprob\":-1}",
		              i ? "," : "", i);
	strbuf_add_str(&text, "]}]}}]}");
	l = read_text(text.bytes);
	assert_string_equal(l.c[0]->title, "a b");
	path_is(l.c[0], "assistant:No.");
	m = l.c[0]->messages[0];
	assert_true(m->created_ms <= conversation_now_ms());
	assert_int_equal(m->state, MESSAGE_INTERRUPTED);
	assert_true(m->seconds == 0);
	assert_int_equal(m->n_odds, 1);
	assert_int_equal(m->odds[0].n_top, TOKEN_TOP);
	assert_int_equal(m->odds[0].top[TOKEN_TOP - 1].id, TOKEN_TOP - 1);
	import_free(l.c, l.n);
	strbuf_free(&text);
}

/* A child with a smaller number than its parent's gets another: ids ascend. */
static void numbers_that_contradict_the_tree_give_way(void **state)
{
	struct list l = read_text(
		"{\"messages\":["
		"{\"role\":\"user\",\"content\":\"u\",\"confab\":"
		"{\"id\":7,\"parent\":-1}},"
		"{\"role\":\"assistant\",\"content\":\"a\",\"confab\":"
		"{\"id\":2,\"parent\":7}}],\"confab\":{\"leaf\":2}}");

	(void)state;
	path_is(l.c[0], "user:u|assistant:a");
	assert_true(l.c[0]->messages[0]->id < l.c[0]->messages[1]->id);
	assert_int_equal(l.c[0]->messages[1]->parent, l.c[0]->messages[0]->id);
	import_free(l.c, l.n);
}

/* Half of an order is none: what has no number would come first. */
static void messages_of_which_some_have_no_number_stay_as_they_came(
	void **state)
{
	struct list l = read_text(
		"{\"type\":\"session\"}\n"
		"{\"type\":\"message\",\"message\":{\"id\":\"a\",\"parent\":"
		"null,\"role\":\"user\",\"content\":\"first\",\"confab\":"
		"{\"id\":7}}}\n"
		"{\"type\":\"message\",\"message\":{\"id\":\"b\",\"parent\":"
		"null,\"role\":\"user\",\"content\":\"second\"}}");

	(void)state;
	assert_int_equal(l.c[0]->n, 2);
	assert_string_equal(l.c[0]->messages[0]->text.bytes, "first");
	assert_string_equal(l.c[0]->messages[1]->text.bytes, "second");
	import_free(l.c, l.n);
}

/* Quadratic work on any of these would take minutes. */
static void large_files_take_no_time(void **state)
{
	char *dir = test_tmp_dir();
	struct strbuf text = STRBUF_INIT;
	struct error err = { "" };
	struct library *lib = library_open(dir, &err);
	double began = clock_seconds();
	struct list l;

	(void)state;
	strbuf_add_str(&text, "{\"type\":\"session\",\"id\":\"1\"}\n");
	for (int i = 10000; i--;) /* children first */
		strbuf_printf(&text,
		              "{\"type\":\"message\",\"message\":{\"id\":\"%d\""
		              ",\"parent\":%s%d%s,\"role\":\"%s\",\"content\":"
		              "\"message %d of many, with a few words\"}}\n",
		              i, i ? "\"" : "null,\"_\":", i ? i - 1 : 0,
		              i ? "\"" : "", i % 2 ? "assistant" : "user", i);
	if (import_text(text.bytes, text.len, "big", &l.c, &l.n, &err))
		fail_msg("%s", err.text);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.c[0]->n, 10000);
	assert_int_equal(l.c[0]->leaf, 9999);
	assert_int_equal(library_save(lib, l.c[0], &err), 0);
	/* Measured 0.3 s; the bound is for machines ten times slower. */
	assert_true(clock_seconds() - began < 10);
	library_close(lib);
	import_free(l.c, l.n);
	strbuf_free(&text);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(openai_messages_with_parts_and_tools),
	cmocka_unit_test(a_line_is_a_conversation_or_a_message),
	cmocka_unit_test(a_file_without_times_keeps_its_order),
	cmocka_unit_test(sharegpt_with_its_names_for_roles),
	cmocka_unit_test(a_session_without_parents_is_a_line),
	cmocka_unit_test(branches_of_the_web_ui_are_kept),
	cmocka_unit_test(forms_may_follow_each_other),
	cmocka_unit_test(faults_are_named_by_file_line_and_member),
	cmocka_unit_test(what_cannot_be_is_mended),
	cmocka_unit_test(numbers_that_contradict_the_tree_give_way),
	cmocka_unit_test(
		messages_of_which_some_have_no_number_stay_as_they_came),
	cmocka_unit_test(large_files_take_no_time),
};

TEST_MAIN(tests)
