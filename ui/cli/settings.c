#include "ui/cli/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "ui/cli/nearest.h"

#define BOM       "\xef\xbb\xbf"
#define MAX_FILE  (1024 * 1024) /* bytes; no person writes more by hand */
#define MAX_SEED  18446744073709551615.0
#define MAX_COUNT 1e9

/* clang-format off */
#define START  SETTING_START
#define CHAT   SETTING_CHAT
#define SCREEN SETTING_SCREEN
#define TEXT { VALUE_TEXT, 0, 0, false, NULL }
#define NAME { VALUE_NAME, 0, 0, false, NULL }
#define SWITCH { VALUE_SWITCH, 0, 0, false, NULL }
#define INTEGER(min, max) { VALUE_INTEGER, min, max, false, NULL }
#define NUMBER(min, max) { VALUE_NUMBER, min, max, false, NULL }
#define ABOVE(min, max) { VALUE_NUMBER, min, max, true, NULL }
#define CHOICE(words) { VALUE_CHOICE, 0, 0, false, words }

static const struct setting_info infos[] = {
	{ "model", START, NAME, "directory, .gguf file or name of the model" },
	{ "model_path", START, TEXT,
	  "folders with models, separated by colons" },
	{ "quant", START,
	  CHOICE("off f32 f16 bf16 q8_0 q6_k q5_k q5_k_m q5_k_s q5_1 q5_0 q4_k "
	         "q4_k_m q4_k_s q4_k_pure q4_1 q4_0 iq4_nl iq4_xs q3_k q3_k_m "
	         "q3_k_s q2_k"),
	  "compute with a copy of this type, made once" },
	{ "threads", START, INTEGER(0, 1024),
	  "threads that compute; 0: one a core" },
	{ "context", START, INTEGER(0, MAX_COUNT),
	  "tokens kept; 0: the model's own" },
	{ "kv_type", START, CHOICE("f16 bf16 q8_0 f32"),
	  "number type of the KV cache" },
	{ "kv_memory", START, INTEGER(0, MAX_COUNT),
	  "MiB for other branches' KV; 0: by the machine" },
	{ "kv_disk", START, INTEGER(0, MAX_COUNT),
	  "MiB for all KV snapshots; 0: by the machine" },
	{ "exact", START, SWITCH, "float32-grade activations and KV cache" },
	{ "speculate", START, SWITCH,
	  "read what may follow with each token" },
	{ "system", START, TEXT, "system prompt of new conversations" },
	{ "think", CHAT, CHOICE("on off"), "thinking, where the model can" },
	{ "temperature", CHAT, NUMBER(0, 100),
	  "0: always the likeliest token" },
	{ "top_k", CHAT, INTEGER(0, MAX_COUNT),
	  "keep the k likeliest; 0: all" },
	{ "top_p", CHAT, ABOVE(0, 1), "keep this much of the probability" },
	{ "min_p", CHAT, NUMBER(0, 1), "keep tokens of p >= min_p * p_max" },
	{ "presence_penalty", CHAT, NUMBER(-2, 2),
	  "taken off tokens of the reply" },
	{ "repeat_penalty", CHAT, ABOVE(0, 100), "divides tokens seen before" },
	{ "seed", CHAT, INTEGER(0, MAX_SEED),
	  "of the draws; unset: a new one" },
	{ "max_tokens", CHAT, INTEGER(0, MAX_COUNT),
	  "of a reply; 0: no limit" },
	{ "save", START, SWITCH, "keep conversations" },
	{ "snapshots", START, SWITCH, "keep their KV on the disk too" },
	{ "auto_title", START, SWITCH,
	  "titles by the model, while it is idle" },
	{ "theme", SCREEN, CHOICE("auto dark light mono"),
	  "colours of the screen" },
	{ "inspector", SCREEN, SWITCH, "show the odds from the start" },
	{ "heat", SCREEN, CHOICE("off probability entropy rank"),
	  "what marks the words" },
	{ "times", SCREEN, SWITCH, "show when each message was written" },
	{ "mouse", SCREEN, SWITCH, "take the mouse: a click selects a token" },
	{ "notify", SCREEN, CHOICE("off bell osc9"),
	  "when a long reply has ended" },
	{ "copy_command", START, TEXT, "program that takes what is copied" },
};
/* clang-format on */

#define N_INFOS (sizeof infos / sizeof *infos)

struct settings {
	char *values[N_INFOS]; /* NULL: not set */
	struct setting_bind *binds;
	size_t n_binds, binds_capacity;
	char **warnings;
	size_t n_warnings, warnings_capacity;
};

