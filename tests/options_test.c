#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "ui/cli/help.h"
#include "ui/cli/installed_models.h"
#include "ui/cli/option_table.h"
#include "ui/cli/options.h"

static int run(const struct options *o, struct error *err)
{
	(void)o;
	(void)err;
	return EXIT_OK;
}

static const struct command table[] = {
	{ "list", "[WORDS]", "list them", 0, 99, run },
	{ "show", "ID", "show it", 1, 1, run },
	{ "tokenize", "", "text to ids", 0, 0, run },
	{ "score", "", "score it", 0, 0, run },
	{ "bench", "", "time it", 0, 0, run },
	{ 0 },
};

#define MAX_WORDS 16

/* Parses words that end with NULL. */
static int parse(struct options *o, struct error *err, const char *const *words)
{
	char *argv[MAX_WORDS + 2] = { (char *)"confab" };
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	*err = (struct error){ "" };
	return options_parse(o, table, argc, argv, err);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#define assert_parses(o, ...) \
	do { \
		struct error e_; \
		if (parse(o, &e_, WORDS(__VA_ARGS__))) \
			fail_msg("%s", e_.text); \
	} while (0)

#define assert_refused(wanted, ...) \
	do { \
		struct error e_; \
		struct options o_; \
		assert_int_equal(parse(&o_, &e_, WORDS(__VA_ARGS__)), -1); \
		assert_string_equal(e_.text, wanted); \
		options_free(&o_); \
	} while (0)

static void assert_command(const struct options *o, const char *name)
{
	if (name) {
		assert_non_null(o->command);
		assert_string_equal(o->command->name, name);
	} else {
		assert_null(o->command);
	}
}

static void nothing_given_is_a_chat_with_the_defaults(void **state)
{
	struct options o;
	struct error err;

	(void)state;
	assert_int_equal(parse(&o, &err, (const char *const[]){ NULL }), 0);
	assert_command(&o, NULL);
	assert_null(o.model);
	assert_int_equal(o.n_prompts, 0);
	assert_false(o.resume || o.new_chat || o.json || o.raw || o.no_save);
	assert_false(o.has_temperature || o.has_seed || o.has_top_k);
	assert_int_equal(o.top, -1);
	assert_int_equal(o.bench_p, -1);
	assert_int_equal(o.think, CHAT_THINK_UNSET);
	options_free(&o);
}

static void a_value_may_be_attached_or_follow(void **state)
{
	static const char *const forms[][2] = {
		{ "-m", "x" },      { "-mx", "--exact" },
		{ "--model", "x" }, { "--model=x", "--exact" },
		{ "--mod", "x" },   { "--mod=x", "--exact" }
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		assert_parses(&o, forms[i][0], forms[i][1]);
		assert_string_equal(o.model, "x");
		options_free(&o);
	}
}

static void bare_letters_may_be_joined(void **state)
{
	struct options o;

	(void)state;
	assert_parses(&o, "-nphello");
	assert_true(o.new_chat);
	assert_int_equal(o.n_prompts, 1);
	assert_string_equal(o.prompts[0], "hello");
	options_free(&o);
}

static void prompts_repeat_and_may_look_like_options(void **state)
{
	struct options o;

	(void)state;
	assert_parses(&o, "-p", "one", "--prompt", "-two", "--prompt=", "-p",
	              "list");
	assert_command(&o, NULL);
	assert_int_equal(o.n_prompts, 4);
	assert_string_equal(o.prompts[0], "one");
	assert_string_equal(o.prompts[1], "-two");
	assert_string_equal(o.prompts[2], "");
	assert_string_equal(o.prompts[3], "list");
	options_free(&o);
}

static void options_stand_before_or_after_the_command(void **state)
{
	struct options o;

	(void)state;
	assert_parses(&o, "-m", "x", "score", "--top", "3");
	assert_command(&o, "score");
	assert_string_equal(o.model, "x");
	assert_int_equal(o.top, 3);
	options_free(&o);
	assert_parses(&o, "--top", "3", "score", "-m", "x");
	assert_command(&o, "score");
	assert_string_equal(o.model, "x");
	assert_int_equal(o.top, 3);
	options_free(&o);
	assert_parses(&o, "list", "red", "--json", "blue");
	assert_true(o.json);
	assert_int_equal(o.n_args, 2);
	assert_string_equal(o.args[0], "red");
	assert_string_equal(o.args[1], "blue");
	options_free(&o);
}

static void resume_takes_the_next_word_unless_that_is_an_option(void **state)
{
	struct options o;

	(void)state;
	assert_parses(&o, "-r");
	assert_true(o.resume);
	assert_null(o.resume_id);
	options_free(&o);
	assert_parses(&o, "-r", "last");
	assert_string_equal(o.resume_id, "last");
	options_free(&o);
	assert_parses(&o, "-r", "-m", "x");
	assert_true(o.resume);
	assert_null(o.resume_id);
	assert_string_equal(o.model, "x");
	options_free(&o);
	assert_parses(&o, "--resume", "k3f", "-p", "hi");
	assert_string_equal(o.resume_id, "k3f");
	assert_int_equal(o.n_prompts, 1);
	options_free(&o);
	assert_parses(&o, "--resume=k3f");
	assert_string_equal(o.resume_id, "k3f");
	options_free(&o);
	assert_parses(&o, "-rk3f");
	assert_string_equal(o.resume_id, "k3f");
	options_free(&o);
	assert_parses(&o, "-r", "list"); /* an ID, not the command */
	assert_command(&o, NULL);
	assert_string_equal(o.resume_id, "list");
	options_free(&o);
}

static void in_bench_letters_count_tokens(void **state)
{
	struct options o;

	(void)state;
	assert_parses(&o, "bench", "-p", "64", "-n", "16", "-d", "8", "-r",
	              "3");
	assert_command(&o, "bench");
	assert_int_equal(o.bench_p, 64);
	assert_int_equal(o.bench_n, 16);
	assert_int_equal(o.bench_d, 8);
	assert_int_equal(o.bench_r, 3);
	assert_false(o.new_chat || o.resume);
	options_free(&o);
	assert_parses(&o, "-p", "0", "-n", "16", "-r3", "-d", "8", "--json",
	              "bench", "-t", "2");
	assert_command(&o, "bench");
	assert_int_equal(o.bench_p, 0);
	assert_int_equal(o.bench_n, 16);
	assert_int_equal(o.bench_r, 3);
	assert_int_equal(o.threads, 2);
	options_free(&o);
	assert_parses(&o, "-n16", "bench");
	assert_command(&o, "bench");
	assert_int_equal(o.bench_n, 16);
	options_free(&o);
	/* No number: --new, and then a command that has no such option. */
	assert_refused("-n: list has no such option", "-n", "list");
}

static void two_dashes_end_the_options(void **state)
{
	struct options o;

	(void)state;
	assert_parses(&o, "list", "--", "--json", "-x");
	assert_false(o.json);
	assert_int_equal(o.n_args, 2);
	assert_string_equal(o.args[0], "--json");
	options_free(&o);
	assert_parses(&o, "--", "list");
	assert_command(&o, "list");
	options_free(&o);
}

static void help_and_version_need_nothing_else(void **state)
{
	struct options o;

	(void)state;
	assert_parses(&o, "show", "--help");
	assert_true(o.help);
	assert_command(&o, "show");
	options_free(&o);
	assert_parses(&o, "-V", "--config", "/nonexistent");
	assert_true(o.version);
	options_free(&o);
}

static void usage_errors_name_the_option_and_the_value(void **state)
{
	(void)state;
	assert_refused("--top-p: '0' is not a number above 0 and at most 1",
	               "--top-p", "0");
	assert_refused("--temp: 'hot' is not a number of at least 0 and at "
	               "most 100",
	               "--temp=hot");
	assert_refused("--threads: '-1' is not a whole number from 0 to 1024",
	               "-t", "-1");
	assert_refused("--seed: '18446744073709551616' is not a whole number "
	               "from 0 to 18446744073709551615",
	               "--seed", "18446744073709551616");
	assert_refused("--kv-type: 'f8' is not one of: f16 bf16 q8_0 f32",
	               "--kv-type", "f8");
	assert_refused("--think: 'maybe' is not one of: on off", "--think",
	               "maybe");
	assert_refused("--model: '' is not a name", "-m", "");
	assert_refused("--model: needs a value, PATH|NAME", "-m");
	assert_refused("--prompt: needs a value, TEXT", "-p");
	assert_refused("--json: takes no value, but has 'x'", "--json=x");
	assert_refused("--top: '1001' is not a whole number from 0 to 1000",
	               "score", "--top", "1001");
	assert_refused("--repeat: '0' is not a whole number from 1 to 10000",
	               "bench", "-r", "0");
	assert_refused("--new: not together with --resume", "-n", "-r");
}

static void unknown_names_suggest_the_nearest(void **state)
{
	(void)state;
	assert_refused("lst: unknown command; did you mean 'list'?", "lst");
	assert_refused("hello: unknown command; see confab --help", "hello");
	assert_refused("--tepm: unknown option; did you mean --temp?", "--tepm",
	               "1");
	assert_refused("--xyzzy: unknown option; see confab --help", "--xyzzy");
	assert_refused("-x: unknown option; see confab --help", "-x");
	assert_refused("--top-: ambiguous; see confab --help", "--top-", "1");
}

static void options_of_one_command_are_refused_elsewhere(void **state)
{
	(void)state;
	assert_refused("--plain: only with the command tokenize", "--plain");
	assert_refused("--plain: list has no such option", "list", "--plain");
	assert_refused("-p: list has no such option", "list", "-p", "x");
	assert_refused("-d: only with the command bench", "-d", "1");
}

static void operands_are_counted(void **state)
{
	(void)state;
	assert_refused("show: needs ID", "show");
	assert_refused("show: unexpected operand 'b'", "show", "a", "b");
	assert_refused("tokenize: unexpected operand 'x'", "tokenize", "x");
}

static char *write_config(const char *text)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "config");

	test_write(dir, "config", text, strlen(text));
	free(dir);
	return path;
}

