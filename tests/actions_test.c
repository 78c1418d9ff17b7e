/*
 * actions_test.c - the table of actions and what is made from it
 */
#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "engine/sampler.h"
#include "library/conversation.h"
#include "ui/action_help.h"
#include "ui/actions.h"
#include "ui/thought.h"
#include "ui/transcript_item.h"
#include "ui/try_settings.h"

static void names_are_all_different_and_rows_are_complete(void **state)
{
	(void)state;
	for (int a = ACTION_NONE + 1; a < ACTIONS; a++) {
		const struct action_info *info = action_info((enum action)a);

		assert_non_null(info->name);
		assert_true(*info->help && *info->group);
		/* Everything can be done somehow. */
		assert_true(*info->keys || info->slash);
		assert_int_equal(action_named(info->name, strlen(info->name)),
		                 a);
	}
	assert_int_equal(action_named("nonsense", 8), ACTION_NONE);
}

static void no_key_means_two_things_in_one_place(void **state)
{
	(void)state;
	for (int a = ACTION_NONE + 1; a < ACTIONS; a++) {
		const char *key = action_key((enum action)a);

		if (*action_info((enum action)a)->keys)
			assert_true(*key);
	}
	assert_int_equal(action_of_key("Esc", PLACE_INPUT), ACTION_STOP);
	assert_int_equal(action_of_key("n", PLACE_TRANSCRIPT), ACTION_NEXT);
	/* Letters are typed, not obeyed. */
	assert_int_equal(action_of_key("n", PLACE_INPUT), ACTION_NONE);
	assert_int_equal(action_of_key("[", PLACE_INPUT), ACTION_NONE);
	assert_int_equal(action_of_key("Enter", PLACE_INPUT), ACTION_NONE);
}

static void every_command_of_the_brief_is_there(void **state)
{
	static const char *const names[] = {
		"new",   "open",     "list", "search", "rename", "delete",
		"retry", "continue", "edit", "undo",   "branch", "system",
		"set",   "model",    "save", "export", "import", "copy",
		"write", "think",    "help", "quit"
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		enum action a = action_named(names[i], strlen(names[i]));

		assert_true(a != ACTION_NONE && action_info(a)->slash);
	}
}

static void commands_complete(void **state)
{
	char **found = actions_complete("/re", 3);
	size_t n = 0;

	(void)state;
	assert_non_null(found);
	for (; found[n]; n++) {
		assert_int_equal(strncmp(found[n], "/re", 3), 0);
		free(found[n]);
	}
	free(found);
	assert_true(n >= 2); /* /rename, /retry */
	assert_null(actions_complete("/zzz", 4));
	/* What has keys only is no command. */
	assert_null(actions_complete("/token-left", 11));
}

static void a_slip_is_understood(void **state)
{
	(void)state;
	assert_string_equal(actions_nearest("rtery"), "retry");
	assert_string_equal(actions_nearest("hlep"), "help");
	assert_null(actions_nearest("xyzzyxyzzy"));
}

static void keys_can_be_bound_anew_and_freed(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(action_bind("F9", "retry", &err), 0);
	assert_int_equal(action_of_key("F9", PLACE_INPUT), ACTION_RETRY);
	/* What has a command can be done anywhere, but letters are typed. */
	assert_int_equal(action_bind("F9", "times", &err), 0);
	assert_int_equal(action_of_key("F9", PLACE_INPUT), ACTION_TIMES);
	assert_int_equal(action_bind("z", "times", &err), 0);
	assert_int_equal(action_of_key("z", PLACE_INPUT), ACTION_NONE);
	assert_int_equal(action_of_key("z", PLACE_TRANSCRIPT), ACTION_TIMES);
	assert_int_equal(action_bind("F9", "none", &err), 0);
	assert_int_equal(action_of_key("F9", PLACE_INPUT), ACTION_NONE);
	assert_int_equal(action_bind("F9", "nonsense", &err), -1);
	assert_non_null(strstr(err.text, "nonsense"));
	assert_int_equal(action_bind("", "retry", &err), -1);
}

