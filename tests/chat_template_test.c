#include "tests/bundled.h"
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

/* The real Qwen3 tokenizer.json is 11 MB and stays outside the tree. */
#define QWEN3 "CONFAB_QWEN3_TOKENIZER"

/* Qwen3's where it is there: the bundled one has no <think>. */
static struct tokenizer *qwen3(void)
{
	const char *path = getenv(QWEN3);
	struct error err = { "" };
	struct tokenizer *t;

	if (!path || !*path) {
		print_message("# skipped: set " QWEN3
		              " to Qwen3's tokenizer.json\n");
		return NULL;
	}
	t = tokenizer_load_json(path, NULL, &err);
	if (!t)
		fail_msg("%s", err.text);
	return t;
}

#define MAX_MESSAGES 32

static size_t read_messages(const struct json *array,
                            struct chat_message *messages)
{
	const struct json *entry;
	size_t n = 0;

	for (entry = json_first(array); entry; entry = json_next(entry)) {
		struct chat_message *m = &messages[n++];

		assert_true(n <= MAX_MESSAGES);
		memset(m, 0, sizeof(*m));
		m->role = json_string(json_get(entry, "role"));
		m->content = json_string(json_get(entry, "content"));
		m->content_len = m->content ? strlen(m->content) : 0;
		m->reasoning_content =
			json_string(json_get(entry, "reasoning_content"));
		m->tool_calls = json_get(entry, "tool_calls");
	}
	return n;
}

static enum chat_family read_options(const struct json *row,
                                     struct chat_options *options)
{
	const struct json *thinking = json_get(row, "enable_thinking");
	int family = chat_family_named(json_string(json_get(row, "template")));

	assert_true(family >= 0);
	options->add_generation_prompt =
		json_is_true(json_get(row, "add_generation_prompt"));
	options->enable_thinking = !thinking                ? CHAT_THINK_UNSET
	                           : json_is_true(thinking) ? CHAT_THINK_ON
	                                                    : CHAT_THINK_OFF;
	options->tools = json_get(row, "tools");
	return (enum chat_family)family;
}

/* Calls check for each row of the goldens, and gives their number. */
static int each_golden(void (*check)(const struct json *row, int i,
                                     const struct tokenizer *t),
                       const struct tokenizer *t)
{
	char *path = test_file("golden/chat_template.jsonl");
	FILE *f = fopen(path, "r");
	struct error err = { "" };
	char *line = NULL;
	size_t room = 0;
	int n = 0;

	assert_non_null(f);
	while (getline(&line, &room, f) > 0) {
		struct json *row = json_parse(line, strlen(line), path, &err);

		if (!row)
			fail_msg("%s", err.text);
		check(row, n++, t);
		json_free(row);
	}
	fclose(f);
	free(line);
	free(path);
	return n;
}

static void check_text(const struct json *row, int i, const struct tokenizer *t)
{
	const char *expected = json_string(json_get(row, "text"));
	struct chat_message messages[MAX_MESSAGES];
	struct chat_options options;
	enum chat_family family = read_options(row, &options);
	struct strbuf text = STRBUF_INIT;
	size_t n = read_messages(json_get(row, "messages"), messages);
	int rc = chat_template_render(family, messages, n, &options, t, &text,
	                              NULL, NULL);

	if (rc != (expected ? 0 : -1))
		fail_msg("row %d: %d", i, rc);
	if (expected && strcmp(text.bytes, expected) != 0)
		fail_msg("row %d:\n%s\nexpected:\n%s", i, text.bytes, expected);
	strbuf_free(&text);
}

static void all_460_goldens_are_equal_byte_for_byte(void **state)
{
	(void)state;
	assert_int_equal(each_golden(check_text, NULL), 460);
}

/* Does what the template shows of a content hold the text of a token?  The
 * goldens' own <think>...</think> is cut out by the template. */
static bool holds_added(const struct tokenizer *t, const char *text)
{
	const char *thought = text ? strstr(text, "</think>") : NULL;
	size_t begin, end;

	if (thought)
		text = thought + strlen("</think>");
	return text && tokenizer_find_added(t, text, strlen(text), 0, &begin,
	                                    &end) >= 0;
}