static void the_stronger_source_wins(void **state)
{
	char *config = write_config("top_k = 1\ntop_p = 0.1\nmin_p = 0.1\n"
	                            "temperature = 0.1\n");
	struct sampler_settings model = { .temperature = 0.9f,
		                          .top_k = 9,
		                          .repeat_penalty = 1.5f };
	struct sampler_settings s;
	struct options o;

	(void)state;
	setenv("CONFAB_TOP_P", "0.2", 1);
	setenv("CONFAB_MIN_P", "0.2", 1);
	setenv("CONFAB_TEMPERATURE", "0.2", 1);
	assert_parses(&o, "--temp", "0.4", "--set", "temperature=0.3", "--set",
	              "min_p=0.3", "--config", config, "--seed", "5");
	s = options_sampling(&o, &model);
	assert_int_equal(s.top_k, 1);
	assert_true(s.top_p == 0.2f);
	assert_true(s.min_p == 0.3f);
	assert_true(s.temperature == 0.4f);
	assert_true(s.repeat_penalty == 1.5f);
	assert_int_equal(s.seed, 5);
	options_free(&o);
	unsetenv("CONFAB_TOP_P");
	unsetenv("CONFAB_MIN_P");
	unsetenv("CONFAB_TEMPERATURE");
	free(config);
}