static void the_help_screen_lists_all_of_them(void **state)
{
	struct strbuf help = STRBUF_INIT;

	(void)state;
	action_help_print(&help, true);
	for (int a = ACTION_NONE + 1; a < ACTIONS; a++)
		assert_non_null(
			strstr(help.bytes, action_info((enum action)a)->help));
	strbuf_free(&help);
}

static void the_help_of_line_mode_has_neither_keys_nor_the_screens(void **state)
{
	struct strbuf help = STRBUF_INIT;

	(void)state;
	action_help_print(&help, false);
	assert_non_null(strstr(help.bytes, "\n  /retry "));
	assert_null(strstr(help.bytes, "F5"));
	assert_non_null(strstr(help.bytes, "\n  /inspector [N] "));
	/* Lines are neither laid out nor folded. */
	assert_null(strstr(help.bytes, "/raw"));
	assert_null(strstr(help.bytes, "/fold"));
	assert_null(strstr(help.bytes, "the token before"));
	strbuf_free(&help);
}

/* The column of an explanation in its line. */
static size_t column_of(const struct strbuf *text, const char *explanation)
{
	const char *at = strstr(text->bytes, explanation);
	const char *line = at;

	assert_non_null(at);
	while (line > text->bytes && line[-1] != '\n')
		line--;
	return (size_t)(at - line);
}

static void all_explanations_begin_in_one_column(void **state)
{
	struct strbuf help = STRBUF_INIT;
	size_t first;

	(void)state;
	action_help_print(&help, true);
	first = column_of(&help, action_info(ACTION_NONE + 1)->help);
	for (int a = ACTION_NONE + 1; a < ACTIONS; a++)
		assert_int_equal(
			column_of(&help, action_info((enum action)a)->help),
			first);
	strbuf_free(&help);
}

/* man/confab.1 up to and with the first marker, and from the second on. */
static char *read_manual(size_t *before, size_t *after)
{
	static const char begin[] = ".\\\" BEGIN KEYS\n",
			  end[] = ".\\\" END KEYS";
	char *path = test_source("man/confab.1"), *at;
	struct strbuf file = STRBUF_INIT;
	char *text;

	assert_int_equal(file_read(&file, path, 1 << 20, NULL), 0);
	text = strbuf_take(&file);
	free(path);
	at = strstr(text, begin);
	assert_non_null(at);
	*before = (size_t)(at - text) + sizeof begin - 1;
	at = strstr(text, end);
	assert_non_null(at);
	*after = (size_t)(at - text);
	assert_true(*after >= *before);
	return text;
}

static void write_manual(const char *text, size_t before, size_t after,
                         const struct strbuf *keys)
{
	struct strbuf all = STRBUF_INIT;
	char *path = test_source("man/confab.1");

	strbuf_add(&all, text, before);
	strbuf_add(&all, keys->bytes, keys->len);
	strbuf_add_str(&all, text + after);
	assert_int_equal(file_write(path, all.bytes, all.len, NULL), 0);
	strbuf_free(&all);
	free(path);
}

/* CONFAB_WRITE_MAN=1 tests/actions_test brings the page up to date. */
static void the_manual_page_has_the_keys_of_the_table(void **state)
{
	size_t before, after;
	char *text = read_manual(&before, &after);
	struct strbuf keys = STRBUF_INIT;

	(void)state;
	action_help_print_man(&keys);
	if (getenv("CONFAB_WRITE_MAN"))
		write_manual(text, before, after, &keys);
	else if (after - before != keys.len ||
	         memcmp(text + before, keys.bytes, keys.len))
		fail_msg("man/confab.1 is stale: run CONFAB_WRITE_MAN=1 "
		         "tests/actions_test");
	strbuf_free(&keys);
	free(text);
}

/* mdoc reads the words of a heading as macros: "In", unquoted, is an #include. */
static void headings_of_the_manual_page_are_text(void **state)
{
	struct strbuf keys = STRBUF_INIT;
	size_t headings = 0;
	const char *at;

	(void)state;
	action_help_print_man(&keys);
	for (at = keys.bytes; (at = strstr(at, ".Ss ")); headings++) {
		at += strlen(".Ss ");
		assert_int_equal(*at, '"');
		assert_int_equal(strcspn(at + 1, "\"\n") + 2,
		                 strcspn(at, "\n"));
	}
	assert_true(headings > 1);
	strbuf_free(&keys);
}

