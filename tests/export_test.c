#include "tests/bundled.h"
#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/export.h"
#include "library/import.h"
#include "library/reply.h"
#include "library/thinking.h"
#include "text/tokenizer.h"

static uint64_t random_state = 7;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 6364136223846793005ull + 1;
	return (uint32_t)(random_state >> 33) % below;
}

static const struct tokenizer *of(void *arg, const char *model)
{
	return strcmp(model, "small") ? NULL : arg;
}

/* ---- trees at random ---- */

static void add_text(struct strbuf *out)
{
	static const char *const pieces[] = {
		"word ",  "日本",     "\"quoted\" ", "\n",   "<b>&amp;",
		"\t",     "🦩",       "\\ ",         "\r\n", "\xe2\x80\xae",
		"\x7f",   "<think>\n", "</think>\n", "\x01", "'",
		"<|im_end|>", "{\"a\":1}"
	};
	size_t n = sizeof pieces / sizeof *pieces;

	for (uint32_t i = pick(12); i--;)
		strbuf_add_str(out, pieces[pick((uint32_t)n)]);
}

static void add_odds(struct message *m, const struct tokenizer *t)
{
	struct token_odds *odds = message_add_odds(m);
	int n_ids = tokenizer_n_ids(t);

	odds->id = m->ids.data[m->n_odds - 1];
	if (!pick(8))
		return; /* typed by a person */
	odds->rank = 1 + (int)pick(1000);
	odds->logprob = -expf((float)pick(4000) / 500 - 6);
	odds->entropy = (float)pick(1 << 30) / 1e8f;
	odds->sampled_prob = (float)pick(1 << 30) / (1 << 30);
	odds->n_top = (uint8_t)pick(TOKEN_TOP + 1);
	for (int i = 0; i < odds->n_top; i++) {
		struct token_candidate *c = &odds->top[i];

		c->id = (int)pick((uint32_t)n_ids);
		c->logprob = -(float)pick(1 << 30) / 3e7f;
		c->cut = (uint8_t)pick(SAMPLER_CUT_GREEDY + 1);
		if (!c->cut)
			c->sampled_prob = (float)pick(1 << 30) / 1e10f;
		if (!pick(4))
			c->cut |= TOKEN_PENALISED;
	}
}

static void fill_reply(struct message *m, const struct tokenizer *t)
{
	struct engine_model model = { .name = (char *)"small",
		                      .fingerprint = pick(1 << 30) };
	struct sampler_settings s = { .temperature = (float)pick(200) / 100,
		                      .top_p = 0.95f, .seed = pick(1 << 30) };

	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	if (pick(2))
		reply_note_thinking(m, pick(1 << 20) / 1234.5);
	tokenizer_encode(t, m->text.bytes, m->text.len, TOKENIZER_PLAIN,
	                 &m->ids);
	while (m->n_odds < m->ids.n)
		add_odds(m, t);
	m->state = (enum message_state)(pick(2) ? MESSAGE_DONE :
	                                          2 + pick(2));
	m->seconds = pick(1000) / 7.0;
}

static struct conversation *random_tree(const struct tokenizer *t)
{
	struct conversation *c = conversation_new();
	size_t n = 1 + pick(20);

	for (size_t i = 0; i < n; i++) {
		int64_t parent = -1;
		struct strbuf text = STRBUF_INIT;
		struct message *m;

		if (i && pick(8))
			parent = c->messages[pick((uint32_t)i)]->id;
		add_text(&text);
		m = conversation_add(c, parent, (enum message_role)pick(4),
		                     text.bytes, text.len);
		m->id += pick(3); /* as after a branch was deleted */
		m->created_ms = 1700000000000 + pick(1 << 30);
		if (m->role == ROLE_ASSISTANT)
			fill_reply(m, t);
		strbuf_free(&text);
	}
	conversation_select(c, c->messages[pick((uint32_t)n)]->id);
	free(c->title);
	c->title = strdup("Title \"with\" <marks> & 日本");
	c->created_ms = 1600000000000;
	c->updated_ms = 1700000000000;
	return c;
}