const struct setting_info *settings_info(size_t i)
{
	return i < N_INFOS ? &infos[i] : NULL;
}

/* N_INFOS where there is none. */
static size_t find(const char *key)
{
	size_t i = 0;

	while (i < N_INFOS && strcmp(infos[i].key, key))
		i++;
	return i;
}

const struct setting_info *settings_find(const char *key)
{
	return settings_info(find(key));
}

static const char *nearest_key(const char *key)
{
	const char *keys[N_INFOS];

	for (size_t i = 0; i < N_INFOS; i++)
		keys[i] = infos[i].key;
	return nearest(key, keys, N_INFOS);
}

struct settings *settings_new(void)
{
	return mem_zalloc(1, sizeof(struct settings));
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < N_INFOS; i++)
		free(s->values[i]);
	for (size_t i = 0; i < s->n_binds; i++) {
		free(s->binds[i].key);
		free(s->binds[i].action);
		free(s->binds[i].where);
	}
	for (size_t i = 0; i < s->n_warnings; i++)
		free(s->warnings[i]);
	free(s->binds);
	free(s->warnings);
	free(s);
}

int settings_set(struct settings *s, const char *key, const char *value,
                 const char *what, struct error *err)
{
	const char *other;
	size_t i = find(key);

	if (i == N_INFOS) {
		other = nearest_key(key);
		error_set(err, "unknown setting '%s'%s%s%s", key,
		          other ? "; did you mean '" : "", other ? other : "",
		          other ? "'?" : "");
		goto failed;
	}
	if (value_check(&infos[i].type, value, err))
		goto failed;
	free(s->values[i]);
	s->values[i] = mem_strdup(value);
	return 0;
failed:
	error_prefix(err, "%s", what ? what : key);
	return -1;
}

int settings_assign(struct settings *s, const char *assignment,
                    struct error *err)
{
	const char *equals = strchr(assignment, '=');
	struct strbuf what = STRBUF_INIT;
	char *key;
	int result;

	if (!equals)
		return error_set(err, "--set: '%s' is not KEY=VALUE",
		                 assignment);
	key = mem_dup(assignment, (size_t)(equals - assignment));
	strbuf_printf(&what, "--set %s", key);
	result = settings_set(s, key, equals + 1, what.bytes, err);
	strbuf_free(&what);
	free(key);
	return result;
}

const char *settings_get(const struct settings *s, const char *key)
{
	size_t i = find(key);

	return i < N_INFOS ? s->values[i] : NULL;
}

bool settings_integer(const struct settings *s, const char *key, uint64_t *out)
{
	const char *value = settings_get(s, key);

	return value && value_integer(value, out);
}

bool settings_number(const struct settings *s, const char *key, double *out)
{
	const char *value = settings_get(s, key);

	return value && value_number(value, out);
}

bool settings_switch(const struct settings *s, const char *key, bool *out)
{
	const char *value = settings_get(s, key);

	return value && value_switch(value, out);
}

int settings_read_environment(struct settings *s, struct error *err)
{
	char name[64] = "CONFAB_";
	const char *value;
	size_t n;

	for (size_t i = 0; i < N_INFOS; i++) {
		n = strlen("CONFAB_");
		for (const char *c = infos[i].key; *c; c++)
			name[n++] = *c == '_' ? '_' : (char)(*c - 'a' + 'A');
		name[n] = '\0';
		value = getenv(name);
		if (value && *value &&
		    settings_set(s, infos[i].key, value, name, err))
			return -1;
	}
	return 0;
}

/* ---- the file ---- */

static const char blanks[] = " \t\r";

static char *skip_blanks(char *text)
{
	return text + strspn(text, blanks);
}

static void trim_end(char *text)
{
	size_t len = strlen(text);

	while (len && strchr(blanks, text[len - 1]))
		text[--len] = '\0';
}

/* Cuts off what begins with a # at the start or after white space. */
static void cut_comment(char *text)
{
	for (char *c = text; *c; c++) {
		if (*c == '#' && (c == text || strchr(blanks, c[-1]))) {
			*c = '\0';
			return;
		}
	}
}

/* Takes the quotes off a value in place.  What follows the second quote may be
 * a comment only. */
static int unquote(char *value, struct error *err)
{
	char *in = value + 1, *out = value;

	for (; *in && *in != '"'; in++) {
		if (*in != '\\') {
			*out++ = *in;
			continue;
		}
		in++;
		if (!*in || !strchr("nt\"\\", *in))
			return error_set(err,
			                 "'\\%.*s' is not \\n, \\t, \\\" "
			                 "or \\\\",
			                 *in ? 1 : 0, in);
		*out++ = *in == 'n' ? '\n' : *in == 't' ? '\t' : *in;
	}
	if (*in != '"')
		return error_set(err, "a quote is not closed");
	in = skip_blanks(in + 1);
	if (*in && *in != '#')
		return error_set(err, "'%s' after the closing quote", in);
	*out = '\0';
	return 0;
}

