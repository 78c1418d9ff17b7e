#include "ui/cli/help.h"

#include <stdbool.h>

#include "base/strbuf.h"
#include "ui/cli/command.h"
#include "ui/cli/option_table.h"

#define COLUMN 30 /* where the explanations begin */

/* Blanks from the end of the line that began at start up to the column. */
static void pad(struct strbuf *out, size_t start)
{
	do
		strbuf_add_char(out, ' ');
	while (out->len - start < COLUMN);
}

static void add_option(struct strbuf *out, const struct option_info *info)
{
	size_t start = out->len;

	if (info->letter)
		strbuf_printf(out, "  -%c, --%s", info->letter, info->name);
	else
		strbuf_printf(out, "      --%s", info->name);
	if (info->argument)
		strbuf_printf(out, " %s", info->argument);
	pad(out, start);
	strbuf_printf(out, "%s\n", info->help);
}

/* The options of `command`: those of all commands, or those only some have. */
static void add_options(struct strbuf *out, const char *command, bool general)
{
	const struct option_info *info;

	for (size_t i = 0; (info = option_info_at(i)); i++) {
		if (option_belongs(info, command) && general == !info->commands)
			add_option(out, info);
	}
}

static void add_commands(struct strbuf *out, const struct command *commands)
{
	for (const struct command *c = commands; c->name; c++) {
		size_t start = out->len;

		strbuf_printf(out, "  %s %s", c->name, c->operands);
		pad(out, start);
		strbuf_printf(out, "%s\n", c->summary);
	}
}

static void help_of(struct strbuf *out, const struct command *c)
{
	size_t start;

	strbuf_printf(out, "Usage: confab %s [OPTIONS]%s%s\n\n%s.\n\n", c->name,
	              *c->operands ? " " : "", c->operands, c->summary);
	start = out->len;
	add_options(out, c->name, false);
	if (out->len > start)
		strbuf_add_char(out, '\n');
	strbuf_add_str(out, "General options:\n");
	add_options(out, c->name, true);
}

static void help_of_all(struct strbuf *out, const struct command *commands)
{
	strbuf_add_str(out,
	               "Usage: confab [OPTIONS]\n"
	               "       confab [OPTIONS] -p TEXT [-p TEXT]...\n"
	               "       confab COMMAND [OPTIONS] ...\n\n"
	               "Chat with a Qwen3 model in the terminal and see the "
	               "odds of every token.\n"
	               "With -p: answer on standard output.\n\n"
	               "Commands:\n");
	add_commands(out, commands);
	strbuf_add_str(out, "\nConversation:\n");
	add_options(out, "chat", false);
	strbuf_add_str(out, "\nGeneral options:\n");
	add_options(out, "chat", true);
	strbuf_add_str(out, "\nThe manual page confab(1) has the details.\n");
}

void help_text(struct strbuf *out, const struct command *commands,
               const struct command *command)
{
	if (command)
		help_of(out, command);
	else
		help_of_all(out, commands);
}