/* ---- thinking ---- */

static void thought_is(const char *text, bool opened, const char *thought,
                       const char *body, bool closed)
{
	struct thought t = thought_find(text, strlen(text), opened);

	assert_int_equal(t.end - t.begin, strlen(thought));
	assert_memory_equal(text + t.begin, thought, strlen(thought));
	assert_string_equal(text + t.body, body);
	assert_int_equal(t.closed, closed);
}

static void thoughts_are_told_from_answers(void **state)
{
	(void)state;
	thought_is("<think>\nhm\n</think>\n\nyes", false, "hm", "yes", true);
	thought_is("hm\n</think>\n\nyes", false, "hm", "yes", true);
	thought_is("hm", true, "hm", "", false);
	thought_is("<think>hm", false, "hm", "", false);
	thought_is("<think>\n\n</think>\n\nyes", false, "", "yes", true);
	thought_is("no thought", false, "", "no thought", false);
}

/* ---- other sampling settings ---- */

#define N_IDS 50

/* What the sampler makes of N_IDS logits. */
static struct sample sampler_says(const struct try_settings *tried,
                                  const float *logits)
{
	struct sampler *s = sampler_new(N_IDS);
	struct sampler_settings given = {
		.temperature = (float)tried->temperature,
		.top_k = tried->top_k,
		.top_p = (float)tried->top_p,
		.min_p = (float)tried->min_p,
		.repeat_penalty = 1,
		.seed = 1,
	};
	struct sample sample;

	sampler_start(s, &given, NULL, 0);
	sampler_describe(s, logits, 0, &sample);
	sampler_free(s);
	return sample;
}

/* Gives whether the figures are called exact, and in *far the farthest of them
 * from the sampler's, as a part of that. */
static bool try_and_compare(const struct try_settings *tried,
                            const float *logits, double *far)
{
	struct sample sample = sampler_says(tried, logits);
	float logprobs[SAMPLER_TOP];
	double sampled[SAMPLER_TOP];
	const char *cut[SAMPLER_TOP];
	bool exact;

	for (int k = 0; k < sample.n_top; k++)
		logprobs[k] = sample.top[k].logprob;
	exact = try_settings(tried, logprobs, sample.n_top, sampled, cut);
	*far = 0;
	for (int k = 0; k < sample.n_top; k++) {
		double want = sample.top[k].sampled_prob;

		if (want > 0)
			*far = fmax(*far, fabs(sampled[k] / want - 1));
		if (!exact)
			continue;
		assert_true(fabs(sampled[k] - want) < 1e-5);
		assert_string_equal(cut[k],
		                    sampler_cut_name(sample.top[k].cut));
	}
	return exact;
}

/* Against the sampler itself, on random logits. */
static void trying_settings_gives_what_the_sampler_would(void **state)
{
	(void)state;
	srand(9);
	for (int i = 0; i < 300; i++) {
		struct try_settings tried = {
			.temperature = (rand() % 20) / 10.0,
			.top_k = 1 + rand() % 20,
			.top_p = (1 + rand() % 10) / 10.0,
			.min_p = (rand() % 5) / 20.0,
		};
		float logits[N_IDS];
		double far;

		for (int k = 0; k < N_IDS; k++)
			logits[k] = (float)(rand() % 10000) / 1000;
		assert_true(try_and_compare(&tried, logits, &far));
	}
}

/* Where more than the list may be kept, what is called exact is so, too. */
static void what_is_tried_is_called_exact_only_where_it_is(void **state)
{
	int n_exact = 0, n = 2000;

	(void)state;
	srand(10);
	for (int i = 0; i < n; i++) {
		struct try_settings tried = {
			.temperature = i % 2 ? 1 : (1 + rand() % 30) / 10.0,
			.top_k = i % 3 ? 0 : 21 + rand() % 40,
			.top_p = (1 + rand() % 10) / 10.0,
			.min_p = (rand() % 3) / 20.0,
		};
		float logits[N_IDS];
		double far;

		for (int k = 0; k < N_IDS; k++)
			logits[k] = (float)(rand() % 10000) / 3000;
		n_exact += try_and_compare(&tried, logits, &far);
	}
	assert_true(n_exact > n / 10 && n_exact < n - n / 10);
}

