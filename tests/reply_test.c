#include "tests/bundled.h"
#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "library/reply.h"
#include "text/tokenizer.h"

static struct message *reply_of(struct conversation *c, struct tokenizer *t,
                                const char *text)
{
	struct message *m = conversation_add(c, -1, ROLE_ASSISTANT, text,
	                                     strlen(text));

	tokenizer_encode(t, text, strlen(text), TOKENIZER_PLAIN, &m->ids);
	return m;
}

static void ids_that_say_the_text_hold(void **state)
{
	struct conversation *c = conversation_new();
	struct tokenizer *t = test_bundled_tokenizer();
	struct message *m;

	(void)state;
	m = reply_of(c, t, "It is \xe2\x82\xac 5, <|im_end|> or 日本.");
	assert_true(reply_ids_hold(m, t));
	/* Cut in the middle of a character, which the text shows as U+FFFD. */
	m = reply_of(c, t, "\xf0\x9f\xa6\xa9");
	assert_true(m->ids.n > 1);
	m->ids.n = 1;
	m->text.len = 0;
	strbuf_add_str(&m->text, "\xef\xbf\xbd");
	assert_true(reply_ids_hold(m, t));
	conversation_free(c);
	tokenizer_free(t);
}

static void ids_that_say_something_else_do_not(void **state)
{
	struct conversation *c = conversation_new();
	struct tokenizer *t = test_bundled_tokenizer();
	struct message *m = reply_of(c, t, "Hello there");

	(void)state;
	strbuf_add_str(&m->text, ".");
	assert_false(reply_ids_hold(m, t));
	m = reply_of(c, t, "Hello there");
	m->ids.data[0] = tokenizer_n_ids(t);
	assert_false(reply_ids_hold(m, t));
	m->ids.data[0] = -1;
	assert_false(reply_ids_hold(m, t));
	m->ids.n = 0;
	assert_false(reply_ids_hold(m, t));
	conversation_free(c);
	tokenizer_free(t);
}

static void special_tokens_are_never_history(void **state)
{
	struct conversation *c = conversation_new();
	struct tokenizer *t = test_bundled_tokenizer();
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < tokenizer_n_added(t); i++) {
		int id = tokenizer_added_at(t, i);
		size_t len;
		const char *text = tokenizer_bytes(t, id, &len);
		struct message *m = conversation_add(c, -1, ROLE_ASSISTANT,
		                                     text, len);

		ids_add(&m->ids, id);
		assert_int_equal(reply_ids_hold(m, t),
		                 !tokenizer_is_special(t, id));
		seen += tokenizer_is_special(t, id);
	}
	assert_true(seen > 0);
	conversation_free(c);
	tokenizer_free(t);
}

static void a_token_keeps_its_odds_and_its_place(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = conversation_add(c, -1, ROLE_ASSISTANT, "", 0);
	struct sample s = { .id = 7, .logprob = -0.5, .entropy = 1.25,
		            .rank = 2, .sampled_prob = 0.25, .n_top = 2 };

	(void)state;
	s.top[0] = (struct candidate){ 3, -0.25f, 0.75, SAMPLER_KEPT, true };
	s.top[1] = (struct candidate){ 7, -0.5f, 0.25, SAMPLER_CUT_TOP_P,
		                       false };
	ids_add(&m->ids, 1); /* typed by a person */
	reply_add_token(m, &s);
	assert_int_equal(m->odds[1].top[0].cut, SAMPLER_KEPT | TOKEN_PENALISED);
	assert_int_equal(m->ids.n, 2);
	assert_int_equal(m->n_odds, 2);
	assert_int_equal(m->odds[0].rank, 0);
	assert_int_equal(m->odds[1].id, 7);
	assert_int_equal(m->odds[1].rank, 2);
	assert_int_equal(m->odds[1].n_top, 2);
	assert_true(m->odds[1].top[0].sampled_prob == 0.75f);
	assert_int_equal(m->odds[1].top[1].cut, SAMPLER_CUT_TOP_P);
	conversation_free(c);
}