static void seeds_that_were_not_given_differ(void **state)
{
	struct sampler_settings model = { 0 };
	struct options o;

	(void)state;
	assert_parses(&o, "-n");
	assert_true(options_sampling(&o, &model).seed !=
	            options_sampling(&o, &model).seed);
	options_free(&o);
}

static void the_default_configuration_is_read(void **state)
{
	static const char text[] = "think = on\nsave = no\nexact = yes\n"
				   "context = 99\nmax_tokens = 7\n"
				   "kv_memory = 3\n";
	char *dir = test_tmp_dir(), *confab = paths_join(dir, "confab");
	struct options o;

	(void)state;
	assert_int_equal(mkdir(confab, 0700), 0);
	test_write(confab, "config", text, strlen(text));
	setenv("XDG_CONFIG_HOME", dir, 1);
	assert_parses(&o, "-n");
	assert_int_equal(o.think, CHAT_THINK_ON);
	assert_true(o.no_save);
	assert_true(o.exact);
	assert_int_equal(o.context, 99);
	assert_int_equal(o.max_tokens, 7);
	assert_int_equal(o.kv_memory, 3 << 20);
	options_free(&o);
	assert_parses(&o, "--think=off");
	assert_int_equal(o.think, CHAT_THINK_OFF);
	options_free(&o);
	unsetenv("XDG_CONFIG_HOME");
	free(confab);
	free(dir);
}

static void a_configuration_that_is_named_must_be_there(void **state)
{
	struct options o;
	struct error err;

	(void)state;
	assert_int_equal(parse(&o, &err, WORDS("--config", "/nonexistent/c")),
	                 -1);
	assert_non_null(strstr(err.text, "/nonexistent/c"));
	options_free(&o);
}