static void same_text(const char *a, const char *b)
{
	if (!a || !b)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void same_message(const struct message *x, const struct message *y)
{
	assert_int_equal(x->id, y->id);
	assert_int_equal(x->parent, y->parent);
	assert_int_equal(x->role, y->role);
	assert_int_equal(x->state, y->state);
	assert_int_equal(x->text.len, y->text.len);
	assert_memory_equal(x->text.bytes, y->text.bytes, x->text.len);
	assert_int_equal(x->ids.n, y->ids.n);
	for (size_t i = 0; i < x->ids.n; i++)
		assert_int_equal(x->ids.data[i], y->ids.data[i]);
	assert_int_equal(x->n_odds, y->n_odds);
	for (size_t i = 0; i < x->n_odds; i++)
		assert_memory_equal(&x->odds[i], &y->odds[i],
		                    sizeof x->odds[i]);
	assert_true(x->created_ms == y->created_ms);
	assert_true(x->seconds == y->seconds);
	same_text(x->model, y->model);
	same_text(x->extra, y->extra);
}

static void comes_back(const struct conversation *c, enum export_format format,
                       const struct export_tokens *tokens)
{
	struct conversation **list;
	struct strbuf text = STRBUF_INIT;
	struct error err = { "" };
	size_t n;

	export_conversation(&text, c, format, tokens);
	if (import_text(text.bytes, text.len, "export", &list, &n, &err))
		fail_msg("%s", err.text);
	assert_int_equal(n, 1);
	assert_string_equal(list[0]->title, c->title);
	assert_true(list[0]->created_ms == c->created_ms);
	assert_true(list[0]->updated_ms == c->updated_ms);
	assert_int_equal(list[0]->leaf, c->leaf);
	assert_int_equal(list[0]->n, c->n);
	for (size_t i = 0; i < c->n; i++)
		same_message(c->messages[i], list[0]->messages[i]);
	import_free(list, n);
	strbuf_free(&text);
}

static void what_is_exported_is_imported_as_it_was(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct export_tokens tokens = { of, t };

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct conversation *c = random_tree(t);

		comes_back(c, EXPORT_JSON, i % 2 ? &tokens : NULL);
		comes_back(c, EXPORT_JSONL, i % 2 ? &tokens : NULL);
		conversation_free(c);
	}
	tokenizer_free(t);
}

static void a_thought_is_split_only_where_joining_gives_it_back(void **state)
{
	static const struct {
		const char *text, *thought, *answer;
	} cases[] = {
		{ "<think>\nI see.\n</think>\n\nYes.", "I see.", "Yes." },
		{ "<think>\nI\n\n</think>\n\n", "I\n", "" },
		{ "<think>\n\n</think>\n\nYes.", NULL, NULL },
		{ "<think>\nI see.\n</think>\nYes.", NULL, NULL },
		{ "<think>\nI see.", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t thought, len, answer;
		struct strbuf joined = STRBUF_INIT;
		bool split = thinking_split(cases[i].text,
		                            strlen(cases[i].text), &thought,
		                            &len, &answer);

		assert_int_equal(split, cases[i].thought != NULL);
		if (!split)
			continue;
		assert_int_equal(len, strlen(cases[i].thought));
		assert_memory_equal(cases[i].text + thought, cases[i].thought,
		                    len);
		assert_string_equal(cases[i].text + answer, cases[i].answer);
		thinking_join(&joined, cases[i].thought, cases[i].answer);
		assert_string_equal(joined.bytes, cases[i].text);
		strbuf_free(&joined);
	}
}

/* ---- formats ---- */

static struct conversation *small(const struct tokenizer *t)
{
	struct conversation *c = conversation_new();
	struct message *m;

	free(c->title);
	c->title = strdup("Kyoto <&>");
	conversation_add(c, -1, ROLE_USER, "Where to?", 9);
	m = conversation_add(c, 0, ROLE_ASSISTANT, "<b>Kyoto</b>", 12);
	m->model = strdup("small");
	tokenizer_encode(t, m->text.bytes, m->text.len, TOKENIZER_PLAIN,
	                 &m->ids);
	for (size_t i = 0; i < m->ids.n; i++) {
		struct token_odds *odds = message_add_odds(m);

		odds->id = m->ids.data[i];
		odds->rank = 2;
		odds->logprob = -1.5f;
		odds->entropy = 2;
		odds->n_top = 1;
		odds->top[0] = (struct token_candidate){ odds->id, -1.5f, 0.5f,
			                                 SAMPLER_KEPT };
	}
	m = conversation_add(c, 0, ROLE_ASSISTANT, "Nara", 4);
	m->state = MESSAGE_LENGTH;
	c->leaf = 1;
	return c;
}

static struct strbuf exported(enum export_format format)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct export_tokens tokens = { of, t };
	struct conversation *c = small(t);
	struct strbuf out = STRBUF_INIT;

	export_conversation(&out, c, format, &tokens);
	conversation_free(c);
	tokenizer_free(t);
	return out;
}

