#include "ui/cli/option_table.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "ui/cli/nearest.h"

/* clang-format off */
#define CHAT "chat"
#define MAX_TOKENS 1e9
#define COUNT(min, max) { VALUE_INTEGER, min, max, false, NULL }
#define WORD { VALUE_NAME, 0, 0, false, NULL }

static const struct option_info table[] = {
	/* chat */
	{ OPTION_PROMPT, 'p', "prompt", "TEXT", CHAT,
	  .help = "a user turn; repeat it for more turns" },
	{ OPTION_RESUME, 'r', "resume", "[ID|last]", CHAT, .value = WORD,
	  .help = "go on with a saved conversation" },
	{ OPTION_NEW, 'n', "new", NULL, CHAT,
	  .help = "start a new conversation" },
	{ OPTION_SETTING, 's', "system", "TEXT", CHAT, .key = "system",
	  .help = "system prompt of a new conversation" },
	{ OPTION_RAW, 0, "raw", NULL, CHAT,
	  .help = "no chat template: complete the text as it is" },
	{ OPTION_SETTING, 0, "no-save", NULL, CHAT, .key = "save",
	  .bare_value = "off", .help = "do not keep the conversation" },

	/* single commands */
	{ OPTION_PLAIN, 0, "plain", NULL, "tokenize",
	  .help = "recognise no added token in the text" },
	{ OPTION_JSONL, 0, "jsonl", NULL, "tokenize render",
	  .help = "JSON lines in, JSON lines out" },
	{ OPTION_IDS, 0, "ids", NULL, "score",
	  .help = "standard input holds ids, not text" },
	{ OPTION_TOP, 0, "top", "N", "score", .value = COUNT(0, 1000),
	  .help = "show the N likeliest tokens" },
	{ OPTION_LOGITS, 0, "logits", "ID,ID", "score", .value = WORD,
	  .help = "raw logits of these ids after each token" },
	{ OPTION_BENCH_P, 'p', "prefill", "N", "bench",
	  .value = COUNT(0, MAX_TOKENS),
	  .help = "tokens to prefill; 0: skip (512)" },
	{ OPTION_BENCH_N, 'n', "decode", "N", "bench",
	  .value = COUNT(0, MAX_TOKENS),
	  .help = "tokens to decode; 0: skip (128)" },
	{ OPTION_BENCH_D, 'd', "depth", "N", "bench",
	  .value = COUNT(0, MAX_TOKENS),
	  .help = "tokens in the cache before (0)" },
	{ OPTION_BENCH_R, 'r', "repeat", "N", "bench", .value = COUNT(1, 10000),
	  .help = "runs, of which the median counts (5)" },
	{ OPTION_TYPE, 0, "type", "TYPE", "quantize", .value = WORD,
	  .help = "number type of the weights" },
	{ OPTION_FORMAT, 0, "format", "FORMAT", "export",
	  .value = { VALUE_CHOICE, 0, 0, false, "md json jsonl html" },
	  .help = "md, json, jsonl or html" },
	{ OPTION_OUTPUT, 'o', "output", "FILE", "export", .value = WORD,
	  .help = "write there, not to standard output" },

	/* everywhere */
	{ OPTION_SETTING, 'm', "model", "PATH|NAME", NULL, .key = "model",
	  .help = "model directory, .gguf file or installed name" },
	{ OPTION_SETTING, 0, "quant", "TYPE", NULL, .key = "quant",
	  .help = "compute with a copy of this type, made once" },
	{ OPTION_SETTING, 't', "threads", "N", NULL, .key = "threads",
	  .help = "threads that compute; 0: one a core" },
	{ OPTION_SETTING, 'c', "context", "TOKENS", NULL, .key = "context",
	  .help = "tokens of context; 0: the model's own" },
	{ OPTION_SETTING, 0, "kv-type", "TYPE", NULL, .key = "kv_type",
	  .help = "KV cache in f16, bf16 or q8_0" },
	{ OPTION_SETTING, 0, "exact", NULL, NULL, .key = "exact",
	  .bare_value = "on",
	  .help = "float32-grade activations and KV cache" },
	{ OPTION_SETTING, 0, "temp", "T", NULL, .key = "temperature",
	  .help = "temperature; 0: always the likeliest token" },
	{ OPTION_SETTING, 0, "top-k", "N", NULL, .key = "top_k",
	  .help = "keep the N likeliest tokens; 0: all" },
	{ OPTION_SETTING, 0, "top-p", "P", NULL, .key = "top_p",
	  .help = "keep the likeliest P of the probability" },
	{ OPTION_SETTING, 0, "min-p", "P", NULL, .key = "min_p",
	  .help = "keep tokens of P times the likeliest or more" },
	{ OPTION_SETTING, 0, "presence-penalty", "X", NULL,
	  .key = "presence_penalty",
	  .help = "taken off the logits of the reply's tokens" },
	{ OPTION_SETTING, 0, "repeat-penalty", "X", NULL,
	  .key = "repeat_penalty",
	  .help = "divides the logits of all tokens so far" },
	{ OPTION_SETTING, 0, "seed", "N", NULL, .key = "seed",
	  .help = "seed of the draws" },
	{ OPTION_SETTING, 0, "max-tokens", "N", NULL, .key = "max_tokens",
	  .help = "longest reply; 0: what the context holds" },
	{ OPTION_SETTING, 0, "think", "on|off", NULL, .key = "think",
	  .help = "thinking, where the model can be told" },
	{ OPTION_JSON, 0, "json", NULL, NULL, .help = "results as JSON" },
	{ OPTION_CONFIG, 0, "config", "FILE", NULL, .value = WORD,
	  .help = "read this configuration file instead" },
	{ OPTION_SET, 0, "set", "KEY=VALUE", NULL,
	  .help = "one setting, as in the configuration file" },
	{ OPTION_HELP, 'h', "help", NULL, NULL,
	  .help = "show this; after a command: its own" },
	{ OPTION_VERSION, 'V', "version", NULL, NULL,
	  .help = "show the version" },
};
/* clang-format on */