static void help_lists_every_command_and_fits(void **state)
{
	struct strbuf text = STRBUF_INIT;

	(void)state;
	help_text(&text, table, NULL);
	for (const struct command *c = table; c->name; c++) {
		help_text(&text, table, c);
		assert_non_null(strstr(text.bytes, c->summary));
	}
	assert_non_null(strstr(text.bytes, "-m, --model PATH|NAME"));
	for (const char *line = text.bytes; *line;
	     line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") < 80);
	strbuf_free(&text);
}

static void no_two_options_of_a_command_share_a_name(void **state)
{
	static const char *const commands[] = { "chat",  "list",     "score",
		                                "bench", "tokenize", "quantize",
		                                "export" };
	const struct option_info *a, *b;

	(void)state;
	for (size_t c = 0; c < sizeof commands / sizeof *commands; c++) {
		for (size_t i = 0; (a = option_info_at(i)); i++) {
			for (size_t j = 0; j < i; j++) {
				b = option_info_at(j);
				if (!option_belongs(a, commands[c]) ||
				    !option_belongs(b, commands[c]))
					continue;
				assert_string_not_equal(a->name, b->name);
				assert_true(!a->letter ||
				            a->letter != b->letter);
			}
		}
	}
}

/* ---- installed models ---- */

static void make_model(const char *dir, const char *name)
{
	char *path = paths_join(dir, name);
	char command[512];

	snprintf(command, sizeof command, "mkdir -p '%s'", path);
	assert_int_equal(system(command), 0);
	test_write(path, "config.json", "{}", 2);
	free(path);
}

static char *model_path(const char *name)
{
	struct options o;
	struct error err;
	char *path;

	assert_parses(&o, "-n");
	path = options_find_model(&o, name, &err);
	options_free(&o);
	return path;
}

static void assert_model(const char *name, const char *end)
{
	char *path = model_path(name);

	if (!end) {
		assert_null(path);
		return;
	}
	assert_non_null(path);
	assert_true(strlen(path) >= strlen(end));
	assert_string_equal(path + strlen(path) - strlen(end), end);
	free(path);
}

static void models_are_found_by_name_where_programs_keep_them(void **state)
{
	char *home = test_tmp_dir(), *own = paths_join(home, "mine");

	(void)state;
	setenv("HOME", home, 1);
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HF_HOME");
	unsetenv("HF_HUB_CACHE");
	make_model(home, ".local/share/confab/models/alpha");
	make_model(home, ".cache/huggingface/hub/models--Qwen--Qwen3-4B/"
	                 "snapshots/abc");
	make_model(home, ".lmstudio/models/org/repo/x");
	make_model(home, "mine/beta");
	test_write(own, "Gamma-Q8_0.gguf", "", 0);
	test_write(own, "split-00001-of-00002.gguf", "", 0);
	test_write(own, "split-00002-of-00002.gguf", "", 0);
	test_write(own, "mmproj-gamma.gguf", "", 0);
	setenv("CONFAB_MODEL_PATH", "/nonexistent:~/mine", 1);

	assert_model("alpha", "/models/alpha");
	assert_model("Qwen/Qwen3-4B", "/snapshots/abc");
	assert_model("qwen3-4b", "/snapshots/abc");
	assert_model("x", "/org/repo/x");
	assert_model("beta", "/mine/beta");
	assert_model("gamma-q8_0", "/mine/Gamma-Q8_0.gguf");
	assert_model("split", "/mine/split-00001-of-00002.gguf");
	assert_model("mmproj-gamma", NULL);
	assert_model("confab-20m", "/confab-20m");
	assert_model("~/mine/beta", "/mine/beta");
	assert_model("delta", NULL);
	assert_model("/nonexistent/alpha", NULL);
	unsetenv("CONFAB_MODEL_PATH");
	free(own);
	free(home);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nothing_given_is_a_chat_with_the_defaults),
	cmocka_unit_test(a_value_may_be_attached_or_follow),
	cmocka_unit_test(bare_letters_may_be_joined),
	cmocka_unit_test(prompts_repeat_and_may_look_like_options),
	cmocka_unit_test(options_stand_before_or_after_the_command),
	cmocka_unit_test(resume_takes_the_next_word_unless_that_is_an_option),
	cmocka_unit_test(in_bench_letters_count_tokens),
	cmocka_unit_test(two_dashes_end_the_options),
	cmocka_unit_test(help_and_version_need_nothing_else),
	cmocka_unit_test(usage_errors_name_the_option_and_the_value),
	cmocka_unit_test(unknown_names_suggest_the_nearest),
	cmocka_unit_test(options_of_one_command_are_refused_elsewhere),
	cmocka_unit_test(operands_are_counted),
	cmocka_unit_test(the_stronger_source_wins),
	cmocka_unit_test(seeds_that_were_not_given_differ),
	cmocka_unit_test(the_default_configuration_is_read),
	cmocka_unit_test(a_configuration_that_is_named_must_be_there),
	cmocka_unit_test(help_lists_every_command_and_fits),
	cmocka_unit_test(no_two_options_of_a_command_share_a_name),
	cmocka_unit_test(models_are_found_by_name_where_programs_keep_them),
};

/* The person who runs the tests may have settings of their own. */
int main(void)
{
	char *home = test_tmp_dir();

	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	free(home);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