static void equals_of_the_last_are_kept_when_top_k_is_tried(void **state)
{
	struct try_settings tried = { 0.7, 2, 1, 0 };
	float logits[N_IDS] = { 3, 2, 2, 2, 1 };
	double far;

	(void)state;
	assert_true(try_and_compare(&tried, logits, &far));
}

/* Nearly equal ids, of which the list has two fifths. */
static void what_is_cut_outside_of_the_list_does_not_count(void **state)
{
	struct try_settings by_top_p = { 1, 0, 0.601, 0 };
	struct try_settings by_top_k = { 1, 25, 1, 0 };
	struct try_settings by_both = { 1.5, 30, 0.9, 0 };
	float logits[N_IDS];
	double far;

	(void)state;
	for (int k = 0; k < N_IDS; k++)
		logits[k] = (float)-k / 1e4f;
	assert_false(try_and_compare(&by_top_p, logits, &far));
	assert_true(far < 0.05);
	assert_false(try_and_compare(&by_top_k, logits, &far));
	assert_true(far < 0.05);
	assert_false(try_and_compare(&by_both, logits, &far));
	assert_true(far < 0.05);
}

static void without_top_k_the_figures_are_called_an_estimate(void **state)
{
	struct try_settings s = { 1.5, 0, 1, 0 };
	const float logprobs[2] = { -0.7f, -1.4f };
	double sampled[2];
	const char *cut[2];

	(void)state;
	assert_false(try_settings(&s, logprobs, 2, sampled, cut));
	assert_true(sampled[0] + sampled[1] < 1);
	/* At temperature 1 with all kept, it is exact in any case but for the
	 * word "all". */
	s.temperature = 1;
	try_settings(&s, logprobs, 2, sampled, cut);
	assert_true(fabs(sampled[0] - exp(-0.7)) < 1e-6);
}

/* ---- heat ---- */

/* What the transcript's legend has at the level of a probability. */
static const char *legend_of(double p)
{
	struct token_odds odds = { .logprob = (float)log(p), .rank = 1 };
	int level = transcript_heat_level(&odds, HEAT_PROBABILITY);

	return transcript_heat_legend(HEAT_PROBABILITY, level);
}

static void heat_changes_where_its_legend_says(void **state)
{
	(void)state;
	assert_string_equal(legend_of(1), "p≥.8");
	assert_string_equal(legend_of(0.8), "p≥.8");
	assert_string_equal(legend_of(0.7999), "≥.5");
	assert_string_equal(legend_of(0.5), "≥.5");
	assert_string_equal(legend_of(0.4999), "≥.2");
	assert_string_equal(legend_of(0.2), "≥.2");
	assert_string_equal(legend_of(0.19999), "≥.05");
	assert_string_equal(legend_of(0.05), "≥.05");
	assert_string_equal(legend_of(0.04999), "less");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(names_are_all_different_and_rows_are_complete),
	cmocka_unit_test(no_key_means_two_things_in_one_place),
	cmocka_unit_test(every_command_of_the_brief_is_there),
	cmocka_unit_test(commands_complete),
	cmocka_unit_test(a_slip_is_understood),
	cmocka_unit_test(keys_can_be_bound_anew_and_freed),
	cmocka_unit_test(the_help_screen_lists_all_of_them),
	cmocka_unit_test(
		the_help_of_line_mode_has_neither_keys_nor_the_screens),
	cmocka_unit_test(all_explanations_begin_in_one_column),
	cmocka_unit_test(the_manual_page_has_the_keys_of_the_table),
	cmocka_unit_test(headings_of_the_manual_page_are_text),
	cmocka_unit_test(thoughts_are_told_from_answers),
	cmocka_unit_test(trying_settings_gives_what_the_sampler_would),
	cmocka_unit_test(what_is_tried_is_called_exact_only_where_it_is),
	cmocka_unit_test(equals_of_the_last_are_kept_when_top_k_is_tried),
	cmocka_unit_test(what_is_cut_outside_of_the_list_does_not_count),
	cmocka_unit_test(without_top_k_the_figures_are_called_an_estimate),
	cmocka_unit_test(heat_changes_where_its_legend_says),
};

TEST_MAIN(tests)
