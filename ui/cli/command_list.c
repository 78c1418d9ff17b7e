/*
 * confab list, show, rm, rename: the saved conversations.
 */
#include "ui/cli/commands.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "library/conversation.h"
#include "library/library.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/snapshots.h"
#include "ui/cli/user_library.h"

/* The operands from the first-th on, with a blank between; yours to free. */
static char *join_args(const struct options *o, size_t first)
{
	struct strbuf words = STRBUF_INIT;

	for (size_t i = first; i < o->n_args; i++) {
		if (i > first)
			strbuf_add_char(&words, ' ');
		strbuf_add_str(&words, o->args[i]);
	}
	return strbuf_take(&words);
}

static void add_json(struct strbuf *out, const char *key, const char *text)
{
	strbuf_printf(out, "\"%s\":", key);
	if (text)
		json_write_string(out, text, strlen(text));
	else
		strbuf_add_str(out, "null");
	strbuf_add_char(out, ',');
}

/* ---- list ---- */

static void list_json(const struct library_entry *e)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_add_char(&out, '{');
	add_json(&out, "id", e->id);
	add_json(&out, "title", e->title);
	add_json(&out, "preview", e->preview);
	add_json(&out, "snippet", e->snippet);
	strbuf_printf(&out,
	              "\"messages\":%zu,\"created_ms\":%lld,"
	              "\"updated_ms\":%lld}\n",
	              e->messages, (long long)e->created_ms,
	              (long long)e->updated_ms);
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

/* Text of one line: white space of any kind becomes a blank. */
static void put_line(const char *text)
{
	struct strbuf line = STRBUF_INIT;

	for (; *text; text++)
		strbuf_add_char(&line,
		                strchr("\n\r\t\v\f", *text) ? ' ' : *text);
	output_text(line.bytes, line.len);
	output_text_end();
	strbuf_free(&line);
}

static void list_text(const struct library_entry *e)
{
	time_t seconds = (time_t)(e->updated_ms / 1000);
	const char *hit = e->snippet ? e->snippet : "";
	struct tm tm;
	char when[32] = "";

	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
	output_printf("%-8s  %s  %4zu  ", e->id, when, e->messages);
	put_line(*e->title ? e->title : e->preview);
	if (*hit) {
		output_str("\n          ");
		put_line(hit);
	}
	output_str("\n");
}

int command_list(const struct options *o, struct error *err)
{
	int status;
	struct library *lib = user_library_open(&status, err);
	struct library_entry *entries = NULL;
	char *words = join_args(o, 0);
	size_t n = 0;

	if (lib && !library_list(lib, words, 0, &entries, &n, err)) {
		for (size_t i = 0; i < n; i++)
			o->json ? list_json(&entries[i])
				: list_text(&entries[i]);
		library_entries_free(entries, n);
		status = user_library_check(lib, err);
	}
	free(words);
	library_close(lib);
	return status;
}

/* ---- show ---- */

static void show_json_message(struct strbuf *out, const struct message *m)
{
	strbuf_printf(out, "{\"role\":\"%s\",\"content\":",
	              message_role_name(m->role));
	json_write_string(out, m->text.bytes, m->text.len);
	strbuf_add_char(out, '}');
}

static void show_json(const struct conversation *c, struct message **path,
                      size_t n)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_add_char(&out, '{');
	add_json(&out, "id", c->id);
	add_json(&out, "title", c->title);
	strbuf_add_str(&out, "\"messages\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			strbuf_add_char(&out, ',');
		show_json_message(&out, path[i]);
	}
	strbuf_add_str(&out, "]}\n");
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

static void show_text(const struct conversation *c, struct message **path,
                      size_t n)
{
	output_str("# ");
	put_line(c->title);
	output_str("\n");
	for (size_t i = 0; i < n; i++) {
		output_printf("\n## %s\n\n", message_role_name(path[i]->role));
		output_text(path[i]->text.bytes, path[i]->text.len);
		output_text_end();
		output_str("\n");
	}
}

int command_show(const struct options *o, struct error *err)
{
	int status;
	struct library *lib = user_library_open(&status, err);
	char *id = lib ? library_find_any(lib, o->args[0], err) : NULL;
	struct conversation *c = id ? library_read(lib, id, err) : NULL;
	struct message **path;
	size_t n;

	if (c) {
		n = conversation_path(c, &path);
		o->json ? show_json(c, path, n) : show_text(c, path, n);
		free(path);
		status = user_library_check(lib, err);
	}
	conversation_free(c);
	free(id);
	library_close(lib);
	return status;
}

/* ---- rm, rename ---- */

/* What a change that failed means. */
static int failure(const struct library *lib)
{
	return library_is_damaged(lib) ? EXIT_BAD_FILE : EXIT_FAILED;
}

/* *id: the conversation of that name, which nobody else has open; yours to free. */
static int take(struct library *lib, const char *name, char **id,
                struct error *err)
{
	int locked;

	*id = library_find(lib, name, err);
	if (!*id)
		return failure(lib);
	locked = library_lock(lib, *id, err);
	if (locked > 0 && !library_is_read_only(lib))
		return EXIT_LOCKED;
	return locked ? failure(lib) : EXIT_OK;
}

static int rm(struct library *lib, const char *id, struct error *err)
{
	if (library_remove(lib, id, err))
		return failure(lib);
	snapshots_remove(id);
	return EXIT_OK;
}

static bool is_among(char *const *ids, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(ids[i], id))
			return true;
	return false;
}

int command_rm(const struct options *o, struct error *err)
{
	char **ids = mem_zalloc(o->n_args, sizeof *ids);
	size_t n = 0;
	int status;
	struct library *lib = user_library_open(&status, err);

	if (lib)
		status = EXIT_OK;
	while (n < o->n_args && status == EXIT_OK) { /* all of them, or none */
		status = take(lib, o->args[n], &ids[n], err);
		n++;
	}
	for (size_t i = 0; i < n && status == EXIT_OK; i++)
		if (!is_among(ids, i, ids[i])) /* named twice */
			status = rm(lib, ids[i], err);
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	library_close(lib);
	return status;
}

static char *title_of(const struct options *o)
{
	struct strbuf text = STRBUF_INIT;
	char *words = join_args(o, 1), *title;

	utf8_repair(&text, words, strlen(words));
	free(words);
	title = strbuf_take(&text);
	conversation_one_line(title);
	return title;
}

int command_rename(const struct options *o, struct error *err)
{
	char *title = title_of(o), *id = NULL;
	struct library *lib = NULL;
	int status = EXIT_FAILED;

	if (!title[strspn(title, " \t\r\n")]) {
		error_set(err, "rename: the title is empty");
		free(title);
		return EXIT_USAGE;
	}
	lib = user_library_open(&status, err);
	if (lib)
		status = take(lib, o->args[0], &id, err);
	if (status == EXIT_OK && library_rename(lib, id, title, err))
		status = failure(lib);
	free(id);
	free(title);
	library_close(lib);
	return status;
}
