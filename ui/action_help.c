#include "ui/action_help.h"

#include <ctype.h>
#include <string.h>

#include "base/strbuf.h"
#include "ui/actions.h"

#define HELP_GAP 2 /* blanks before and between the columns of the help */

static void add_slash(struct strbuf *out, const struct action_info *info)
{
	if (!info->slash)
		return;
	strbuf_printf(out, "/%s", info->name);
	if (*info->argument)
		strbuf_printf(out, " %s", info->argument);
}

static void pad_to(struct strbuf *out, size_t begin, size_t column)
{
	do
		strbuf_add_char(out, ' ');
	while (out->len - begin < column);
}

/* Where the help screen has its commands and its explanations. */
struct help_columns {
	size_t command, text;
};

static size_t longer(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Wide enough for all keys and commands.  Keys without a command may run on
 * into its column. */
static struct help_columns find_columns(bool with_keys)
{
	size_t keys = 0, lone_keys = 0, slash = 0;
	struct help_columns columns;

	for (int a = ACTION_NONE + 1; a < ACTIONS; a++) {
		size_t *of_kind =
			action_info((enum action)a)->slash ? &keys : &lone_keys;
		struct strbuf text = STRBUF_INIT;

		if (with_keys)
			action_add_keys(&text, (enum action)a);
		*of_kind = longer(*of_kind, text.len);
		strbuf_clear(&text);
		add_slash(&text, action_info((enum action)a));
		slash = longer(slash, text.len);
		strbuf_free(&text);
	}
	columns.command = HELP_GAP + (with_keys ? keys + HELP_GAP : 0);
	columns.text = longer(columns.command + slash, HELP_GAP + lone_keys) +
	               HELP_GAP;
	return columns;
}

static void add_help_line(struct strbuf *out, enum action action,
                          const struct help_columns *columns, bool keys)
{
	size_t begin = out->len;

	pad_to(out, begin, HELP_GAP);
	if (keys) {
		action_add_keys(out, action);
		pad_to(out, begin, columns->command);
	}
	add_slash(out, action_info(action));
	pad_to(out, begin, columns->text);
	strbuf_printf(out, "%s\n", action_info(action)->help);
}

/* Without what it says of keys, in brackets, where there are none. */
static void add_heading(struct strbuf *out, const char *group, bool first,
                        bool keys)
{
	const char *bracket = keys ? NULL : strstr(group, " (");

	if (!first)
		strbuf_add_char(out, '\n');
	strbuf_add(out, group,
	           bracket ? (size_t)(bracket - group) : strlen(group));
	strbuf_add_char(out, '\n');
}

void action_help_print(struct strbuf *out, bool keys)
{
	struct help_columns columns = find_columns(keys);
	const char *group = "";

	for (int a = ACTION_NONE + 1; a < ACTIONS; a++) {
		if (!keys && action_needs_screen((enum action)a))
			continue;
		if (strcmp(group, action_info((enum action)a)->group))
			add_heading(out, action_info((enum action)a)->group,
			            !*group, keys);
		group = action_info((enum action)a)->group;
		add_help_line(out, (enum action)a, &columns, keys);
	}
}

/* roff: "-" is a minus sign only as "\-"; quotes would end an argument. */
static void add_roff(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			strbuf_add_str(out, "\\e");
		else if (*text == '-')
			strbuf_add_str(out, "\\-");
		else if (*text == '"')
			strbuf_add_str(out, "\\(dq");
		else
			strbuf_add_char(out, *text);
	}
}

static void add_man_entry(struct strbuf *out, enum action action)
{
	const struct action_info *info = action_info(action);
	struct strbuf head = STRBUF_INIT;

	/* The keys as they are before any `bind`. */
	for (const char *keys = info->keys; *keys; keys++)
		strbuf_printf(&head, "%s%c", *keys == ' ' ? "," : "", *keys);
	if (head.len && info->slash)
		strbuf_add_str(&head, "; ");
	add_slash(&head, info);
	strbuf_add_str(out, ".It Ic \"");
	add_roff(out, head.bytes);
	/* A letter keeps the line from being taken for a request. */
	strbuf_printf(out, "\"\n%c", toupper((unsigned char)*info->help));
	add_roff(out, info->help + 1);
	strbuf_add_char(out, '.');
	if (!info->slash) {
		strbuf_add_str(out, "\n.Pq ");
		add_roff(out, info->name);
	}
	strbuf_add_char(out, '\n');
	strbuf_free(&head);
}

void action_help_print_man(struct strbuf *out)
{
	const char *group = "";

	for (int a = ACTION_NONE + 1; a < ACTIONS; a++) {
		if (strcmp(group, action_info((enum action)a)->group))
			strbuf_printf(out, "%s.Ss \"%s\"\n.Bl -tag -width Ds\n",
			              *group ? ".El\n" : "",
			              action_info((enum action)a)->group);
		group = action_info((enum action)a)->group;
		add_man_entry(out, (enum action)a);
	}
	strbuf_add_str(out, ".El\n");
}