static int n_plain; /* rows of the goldens without such a text */

static void check_ids(const struct json *row, int i, const struct tokenizer *t)
{
	struct chat_message messages[MAX_MESSAGES];
	struct chat_options options;
	enum chat_family family = read_options(row, &options);
	struct strbuf text = STRBUF_INIT;
	struct ids ids = { 0 }, whole = { 0 };
	size_t n = read_messages(json_get(row, "messages"), messages), k;
	bool plain = true;

	for (k = 0; k < n; k++)
		plain = plain && !holds_added(t, messages[k].content);
	chat_template_render(family, messages, n, &options, t, &text, &ids,
	                     NULL);
	tokenizer_encode(t, text.bytes, text.len, TOKENIZER_ALL, &whole);
	if (plain && (ids.n != whole.n ||
	              memcmp(ids.data, whole.data, ids.n * sizeof(int)) != 0))
		fail_msg("row %d: ids are not those of the text", i);
	n_plain += plain;
	strbuf_clear(&text);
	tokenizer_decode(t, ids.data, ids.n, false, &text);
	assert_string_equal(text.bytes, json_string(json_get(row, "text")));
	ids_free(&ids);
	ids_free(&whole);
	strbuf_free(&text);
}

static void ids_equal_those_of_the_text_where_nobody_typed_a_token(void **state)
{
	struct tokenizer *t = qwen3();

	(void)state;
	if (!t)
		skip();
	assert_int_equal(each_golden(check_ids, t), 460);
	assert_int_equal(n_plain, 200);
	tokenizer_free(t);
}

static char *read_template(const char *family)
{
	struct strbuf jinja = STRBUF_INIT;
	char name[128], *path;

	snprintf(name, sizeof(name), "golden/templates/%s.jinja", family);
	path = test_file(name);
	assert_int_equal(file_read(&jinja, path, 1 << 20, NULL), 0);
	free(path);
	return strbuf_take(&jinja);
}

static void the_published_templates_are_known(void **state)
{
	static const enum chat_family families[] = { CHAT_INSTRUCT,
		                                     CHAT_THINKING,
		                                     CHAT_HYBRID };
	bool known = false;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *name = chat_family_name(families[i]);
		char *jinja = read_template(name);

		assert_int_equal(chat_family_named(name), families[i]);
		assert_int_equal(chat_family_of(jinja, &known), families[i]);
		assert_true(known);
		free(jinja);
	}
	assert_int_equal(chat_family_of(NULL, &known), CHAT_CHATML);
	assert_true(known);
	assert_int_equal(chat_family_named("llama"), -1);
}

static void the_bundled_template_is_chatml(void **state)
{
	char *path = test_source("data/confab-20m/tokenizer_config.json");
	struct json *config = json_read(path, 1 << 20, NULL);
	bool known = false;

	(void)state;
	assert_non_null(config);
	assert_int_equal(chat_family_of(json_string(json_get(config,
	                                                     "chat_template")),
	                                &known),
	                 CHAT_CHATML);
	assert_true(known);
	json_free(config);
	free(path);
}

static void an_altered_template_keeps_its_family_but_is_not_known(void **state)
{
	bool known = true;

	(void)state;
	for (int family = CHAT_INSTRUCT; family <= CHAT_HYBRID; family++) {
		char *jinja = read_template(
			chat_family_name((enum chat_family)family));

		strstr(jinja, "# Tools")[9] = 'X';
		assert_int_equal(chat_family_of(jinja, &known), family);
		assert_false(known);
		free(jinja);
	}
	assert_int_equal(chat_family_of("{{ messages }}", &known), CHAT_CHATML);
	assert_false(known);
	assert_int_equal(chat_family_of("", &known), CHAT_CHATML);
	assert_false(known);
}

static const struct chat_options plain_options;
static const struct chat_options asking = { .add_generation_prompt = true };

static struct chat_message message(const char *role, const char *content)
{
	return (struct chat_message){ .role = role,
		                      .content = content,
		                      .content_len = strlen(content) };
}

