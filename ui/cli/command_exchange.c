/*
 * confab export, import: conversations to files and back.
 */
#include "ui/cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/export.h"
#include "library/import.h"
#include "library/library.h"
#include "ui/cli/model_texts.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/progress.h"
#include "ui/cli/user_library.h"

/* As --format says, else as the file is called, else JSON where --json asks for that,
 * else Markdown. */
static enum export_format format_of(const struct options *o)
{
	int format = o->format ? export_format_named(o->format) : -1;

	if (format < 0 && o->output)
		format = export_format_of_path(o->output);
	if (format < 0)
		return o->json ? EXPORT_JSON : EXPORT_MARKDOWN;
	return (enum export_format)format;
}

static int write_out(const struct options *o, const struct strbuf *text,
                     struct error *err)
{
	if (o->output && strcmp(o->output, "-"))
		return file_write(o->output, text->bytes, text->len, err);
	if (output_is_terminal()) {
		output_text(text->bytes, text->len);
		output_text_end();
	} else {
		output_add(text->bytes, text->len);
	}
	return 0;
}

static int export(const struct options *o, const struct conversation *c,
                  struct error *err)
{
	enum export_format format = format_of(o);
	struct strbuf text = STRBUF_INIT;
	struct export_tokens tokens;
	struct model_texts models;
	int status;

	model_texts_init(&models, o);
	tokens = model_texts_tokens(&models);
	export_conversation(&text, c, format, &tokens);
	status = write_out(o, &text, err);
	if (model_texts_missing(&models))
		progress_note("%s is not installed: its tokens are ids without "
		              "text; -m PATH names it",
		              model_texts_missing(&models));
	model_texts_free(&models);
	strbuf_free(&text);
	return status;
}

int command_export(const struct options *o, struct error *err)
{
	int status;
	struct library *lib = user_library_open(&status, err);
	char *id = lib ? library_find_any(lib, o->args[0], err) : NULL;
	struct conversation *c = id ? library_read(lib, id, err) : NULL;

	if (c && !export(o, c, err))
		status = user_library_check(lib, err);
	conversation_free(c);
	free(id);
	library_close(lib);
	return status;
}

/* ---- import ---- */

static void tell(const struct options *o, const struct conversation *c)
{
	struct strbuf line = STRBUF_INIT;

	if (!o->json) {
		output_printf("%s  ", c->id);
		output_text(c->title, strlen(c->title));
		output_text_end();
		output_str("\n");
		return;
	}
	strbuf_printf(&line, "{\"id\":\"%s\",\"title\":", c->id);
	json_write_string(&line, c->title, strlen(c->title));
	strbuf_printf(&line, ",\"messages\":%zu}\n", c->n);
	output_add(line.bytes, line.len);
	strbuf_free(&line);
}

static int save_all(const struct options *o, struct conversation **list,
                    size_t n, struct error *err)
{
	int status;
	struct library *lib = user_library_open(&status, err);

	if (lib && !library_add(lib, list, n, err)) {
		for (size_t i = 0; i < n; i++)
			tell(o, list[i]);
		status = EXIT_OK;
	} else if (lib && library_is_damaged(lib)) {
		status = EXIT_BAD_FILE;
	}
	library_close(lib);
	return status;
}

int command_import(const struct options *o, struct error *err)
{
	struct conversation **list;
	size_t n;
	int status;

	if (import_file(o->args[0], &list, &n, err))
		return EXIT_BAD_FILE;
	status = save_all(o, list, n, err);
	import_free(list, n);
	return status;
}
