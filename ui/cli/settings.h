/*
 * settings.h - what a person prefers: configuration file, environment, --set
 *
 *	# ~/.config/confab/config
 *	model = ~/models/Qwen3-4B-Instruct-2507
 *	temperature = 0.6        # a comment
 *	system = "You answer in # signs."
 *	bind F5 retry
 *
 * A value ends at the line's end or before a # that follows white space;
 * between double quotes everything counts, with \n, \t, \" and \\.  Every key
 * is a variable too: top_p is CONFAB_TOP_P.  One table says which keys there
 * are, what their values may be and what they are for.
 *
 * A key has one value: whoever sets it last wins, so the weakest source is read
 * first.  A wrong value is an error; an unknown key in a file is a warning, so
 * that one file serves several versions of the program.
 */
#ifndef CONFAB_SETTINGS_H
#define CONFAB_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/cli/value.h"

struct error;
struct settings;

/* Whose it is while the program runs: what /set lists and changes. */
enum setting_owner {
	SETTING_START, /* it counts when the program starts */
	SETTING_CHAT,  /* the next reply has it */
	SETTING_SCREEN /* the full screen's */
};

struct setting_info {
	const char *key;
	enum setting_owner owner;
	struct value_type type;
	const char *help; /* half a line */
};

/* The table, in the order of the manual page; NULL past its end. */
const struct setting_info *settings_info(size_t i);
const struct setting_info *settings_find(const char *key); /* or NULL */

struct settings *settings_new(void);
void settings_free(struct settings *s);

/* `path` must be there when must_exist; otherwise an absent file sets nothing.
 * On failure the lines before the bad one are set. */
int settings_read(struct settings *s, const char *path, bool must_exist,
                  struct error *err);

/* CONFAB_KEY of every key; an empty variable counts as unset. */
int settings_read_environment(struct settings *s, struct error *err);

/* One key.  `what` names the source in errors ("--temp"); NULL: the key. */
int settings_set(struct settings *s, const char *key, const char *value,
                 const char *what, struct error *err);
/* "KEY=VALUE", as --set has it. */
int settings_assign(struct settings *s, const char *assignment,
                    struct error *err);

/* NULL where the key was not set (or is unknown). */
const char *settings_get(const struct settings *s, const char *key);

/* The same, as what the table says it is; out stays untouched, and the result
 * is false, where the key was not set. */
bool settings_integer(const struct settings *s, const char *key, uint64_t *out);
bool settings_number(const struct settings *s, const char *key, double *out);
bool settings_switch(const struct settings *s, const char *key, bool *out);

/* The `bind KEY ACTION` lines in their order, each with where it stands
 * ("/home/ada/.config/confab/config, line 4"), for the owner of the keys. */
struct setting_bind {
	char *key, *action, *where;
};
size_t settings_n_binds(const struct settings *s);
const struct setting_bind *settings_bind(const struct settings *s, size_t i);

/* One line each, for a person: unknown keys and the like. */
size_t settings_n_warnings(const struct settings *s);
const char *settings_warning(const struct settings *s, size_t i);

#endif