static void a_reply_says_how_it_was_drawn(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = conversation_add(c, -1, ROLE_ASSISTANT, "", 0);
	struct engine_model model = { .name = (char *)"small",
		                      .fingerprint = 0xabcdef };
	struct sampler_settings s = { .temperature = 0.7f, .top_k = 20,
		                      .top_p = 0.8f, .repeat_penalty = 1,
		                      .seed = UINT64_MAX };
	struct error err = { "" };
	struct json *extra;
	double number;

	(void)state;
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	/* A reply that is continued. */
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	assert_string_equal(m->model, "small");
	extra = json_parse(m->extra, strlen(m->extra), "extra", &err);
	assert_non_null(extra);
	assert_true(json_number(json_get(extra, "temperature"), &number));
	assert_true((float)number == 0.7f);
	assert_string_equal(json_string(json_get(extra, "seed")),
	                    "18446744073709551615");
	assert_string_equal(json_string(json_get(extra, "model_fingerprint")),
	                    "0000000000abcdef");
	json_free(extra);
	conversation_free(c);
}

static void the_notes_come_back_to_the_last_bit(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = conversation_add(c, -1, ROLE_ASSISTANT, "", 0);
	struct engine_model model = { .name = "m", .fingerprint = UINT64_MAX };
	struct sampler_settings s = { .temperature = 0.7f,
		                      .top_k = 20,
		                      .top_p = 0.8f,
		                      .min_p = 0.012345678f,
		                      .presence_penalty = 1.5f,
		                      .repeat_penalty = 1.05f,
		                      .seed = 9 };
	struct reply_notes notes;

	(void)state;
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	reply_read_notes(&notes, m->extra);
	assert_true(notes.has_sampling && notes.think_seconds < 0);
	assert_true(notes.model_fingerprint == UINT64_MAX);
	s.seed = 0;
	assert_memory_equal(&notes.sampling, &s, sizeof s);
	/* A reply that goes on has thought already. */
	reply_note_thinking(m, 3.25);
	strbuf_add_str(&m->text, "<think>x</think>");
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	reply_read_notes(&notes, m->extra);
	assert_true(notes.think_seconds == 3.25);
	assert_memory_equal(&notes.sampling, &s, sizeof s);
	conversation_free(c);
}

static void what_a_reply_began_with_is_known_when_it_goes_on(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = conversation_add(c, -1, ROLE_ASSISTANT, "", 0);
	struct engine_model model = { .name = "m" };
	struct sampler_settings s = { .temperature = 1, .top_p = 1 };
	struct reply_notes notes;

	(void)state;
	reply_begin(m, &model, &s, CHAT_THINK_OFF);
	for (int i = 0; i < 3; i++)
		ids_add(&m->ids, i);
	reply_begin(m, &model, &s, CHAT_THINK_ON);
	reply_read_notes(&notes, m->extra);
	assert_true(notes.has_think && notes.think == CHAT_THINK_OFF);
	assert_int_equal(notes.earlier, 0);
	s.temperature = 0.5f;
	reply_begin(m, &model, &s, CHAT_THINK_ON);
	reply_read_notes(&notes, m->extra);
	assert_int_equal(notes.earlier, 3);
	ids_add(&m->ids, 3);
	reply_begin(m, &model, &s, CHAT_THINK_ON);
	reply_read_notes(&notes, m->extra);
	assert_int_equal(notes.earlier, 3);
	assert_true(notes.think == CHAT_THINK_OFF);
	conversation_free(c);
}

static void tokens_of_other_weights_are_told_when_a_reply_goes_on(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = conversation_add(c, -1, ROLE_ASSISTANT, "", 0);
	struct engine_model model = { .name = "m", .fingerprint = 1 };
	struct sampler_settings s = { .temperature = 1, .top_p = 1 };
	struct reply_notes notes;

	(void)state;
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	for (int i = 0; i < 3; i++)
		ids_add(&m->ids, i);
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	reply_read_notes(&notes, m->extra);
	assert_int_equal(notes.other_weights, 0);
	model.fingerprint = 2;
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	ids_add(&m->ids, 3);
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	reply_read_notes(&notes, m->extra);
	assert_int_equal(notes.other_weights, 3);
	assert_int_equal(notes.earlier, 0);
	/* Another token was taken instead of the third. */
	m->ids.n = 2;
	reply_begin(m, &model, &s, CHAT_THINK_UNSET);
	reply_read_notes(&notes, m->extra);
	assert_int_equal(notes.other_weights, 2);
	conversation_free(c);
}