static const struct tokenizer *at_hand(void *arg, const char *model)
{
	return *model ? NULL : arg;
}

/* Of an imported text nothing says whose its ids are: those that spell it are the
 * model's at hand. */
static void ids_that_spell_their_text_need_no_models_name(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct export_tokens tokens = { at_hand, t };
	struct conversation *c = small(t);
	struct message *m = conversation_message(c, 1);
	struct strbuf out = STRBUF_INIT;

	(void)state;
	export_conversation(&out, c, EXPORT_JSON, &tokens);
	assert_null(strstr(out.bytes, "\"token\":\"K"));
	free(m->model);
	m->model = NULL;
	strbuf_clear(&out);
	export_conversation(&out, c, EXPORT_JSON, &tokens);
	assert_non_null(strstr(out.bytes, "\"token\":\"K"));
	m->ids.data[0]++;
	strbuf_clear(&out);
	export_conversation(&out, c, EXPORT_JSON, &tokens);
	assert_null(strstr(out.bytes, "\"token\":\"K"));
	strbuf_free(&out);
	conversation_free(c);
	tokenizer_free(t);
}

static void json_has_the_logprobs_of_the_chat_completion_object(void **state)
{
	struct strbuf out = exported(EXPORT_JSON), text = STRBUF_INIT;
	struct json *root = json_parse(out.bytes, out.len, "json", NULL);
	const struct json *reply, *list, *entry;
	double number;

	(void)state;
	assert_non_null(root);
	assert_int_equal(json_count(json_get(root, "messages")), 2);
	reply = json_next(json_first(json_get(root, "messages")));
	assert_string_equal(json_string(json_get(reply, "role")), "assistant");
	list = json_get(json_get(reply, "logprobs"), "content");
	for (entry = json_first(list); entry; entry = json_next(entry)) {
		const struct json *bytes = json_get(entry, "bytes");

		for (const struct json *b = json_first(bytes); b;
		     b = json_next(b)) {
			assert_true(json_number(b, &number));
			strbuf_add_char(&text, (char)number);
		}
		assert_true(json_number(json_get(entry, "logprob"), &number));
		assert_true(number == -1.5);
		assert_int_equal(json_count(json_get(entry, "top_logprobs")),
		                 1);
		assert_non_null(json_string(json_get(entry, "token")));
	}
	assert_string_equal(text.bytes, "<b>Kyoto</b>");
	assert_int_equal(
		json_count(json_get(json_get(root, "confab"), "branches")), 1);
	json_free(root);
	strbuf_free(&out);
	strbuf_free(&text);
}

/* A token that a person typed has no probability, and one that could not be has none
 * that JSON could say. */
static void what_is_not_known_is_exported_as_not_known(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = conversation_add(c, -1, ROLE_ASSISTANT, "a\0b", 3);
	struct strbuf out = STRBUF_INIT;
	struct json *root;
	const struct json *reply, *list, *second;
	double number;

	(void)state;
	m->extra = strdup("{\"no\": json");
	ids_add(&m->ids, 5);
	ids_add(&m->ids, 6);
	message_add_odds(m);
	*message_add_odds(m) =
		(struct token_odds){ .id = 6, .rank = 9, .logprob = -INFINITY };
	export_conversation(&out, c, EXPORT_JSON, NULL);
	root = json_parse(out.bytes, out.len, "json", NULL);
	assert_non_null(root);
	reply = json_first(json_get(root, "messages"));
	assert_string_equal(json_string(json_get(reply, "content")),
	                    "a\xef\xbf\xbd"
	                    "b");
	assert_null(json_get(json_get(reply, "confab"), "extra"));
	list = json_get(json_get(reply, "logprobs"), "content");
	second = json_next(json_first(list));
	assert_true(json_number(json_get(json_first(list), "id"), &number));
	assert_true(number == 5);
	for (const struct json *e = json_first(list); e; e = json_next(e)) {
		assert_true(json_number(json_get(e, "logprob"), &number));
		assert_true(number == -9999);
	}
	assert_true(json_number(json_get(second, "rank"), &number));
	assert_true(number == 9);
	json_free(root);
	strbuf_free(&out);
	conversation_free(c);
}