/* Every place where something else than the template writes, filled with
 * `content`: no added id more than when it is filled with "x". */
static size_t count_added(const struct tokenizer *t, enum chat_family family,
                          const char *content)
{
	struct chat_message messages[] = {
		message("system", content),    message("user", content),
		message("assistant", content), message("user", content),
		message("assistant", content), message("tool", content),
	};
	struct strbuf json = STRBUF_INIT;
	struct json *tools, *calls;
	struct chat_options options = asking;
	struct ids ids = { 0 };
	size_t n = 0;

	strbuf_add_str(&json, "[{\"name\":");
	json_write_string(&json, content, strlen(content));
	strbuf_add_str(&json, ",\"arguments\":{\"a\":");
	json_write_string(&json, content, strlen(content));
	strbuf_add_str(&json, "}}]");
	tools = json_parse(json.bytes, json.len, "tools", NULL);
	calls = json_parse(json.bytes, json.len, "calls", NULL);
	assert_non_null(tools);
	assert_non_null(calls);
	options.tools = tools;
	messages[2].tool_calls = calls;
	messages[4].reasoning_content = content;
	assert_int_equal(chat_template_render(family, messages, 6, &options, t,
	                                      NULL, &ids, NULL),
	                 0);
	for (size_t i = 0; i < ids.n; i++)
		n += tokenizer_is_added(t, ids.data[i]);
	ids_free(&ids);
	json_free(tools);
	json_free(calls);
	strbuf_free(&json);
	return n;
}

static void check_injection(const struct tokenizer *t, enum chat_family family,
                            const char *token)
{
	static const char *const forms[] = { "%s",           "%s tail",
		                             "head %s tail", "head %s",
		                             "%s%s",         "\n%s\n" };
	size_t expected = count_added(t, family, "x");
	char content[512];

	for (size_t i = 0; i < 6; i++) {
		/* The second %s of no form but one is there to be ignored. */
		snprintf(content, sizeof(content), "%s", "");
		for (const char *at = forms[i]; *at; at++) {
			if (at[0] == '%') {
				strcat(content, token);
				at++;
			} else {
				strncat(content, at, 1);
			}
		}
		/* </think> in a reply's content is the template's business:
		 * it makes text of what was reasoning, never an id more. */
		if (count_added(t, family, content) > expected)
			fail_msg("%s as \"%s\" became an id",
			         chat_family_name(family), content);
	}
}

static void nobody_can_type_a_control_id(void **state)
{
	struct tokenizer *t = getenv(QWEN3) ? qwen3() : test_bundled_tokenizer();

	(void)state;
	for (int family = CHAT_CHATML; family <= CHAT_HYBRID; family++)
		for (size_t i = 0; i < tokenizer_n_added(t); i++) {
			int id = tokenizer_added_at(t, i);
			char token[128];
			size_t len;
			const char *bytes = tokenizer_bytes(t, id, &len);

			snprintf(token, sizeof(token), "%.*s", (int)len, bytes);
			check_injection(t, (enum chat_family)family, token);
		}
	tokenizer_free(t);
}

static void a_role_is_text_in_chatml(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct chat_message m = message("<|im_end|>", "hi");
	struct ids ids = { 0 };
	size_t n = 0;

	(void)state;
	assert_int_equal(chat_template_render(CHAT_CHATML, &m, 1,
	                                      &plain_options, t, NULL, &ids,
	                                      NULL),
	                 0);
	for (size_t i = 0; i < ids.n; i++)
		n += tokenizer_is_added(t, ids.data[i]);
	assert_int_equal(n, 2);
	ids_free(&ids);
	tokenizer_free(t);
}

static void one_run_goes_from_the_role_into_the_content(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct chat_message m = message("user", "\n\nhi");
	struct ids ids = { 0 }, expected = { 0 };
	const char *text = "<|im_start|>user\n\n\nhi<|im_end|>\n"
			   "<|im_start|>assistant\n";

	(void)state;
	chat_template_render(CHAT_CHATML, &m, 1, &asking, t, NULL, &ids, NULL);
	tokenizer_encode(t, text, strlen(text), TOKENIZER_ALL, &expected);
	assert_int_equal(ids.n, expected.n);
	assert_memory_equal(ids.data, expected.data, ids.n * sizeof(int));
	ids_free(&ids);
	ids_free(&expected);
	tokenizer_free(t);
}

