/*
 * main.c - confab: which of its faces is asked for
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "math/gemm.h"
#include "ui/app.h"
#include "ui/cells/sanitise.h"
#include "ui/cli/commands.h"
#include "ui/cli/headless.h"
#include "ui/cli/help.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"
#include "ui/cli/signals.h"
#include "ui/line_mode.h"

/* Somebody may start us with 0, 1 or 2 closed.  A file of ours must not get
 * such a number, so /dev/null does, opened so that standard input is empty and
 * writing to standard output fails. */
static void fill_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

/* Other people's names may be in it. */
static int complain(int status, const struct error *err)
{
	struct strbuf text = STRBUF_INIT;

	if (!*err->text)
		return status;
	if (isatty(STDERR_FILENO))
		sanitise(&text, err->text, strlen(err->text));
	else
		strbuf_add_str(&text, err->text);
	fprintf(stderr, "confab: %s\n", text.bytes);
	strbuf_free(&text);
	return status;
}

static void show_warnings(const struct settings *settings)
{
	for (size_t i = 0; i < settings_n_warnings(settings); i++)
		fprintf(stderr, "confab: %s\n", settings_warning(settings, i));
}

static int show_help(const struct options *o)
{
	struct strbuf text = STRBUF_INIT;

	help_text(&text, commands, o->command);
	output_add(text.bytes, text.len);
	strbuf_free(&text);
	return EXIT_OK;
}

static int show_version(void)
{
	output_str("confab " PACKAGE_VERSION "\n");
	return EXIT_OK;
}

/* Plain lines for a screen that cannot be drawn on, and for keys that do not
 * come from a keyboard. */
static bool is_plain(void)
{
	const char *term = getenv("TERM");

	return !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) || !term ||
	       !*term || !strcmp(term, "dumb");
}

static int run(const struct options *o, struct error *err)
{
	if (o->help)
		return show_help(o);
	if (o->version)
		return show_version();
	show_warnings(o->settings);
	if (o->command)
		return o->command->run(o, err);
	if (headless_wanted(o))
		return headless_run(o, err);
	if (o->json || o->raw) {
		error_set(err,
		          "--%s: needs a prompt: -p TEXT or standard "
		          "input",
		          o->json ? "json" : "raw");
		return EXIT_USAGE;
	}
	return is_plain() ? line_mode_run(o, err) : app_run(o, err);
}

/* Whatever is gathered goes out.  Where it cannot, that is why the program
 * failed, unless it has another reason to tell or a signal ended it.  A reader
 * that went away counts as SIGPIPE, of which other programs die. */
static int end_output(int status, struct error *err)
{
	struct error reason = { "" };
	bool told = status != EXIT_OK && (status != EXIT_FAILED || *err->text);

	if (!output_flush(&reason) || told)
		return status;
	*err = reason;
	return *reason.text ? EXIT_FAILED : 128 + SIGPIPE;
}

int main(int argc, char **argv)
{
	struct error err = { "" };
	struct options o;
	int status;

	fill_standard_files();
	/* Not LC_NUMERIC: a decimal point is a point in every file of ours. */
	setlocale(LC_CTYPE, "");
	gemm_choose_arch(); /* writes to the environment: there is one thread */
	signals_init();
	if (options_parse(&o, commands, argc, argv, &err)) {
		options_free(&o);
		return complain(EXIT_USAGE, &err);
	}
	status = end_output(run(&o, &err), &err);
	options_free(&o);
	return status == EXIT_OK ? EXIT_OK : complain(status, &err);
}