/* Of another model not even ids that would say the text. */
static void ids_are_history_of_the_model_that_drew_them(void **state)
{
	struct tokenizer *t = test_bundled_tokenizer();
	struct engine_model model = { .name = "m", .tokenizer = t };
	struct conversation *c = conversation_new();
	struct message *m = conversation_add(c, -1, ROLE_ASSISTANT, "ab", 2);

	(void)state;
	tokenizer_encode(t, "ab", 2, TOKENIZER_PLAIN, &m->ids);
	m->model = strdup("m");
	assert_int_equal(reply_as_chat(m, &model).n_ids, m->ids.n);
	model.name = "n";
	assert_int_equal(reply_as_chat(m, &model).n_ids, 0);
	conversation_free(c);
	tokenizer_free(t);
}

static void a_reply_ends_as_the_engine_did(void **state)
{
	(void)state;
	assert_int_equal(reply_state(ENGINE_STOP), MESSAGE_DONE);
	assert_int_equal(reply_state(ENGINE_LENGTH), MESSAGE_LENGTH);
	assert_int_equal(reply_state(ENGINE_CANCELLED), MESSAGE_INTERRUPTED);
}

static void what_is_no_note_says_nothing(void **state)
{
	static const char *const extras[] = { NULL,
		                              "",
		                              "{}",
		                              "[]",
		                              "{\"tool_calls\":[]}",
		                              "{",
		                              "null",
		                              "{\"temperature\":\"hot\"}",
		                              "{\"think_seconds\":\"x\"}" };
	struct reply_notes notes;

	(void)state;
	for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
		reply_read_notes(&notes, extras[i]);
		assert_false(notes.has_sampling);
		assert_true(notes.think_seconds < 0);
		assert_true(notes.model_fingerprint == 0);
	}
	reply_read_notes(&notes, "{\"temperature\":1,\"top_k\":1e300}");
	assert_true(notes.has_sampling && notes.sampling.top_k == 0);
	assert_true(notes.sampling.top_p == 1);
}

static void settings_differ_where_a_probability_would(void **state)
{
	struct sampler_settings a = { .temperature = 0.7f,
		                      .top_p = 0.8f,
		                      .repeat_penalty = 1.05f },
				b = a;

	(void)state;
	b.seed = 1;
	assert_true(reply_same_sampling(&a, &b));
	b.top_p = 0.9f;
	assert_false(reply_same_sampling(&a, &b));
	a.temperature = b.temperature = 0;
	assert_true(reply_same_sampling(&a, &b));
	b.repeat_penalty = 1;
	assert_false(reply_same_sampling(&a, &b));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(ids_that_say_the_text_hold),
	cmocka_unit_test(ids_that_say_something_else_do_not),
	cmocka_unit_test(special_tokens_are_never_history),
	cmocka_unit_test(a_token_keeps_its_odds_and_its_place),
	cmocka_unit_test(a_reply_says_how_it_was_drawn),
	cmocka_unit_test(the_notes_come_back_to_the_last_bit),
	cmocka_unit_test(what_a_reply_began_with_is_known_when_it_goes_on),
	cmocka_unit_test(tokens_of_other_weights_are_told_when_a_reply_goes_on),
	cmocka_unit_test(ids_are_history_of_the_model_that_drew_them),
	cmocka_unit_test(a_reply_ends_as_the_engine_did),
	cmocka_unit_test(what_is_no_note_says_nothing),
	cmocka_unit_test(settings_differ_where_a_probability_would),
};

TEST_MAIN(tests)