static void what_transformers_raises_for_is_an_error(void **state)
{
	struct chat_message none = { .role = "system" };
	struct chat_message user = message("user", "hi");
	struct chat_message call = message("assistant", "");
	struct strbuf text = STRBUF_INIT;
	struct error err = { "" };
	static const char *const bad_calls[] = {
		"[{\"name\":\"f\"}]",
		"[7]",
		"[\"f\"]",
		"[null]",
		"7",
		"true",
		"{\"name\":\"f\",\"arguments\":{}}",
		"[{\"function\":{\"name\":\"f\"},\"arguments\":{}}]",
	};

	(void)state;
	for (int family = CHAT_INSTRUCT; family <= CHAT_HYBRID; family++) {
		enum chat_family f = (enum chat_family)family;

		assert_int_equal(chat_template_render(f, NULL, 0, &asking, NULL,
		                                      &text, NULL, &err),
		                 -1);
		assert_int_equal(chat_template_render(f, &none, 1, &asking,
		                                      NULL, &text, NULL, &err),
		                 -1);
		for (size_t i = 0; i < sizeof(bad_calls) / sizeof(char *);
		     i++) {
			struct json *calls =
				json_parse(bad_calls[i], strlen(bad_calls[i]),
			                   "calls", NULL);

			assert_non_null(calls);
			call.tool_calls = calls;
			assert_int_equal(chat_template_render(f, &call, 1,
			                                      &asking, NULL,
			                                      &text, NULL,
			                                      &err),
			                 -1);
			json_free(calls);
		}
	}
	none.role = "user";
	assert_int_equal(chat_template_render(CHAT_CHATML, &none, 1, &asking,
	                                      NULL, &text, NULL, &err),
	                 -1);
	assert_string_equal(err.text, "message 0: content is no string");
	user.role = NULL;
	assert_int_equal(chat_template_render(CHAT_CHATML, &user, 1, &asking,
	                                      NULL, &text, NULL, &err),
	                 -1);
	assert_int_equal(text.len, 0);
}

static void assert_text(enum chat_family family,
                        const struct chat_message *messages, size_t n,
                        const char *expected)
{
	struct strbuf text = STRBUF_INIT;

	assert_int_equal(chat_template_render(family, messages, n,
	                                      &plain_options, NULL, &text, NULL,
	                                      NULL),
	                 0);
	assert_string_equal(text.bytes, expected);
	strbuf_free(&text);
}

/* Worked by hand from the templates; the goldens have no such messages. */
static void reasoning_content_and_odd_calls_render_as_jinja_would(void **state)
{
	static const char calls[] =
		"[{\"function\":{},\"name\":null,\"arguments\":\"raw {\"},"
		"{\"name\":2.5,\"arguments\":null},{\"arguments\":[1,1.0]}]";
	struct chat_message messages[2] = { message("user", "hi"),
		                            message("assistant", "\nok") };
	struct chat_message odd[2] = { { .role = "user" },
		                       message("alien", "x") };

	(void)state;
	messages[1].reasoning_content = "\nhm\n\n";
	assert_text(CHAT_INSTRUCT, messages, 2,
	            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
	            "<think>\nhm\n</think>\n\nok<|im_end|>\n");
	messages[1].tool_calls =
		json_parse(calls, sizeof(calls) - 1, "calls", NULL);
	messages[1].reasoning_content = "";
	assert_text(CHAT_HYBRID, messages, 2,
	            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
	            "<think>\n\n</think>\n\nok\n"
	            "<tool_call>\n{\"name\": \"None\", \"arguments\": raw {}\n"
	            "</tool_call>\n<tool_call>\n{\"name\": \"2.5\", "
	            "\"arguments\": null}\n</tool_call>\n<tool_call>\n"
	            "{\"name\": \"\", \"arguments\": [1, 1.0]}\n</tool_call>"
	            "<|im_end|>\n");
	json_free((struct json *)messages[1].tool_calls);
	assert_text(CHAT_THINKING, odd, 2, "<|im_start|>user\n<|im_end|>\n");
}