#define N_ROWS (sizeof table / sizeof *table)

const struct option_info *option_info_at(size_t i)
{
	return i < N_ROWS ? &table[i] : NULL;
}

bool option_belongs(const struct option_info *info, const char *command)
{
	const char *names = info->commands;
	size_t len = strlen(command), word;

	if (!names)
		return true;
	for (; *names; names += word + (names[word] == ' ')) {
		word = strcspn(names, " ");
		if (word == len && !memcmp(names, command, len))
			return true;
	}
	return false;
}

static const struct option_info *refuse_elsewhere(
	const struct option_info *info, const char *shown, const char *command,
	struct error *err)
{
	if (strcmp(command, CHAT))
		error_set(err, "%s: %s has no such option", shown, command);
	else
		error_set(err, "%s: only with the command %s", shown,
		          info->commands);
	return NULL;
}

const struct option_info *option_by_letter(char letter, const char *command,
                                           struct error *err)
{
	const struct option_info *other = NULL;
	char shown[] = { '-', letter, '\0' };

	for (size_t i = 0; i < N_ROWS; i++) {
		if (!letter || table[i].letter != letter)
			continue;
		if (option_belongs(&table[i], command))
			return &table[i];
		other = &table[i];
	}
	if (other)
		return refuse_elsewhere(other, shown, command, err);
	error_set(err, "%s: unknown option; see confab --help", shown);
	return NULL;
}

/* Whether the name is that of the option's setting: --temperature. */
static bool names_setting(const struct option_info *info, const char *name)
{
	const char *key = info->key;

	if (!key)
		return false;
	for (; *key && *name; key++, name++) {
		if (*key != *name && !(*key == '_' && *name == '-'))
			return false;
	}
	return !*key && !*name;
}

static const struct option_info *unknown_name(const char *name, size_t len,
                                              const char *command,
                                              struct error *err)
{
	const char *names[N_ROWS], *other = NULL;
	struct strbuf word = STRBUF_INIT;
	size_t n = 0;

	strbuf_add(&word, name, len);
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!option_belongs(&table[i], command))
			continue;
		names[n++] = table[i].name;
		if (names_setting(&table[i], word.bytes))
			other = table[i].name;
	}
	if (!other)
		other = nearest(word.bytes, names, n);
	error_set(err, "--%s: unknown option; %s%s", word.bytes,
	          other ? "did you mean --" : "see confab --help",
	          other ? other : "");
	if (other)
		error_set(err, "%s?", err ? err->text : "");
	strbuf_free(&word);
	return NULL;
}

const struct option_info *option_by_name(const char *name, size_t len,
                                         const char *command, struct error *err)
{
	const struct option_info *found = NULL, *elsewhere = NULL;
	bool ambiguous = false;

	for (size_t i = 0; i < N_ROWS; i++) {
		if (!len || strncmp(table[i].name, name, len))
			continue;
		if (!option_belongs(&table[i], command)) {
			if (!table[i].name[len])
				elsewhere = &table[i];
			continue;
		}
		if (!table[i].name[len])
			return &table[i];
		ambiguous = found;
		found = &table[i];
	}
	if (elsewhere) {
		char shown[64] = "--";

		strncat(shown, elsewhere->name, sizeof shown - 3);
		return refuse_elsewhere(elsewhere, shown, command, err);
	}
	if (ambiguous) {
		error_set(err, "--%.*s: ambiguous; see confab --help", (int)len,
		          name);
		return NULL;
	}
	return found ? found : unknown_name(name, len, command, err);
}

/* ---- before the command is known ---- */

struct arities {
	bool bare, optional, valued;
};

static void note_arity(struct arities *a, const struct option_info *info)
{
	a->bare |= option_is_bare(info);
	a->optional |= option_is_optional(info);
	a->valued |= !option_is_bare(info) && !option_is_optional(info);
}

static bool is_count(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* -n is bare in a chat and takes a number in bench: a number is its value. */
static bool takes(const struct arities *a, const char *text)
{
	if (a->optional)
		return text[0] != '-' || !text[1];
	return a->valued && (!a->bare || is_count(text));
}

static bool long_eats(const char *name, const char *next)
{
	struct arities a = { false, false, false };
	size_t len = strcspn(name, "=");

	if (name[len])
		return false;
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!strcmp(table[i].name, name)) {
			a = (struct arities){ false, false, false };
			note_arity(&a, &table[i]);
			break;
		}
		if (!strncmp(table[i].name, name, len))
			note_arity(&a, &table[i]);
	}
	return takes(&a, next);
}

static struct arities letter_arities(char letter)
{
	struct arities a = { false, false, false };

	for (size_t i = 0; i < N_ROWS; i++) {
		if (table[i].letter == letter)
			note_arity(&a, &table[i]);
	}
	return a;
}

bool option_eats_next(const char *word, const char *next)
{
	struct arities a;

	if (!next)
		return false;
	if (word[1] == '-')
		return long_eats(word + 2, next);
	for (const char *c = word + 1; *c; c++) {
		a = letter_arities(*c);
		if (!a.optional && !a.valued)
			continue;
		if (!c[1])
			return takes(&a, next);
		if (!a.bare || is_count(c + 1))
			return false; /* the rest is its value */
	}
	return false;
}