/* The path need not be the first messages. */
static void the_messages_of_a_file_are_the_path(void **state)
{
	struct conversation *c = conversation_new();
	struct strbuf out = STRBUF_INIT;
	struct json *root;
	const struct json *m;

	(void)state;
	conversation_add(c, -1, ROLE_SYSTEM, "s", 1);
	conversation_add(c, 0, ROLE_USER, "left", 4);
	conversation_add(c, 0, ROLE_USER, "u", 1);
	conversation_add(c, 2, ROLE_ASSISTANT, "a", 1);
	export_conversation(&out, c, EXPORT_JSON, NULL);
	root = json_parse(out.bytes, out.len, "json", NULL);
	m = json_first(json_get(root, "messages"));
	for (const char *says = "sua"; *says; says++, m = json_next(m))
		assert_int_equal(*json_string(json_get(m, "content")), *says);
	assert_null(m);
	assert_int_equal(json_count(json_get(json_get(root, "confab"),
	                                     "branches")),
	                 1);
	json_free(root);
	strbuf_clear(&out);
	/* And to the web UI, which goes by the children, all are there. */
	export_conversation(&out, c, EXPORT_JSONL, NULL);
	assert_non_null(strstr(out.bytes, "\"children\":[\"0\"]"));
	assert_non_null(strstr(out.bytes, "\"children\":[\"1\",\"2\"]"));
	assert_non_null(strstr(out.bytes, "\"children\":[\"3\"]"));
	assert_non_null(strstr(out.bytes, "\"type\":\"system\""));
	strbuf_free(&out);
	conversation_free(c);
}

static void markdown_is_the_path_and_its_bytes(void **state)
{
	struct strbuf out = exported(EXPORT_MARKDOWN);

	(void)state;
	assert_non_null(strstr(out.bytes, "# Kyoto <&>\n"));
	assert_non_null(strstr(out.bytes, "## You\n\nWhere to?\n"));
	assert_non_null(strstr(out.bytes, "## small\n\n<b>Kyoto</b>\n"));
	assert_null(strstr(out.bytes, "Nara"));
	strbuf_free(&out);
}

static void a_page_shows_text_as_text_and_loads_nothing(void **state)
{
	struct strbuf out = exported(EXPORT_HTML);

	(void)state;
	assert_non_null(strstr(out.bytes, "<title>Kyoto &lt;&amp;&gt;"));
	assert_null(strstr(out.bytes, "<b>"));
	assert_null(strstr(out.bytes, "<script"));
	assert_null(strstr(out.bytes, "http:"));
	assert_null(strstr(out.bytes, "https:"));
	assert_non_null(strstr(out.bytes, "prefers-color-scheme:dark"));
	assert_non_null(strstr(out.bytes, "class=\"t h7\" data-o=\""));
	assert_non_null(strstr(out.bytes, "p 0.2231  rank 2  entropy 2.89 "));
	assert_non_null(strstr(out.bytes, "branch 1 of 2"));
	strbuf_free(&out);
}

static void formats_go_by_name_and_by_path(void **state)
{
	(void)state;
	assert_int_equal(export_format_named("html"), EXPORT_HTML);
	assert_int_equal(export_format_named("pdf"), -1);
	assert_int_equal(export_format_of_path("a.b/c.jsonl"), EXPORT_JSONL);
	assert_int_equal(export_format_of_path("a"), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(ids_that_spell_their_text_need_no_models_name),
	cmocka_unit_test(what_is_exported_is_imported_as_it_was),
	cmocka_unit_test(a_thought_is_split_only_where_joining_gives_it_back),
	cmocka_unit_test(json_has_the_logprobs_of_the_chat_completion_object),
	cmocka_unit_test(what_is_not_known_is_exported_as_not_known),
	cmocka_unit_test(the_messages_of_a_file_are_the_path),
	cmocka_unit_test(markdown_is_the_path_and_its_bytes),
	cmocka_unit_test(a_page_shows_text_as_text_and_loads_nothing),
	cmocka_unit_test(formats_go_by_name_and_by_path),
};

TEST_MAIN(tests)