/* What jinja2 3.1.6 makes of Qwen3's own template; the goldens have none of these. */
static void marks_in_odd_places_render_as_jinja_does(void **state)
{
	struct chat_message messages[4] = {
		message("user", "hi"),
		message("assistant", "<think>\na\n<think>\nb\n</think>\n\nc"
		                     "</think>\n\nd"),
	};

	(void)state;
	assert_text(CHAT_HYBRID, messages, 2,
	            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
	            "<think>\nb\n</think>\n\nd<|im_end|>\n");
	/* A question that only begins like the answer of a tool. */
	messages[1] = message("assistant", "<think>\na\n</think>\n\nx");
	messages[2] = message("user", "<tool_response> is a tag");
	messages[3] = message("assistant", "ok");
	assert_text(CHAT_HYBRID, messages, 4,
	            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nx"
	            "<|im_end|>\n<|im_start|>user\n<tool_response> is a tag"
	            "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>"
	            "\n\nok<|im_end|>\n");
	/* Nobody asked: the last message counts as the question. */
	assert_text(CHAT_HYBRID, messages + 1, 1,
	            "<|im_start|>assistant\nx<|im_end|>\n");
	messages[2] = messages[3];
	assert_text(CHAT_HYBRID, messages + 1, 2,
	            "<|im_start|>assistant\nx<|im_end|>\n"
	            "<|im_start|>assistant\nok<|im_end|>\n");
}

/* The ids of a conversation whose reply was generated as `ids`. */
static void render_reply(const struct tokenizer *t, enum chat_family family,
                         const char *content, const struct ids *reply, bool old,
                         struct ids *out)
{
	struct chat_message messages[] = { message("user", "hi"),
		                           message("assistant", content),
		                           message("user", "more") };

	messages[1].ids = reply->data;
	messages[1].n_ids = reply->n;
	assert_int_equal(chat_template_render(family, messages, old ? 3 : 2,
	                                      &plain_options, t, NULL, out,
	                                      NULL),
	                 0);
}

static bool contains(const struct ids *ids, const int *part, size_t n)
{
	return memmem(ids->data, ids->n * sizeof(int), part, n * sizeof(int));
}

/* Ids of a text that encoding it would not give: a token a byte. */
static void spell(const struct tokenizer *t, const char *text, struct ids *out)
{
	size_t begin, end, len = strlen(text), pos = 0;
	int id;

	while (pos < len) {
		id = tokenizer_find_added(t, text, len, pos, &begin, &end);
		if (id >= 0 && begin == pos) {
			ids_add(out, id);
			pos = end;
		} else {
			tokenizer_encode(t, text + pos++, 1, TOKENIZER_PLAIN,
			                 out);
		}
	}
}

static void a_reply_keeps_the_ids_it_was_made_of(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct ids reply = { 0 }, out = { 0 }, head = { 0 };
	const char *before = "<|im_start|>user\nhi<|im_end|>\n"
			     "<|im_start|>assistant\n";

	(void)state;
	spell(t, "Hello there", &reply);
	tokenizer_encode(t, before, strlen(before), TOKENIZER_ALL, &head);
	render_reply(t, CHAT_CHATML, "Hello there", &reply, true, &out);
	assert_memory_equal(out.data, head.data, head.n * sizeof(int));
	assert_memory_equal(out.data + head.n, reply.data,
	                    reply.n * sizeof(int));
	assert_int_equal(out.data[head.n + reply.n],
	                 tokenizer_added_id(t, "<|im_end|>"));
	/* Edited: the ids are no longer those of the text. */
	out.n = 0;
	render_reply(t, CHAT_CHATML, "Hello there!", &reply, true, &out);
	assert_false(contains(&out, reply.data, reply.n));
	ids_free(&reply);
	ids_free(&out);
	ids_free(&head);
	tokenizer_free(t);
}