static void warn(struct settings *s, char *text)
{
	s->warnings = mem_grow(s->warnings, s->n_warnings,
	                       &s->warnings_capacity, sizeof *s->warnings);
	s->warnings[s->n_warnings++] = text;
}

static void warn_unknown(struct settings *s, const char *where, const char *key)
{
	struct strbuf text = STRBUF_INIT;
	const char *other = nearest_key(key);

	strbuf_printf(&text, "%s: unknown setting '%s'", where, key);
	if (other)
		strbuf_printf(&text, "; did you mean '%s'?", other);
	warn(s, strbuf_take(&text));
}

/* bind KEY ACTION; what follows "bind". */
static int read_bind(struct settings *s, char *rest, const char *where,
                     struct error *err)
{
	struct setting_bind *bind;
	char *key, *action;

	cut_comment(rest);
	trim_end(rest);
	key = skip_blanks(rest);
	action = key + strcspn(key, blanks);
	if (!*key || !*action)
		return error_set(err, "%s: bind needs a KEY and an ACTION",
		                 where);
	*action++ = '\0';
	s->binds = mem_grow(s->binds, s->n_binds, &s->binds_capacity,
	                    sizeof *s->binds);
	bind = &s->binds[s->n_binds++];
	bind->key = mem_strdup(key);
	bind->action = mem_strdup(skip_blanks(action));
	bind->where = mem_strdup(where);
	return 0;
}

/* key = value; the key is cut out of the line already. */
static int read_value(struct settings *s, const char *key, char *value,
                      const char *where, struct error *err)
{
	if (find(key) == N_INFOS) {
		warn_unknown(s, where, key);
		return 0;
	}
	if (*value == '"') {
		if (unquote(value, err)) {
			error_prefix(err, "%s: %s", where, key);
			return -1;
		}
	} else {
		cut_comment(value);
		trim_end(value);
	}
	if (settings_set(s, key, value, NULL, err)) {
		error_prefix(err, "%s", where);
		return -1;
	}
	return 0;
}

static int read_line(struct settings *s, char *line, const char *where,
                     struct error *err)
{
	char *key = skip_blanks(line), *end = key + strcspn(key, " \t\r=#");
	char *rest = skip_blanks(end);

	if (!*key || *key == '#')
		return 0;
	if (end - key == 4 && !memcmp(key, "bind", 4) && *rest != '=')
		return read_bind(s, rest, where, err);
	if (*rest != '=' || end == key)
		return error_set(err, "%s: '%s' is not KEY = VALUE", where,
		                 key);
	*end = '\0';
	return read_value(s, key, skip_blanks(rest + 1), where, err);
}

static int read_lines(struct settings *s, char *text, const char *path,
                      struct error *err)
{
	struct strbuf where = STRBUF_INIT;
	size_t number = 0;
	int result = 0;
	char *next;

	for (char *line = text; line && !result; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		strbuf_clear(&where);
		strbuf_printf(&where, "%s, line %zu", path, ++number);
		result = read_line(s, line, where.bytes, err);
	}
	strbuf_free(&where);
	return result;
}

int settings_read(struct settings *s, const char *path, bool must_exist,
                  struct error *err)
{
	struct strbuf text = STRBUF_INIT;
	int result = -1;

	if (!must_exist && !file_exists(path))
		return 0;
	if (file_read(&text, path, MAX_FILE, err))
		goto done;
	if (memchr(text.bytes, '\0', text.len) ||
	    !utf8_valid(text.bytes, text.len)) {
		error_set(err, "%s: not a text in UTF-8", path);
		goto done;
	}
	/* Some editors begin a text with a byte order mark. */
	result = read_lines(s,
	                    text.bytes + (strncmp(text.bytes, BOM, 3) ? 0 : 3),
	                    path, err);
done:
	strbuf_free(&text);
	return result;
}

size_t settings_n_binds(const struct settings *s)
{
	return s->n_binds;
}

const struct setting_bind *settings_bind(const struct settings *s, size_t i)
{
	return &s->binds[i];
}

size_t settings_n_warnings(const struct settings *s)
{
	return s->n_warnings;
}

const char *settings_warning(const struct settings *s, size_t i)
{
	return s->warnings[i];
}