static void ids_that_are_no_tokens_are_not_used(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct ids reply = { 0 }, out = { 0 };

	(void)state;
	spell(t, "Hello", &reply);
	reply.data[1] = 1 << 30;
	render_reply(t, CHAT_CHATML, "Hello", &reply, true, &out);
	assert_false(contains(&out, reply.data, 2));
	ids_free(&reply);
	ids_free(&out);
	tokenizer_free(t);
}

static void a_reply_that_was_cut_in_a_character_keeps_its_ids(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct ids reply = { 0 }, out = { 0 }, euro = { 0 };

	(void)state;
	spell(t, "ok", &reply);
	spell(t, "\xe2\x82\xac", &euro);
	/* spell() cut the character, so each byte was read as U+FFFD; that is
	 * valid text, but here half a character is wanted. */
	for (int id = 0; id < tokenizer_n_ids(t); id++) {
		size_t len;
		const char *bytes = tokenizer_bytes(t, id, &len);

		if (bytes && len == 1 && bytes[0] == '\xe2')
			ids_add(&reply, id);
	}
	assert_int_equal(reply.n, 3);
	render_reply(t, CHAT_CHATML, "ok\xef\xbf\xbd", &reply, true, &out);
	assert_true(contains(&out, reply.data, reply.n));
	ids_free(&reply);
	ids_free(&out);
	ids_free(&euro);
	tokenizer_free(t);
}

static void dropped_thinking_leaves_the_ids_of_the_answer(void **state)
{
	static const char *const said[] = {
		"<think>\nhmm\n</think>\n\nHello there", /* hybrid */
		"hmm\n</think>\n\nHello there",          /* thinking */
	};
	struct tokenizer *t =
		getenv(QWEN3) ? qwen3() : test_bundled_tokenizer();
	struct ids answer = { 0 };

	(void)state;
	assert_non_null(t);
	spell(t, "Hello there", &answer);
	for (size_t i = 0; i < 2; i++) {
		struct ids reply = { 0 }, old = { 0 }, kept = { 0 };
		enum chat_family family = i ? CHAT_THINKING : CHAT_HYBRID;

		spell(t, said[i], &reply);
		render_reply(t, family, said[i], &reply, true, &old);
		assert_true(contains(&old, answer.data, answer.n));
		assert_false(contains(&old, reply.data, reply.n));
		/* In the last turn all of it stays, and so do its ids. */
		render_reply(t, family, said[i], &reply, false, &kept);
		assert_true(contains(&kept, reply.data, reply.n));
		ids_free(&reply);
		ids_free(&old);
		ids_free(&kept);
	}
	ids_free(&answer);
	tokenizer_free(t);
}

static void newlines_that_are_dropped_take_their_token_along(void **state)
{
	struct tokenizer *t = qwen3();
	static const char text[] = "<think>\nhmm\n</think>\n\n\n\nHi";
	struct ids reply = { 0 }, out = { 0 };
	struct strbuf decoded = STRBUF_INIT;

	(void)state;
	if (!t)
		skip();
	/* One token "\n\n\n\n"; the template leaves its newlines out. */
	tokenizer_encode(t, text, sizeof(text) - 1, TOKENIZER_ALL, &reply);
	render_reply(t, CHAT_HYBRID, text, &reply, true, &out);
	tokenizer_decode(t, out.data, out.n, false, &decoded);
	assert_string_equal(decoded.bytes,
	                    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>"
	                    "assistant\nHi<|im_end|>\n<|im_start|>user\nmore"
	                    "<|im_end|>\n");
	strbuf_free(&decoded);
	ids_free(&reply);
	ids_free(&out);
	tokenizer_free(t);
}

/* The bundled vocabulary with one more token, as Qwen3's has ">The". */
static struct tokenizer *with_token(const char *text)
{
	static const char list[] = "\"added_tokens\": [";
	char *path = test_source("data/confab-20m/tokenizer.json"), *at;
	char *dir = test_tmp_dir(), place[4096];
	struct strbuf old = STRBUF_INIT, json = STRBUF_INIT;
	struct tokenizer *t;

	assert_int_equal(file_read(&old, path, 1 << 24, NULL), 0);
	at = strstr(old.bytes, list);
	assert_non_null(at);
	at += sizeof(list) - 1;
	strbuf_add(&json, old.bytes, (size_t)(at - old.bytes));
	strbuf_printf(&json, "{\"id\": 8192, \"content\": \"%s\"},", text);
	strbuf_add_str(&json, at);
	test_write(dir, "tokenizer.json", json.bytes, json.len);
	snprintf(place, sizeof(place), "%s/tokenizer.json", dir);
	t = tokenizer_load_json(place, NULL, NULL);
	assert_non_null(t);
	strbuf_free(&json);
	strbuf_free(&old);
	free(path);
	free(dir);
	return t;
}

static void an_answer_that_begins_inside_a_token_is_encoded_anew(void **state)
{
	static const char text[] = "<think>\nhmm\n</think>Hi";
	struct tokenizer *t = with_token(">H");
	struct ids reply = { 0 }, out = { 0 }, answer = { 0 };

	(void)state;
	spell(t, text, &reply);
	assert_true(contains(&reply, (int[]){ 8192 }, 1));
	render_reply(t, CHAT_HYBRID, text, &reply, true, &out);
	tokenizer_encode(t, "assistant\nHi", 12, TOKENIZER_PLAIN, &answer);
	assert_true(contains(&out, answer.data, answer.n));
	assert_false(contains(&out, (int[]){ 8192 }, 1));
	ids_free(&reply);
	ids_free(&out);
	ids_free(&answer);
	tokenizer_free(t);
}

/* What the engine's cache lives on: the next prompt begins with the last one
 * and the reply to it. */
static void the_next_prompt_goes_on_from_the_last_one(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct chat_message messages[3] = { message("user", "hi"),
		                            message("assistant", "Hello"),
		                            message("user", "more") };
	struct ids reply = { 0 }, first = { 0 }, second = { 0 };

	(void)state;
	spell(t, "Hello", &reply);
	messages[1].ids = reply.data;
	messages[1].n_ids = reply.n;
	chat_template_render(CHAT_CHATML, messages, 1, &asking, t, NULL, &first,
	                     NULL);
	ids_append(&first, reply.data, reply.n);
	chat_template_render(CHAT_CHATML, messages, 3, &asking, t, NULL,
	                     &second, NULL);
	assert_int_equal(ids_common_prefix(first.data, first.n, second.data,
	                                   second.n),
	                 first.n);
	ids_free(&reply);
	ids_free(&first);
	ids_free(&second);
	tokenizer_free(t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(all_460_goldens_are_equal_byte_for_byte),
	cmocka_unit_test(
		ids_equal_those_of_the_text_where_nobody_typed_a_token),
	cmocka_unit_test(the_published_templates_are_known),
	cmocka_unit_test(the_bundled_template_is_chatml),
	cmocka_unit_test(an_altered_template_keeps_its_family_but_is_not_known),
	cmocka_unit_test(nobody_can_type_a_control_id),
	cmocka_unit_test(a_role_is_text_in_chatml),
	cmocka_unit_test(one_run_goes_from_the_role_into_the_content),
	cmocka_unit_test(what_transformers_raises_for_is_an_error),
	cmocka_unit_test(reasoning_content_and_odd_calls_render_as_jinja_would),
	cmocka_unit_test(marks_in_odd_places_render_as_jinja_does),
	cmocka_unit_test(a_reply_keeps_the_ids_it_was_made_of),
	cmocka_unit_test(ids_that_are_no_tokens_are_not_used),
	cmocka_unit_test(a_reply_that_was_cut_in_a_character_keeps_its_ids),
	cmocka_unit_test(dropped_thinking_leaves_the_ids_of_the_answer),
	cmocka_unit_test(newlines_that_are_dropped_take_their_token_along),
	cmocka_unit_test(an_answer_that_begins_inside_a_token_is_encoded_anew),
	cmocka_unit_test(the_next_prompt_goes_on_from_the_last_one),
};

TEST_MAIN(tests)
