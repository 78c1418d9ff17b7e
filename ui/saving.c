#include "ui/saving.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/paths.h"
#include "library/conversation.h"
#include "library/library.h"
#include "ui/cli/options.h"
#include "ui/cli/snapshots.h"

static bool wants_saving(const struct options *o)
{
	bool on = true;

	if (o->no_save)
		return false;
	settings_switch(o->settings, "save", &on);
	return on;
}

static void open_library(struct saving *s, bool at_least_read)
{
	char *dir = paths_user(PATHS_DATA, NULL);

	if (dir)
		s->lib = snapshots_yield_open(dir, at_least_read, &s->trouble);
	else
		error_set(&s->trouble, "no HOME to keep it in");
	free(dir);
}

void saving_open(struct saving *s, const struct options *o)
{
	*s = (struct saving){ .wanted = wants_saving(o) };
	if (s->wanted || o->resume)
		open_library(s, o->resume);
}

void saving_close(struct saving *s)
{
	for (size_t i = 0; i < s->n_deleted; i++)
		conversation_free(s->deleted[i]);
	free(s->deleted);
	free(s->undeleted);
	library_close(s->lib);
	*s = (struct saving){ 0 };
}

static struct conversation *new_conversation(const struct options *o)
{
	return conversation_begin(o->system ? o->system
	                                    : options_setting(o, "system"));
}

/* err says whose it is; it is no error of the caller's. */
static void note_lock(struct saving *s, bool read_only, struct error *err)
{
	if (read_only)
		s->trouble = *err;
	else if (s->read_only)
		*s->trouble.text = '\0';
	s->read_only = read_only;
	*err->text = '\0';
}

/* The id of a saved conversation, yours to free; NULL: err. */
static char *find(struct saving *s, const char *id, struct error *err)
{
	if (s->lib)
		return library_find_any(s->lib, id, err);
	error_set(err, "%s",
	          *s->trouble.text ? s->trouble.text : "nothing is saved");
	return NULL;
}

bool saving_finds(struct saving *s, const char *id, struct error *err)
{
	char *found = find(s, id, err);
	bool is_there = found != NULL;

	free(found);
	return is_there;
}

/* Opens a saved conversation by id, or by a beginning of it; NULL: err. */
static struct conversation *read_one(struct saving *s, const char *id,
                                     struct error *err)
{
	struct conversation *c;
	char *found = find(s, id, err);
	int locked;

	if (!found)
		return NULL;
	locked = library_lock(s->lib, found, err);
	c = locked < 0 ? NULL : library_read(s->lib, found, err);
	if (c)
		note_lock(s, locked > 0, err);
	else if (locked == 0)
		library_unlock(s->lib, found);
	free(found);
	return c;
}

struct conversation *saving_begin(struct saving *s, const struct options *o,
                                  int *status, struct error *err)
{
	struct conversation *c;

	if (!o->resume || o->new_chat)
		return new_conversation(o);
	c = read_one(s, o->resume_id ? o->resume_id : "last", err);
	if (!c)
		*status = EXIT_FAILED;
	return c;
}

static void forget_reading_only(struct saving *s)
{
	if (s->read_only)
		*s->trouble.text = '\0';
	s->read_only = false;
}

void saving_leave(struct saving *s, const struct conversation *c)
{
	if (s->lib && c && c->id && !s->read_only)
		library_unlock(s->lib, c->id);
	forget_reading_only(s);
}

struct conversation *saving_open_other(struct saving *s,
                                       const struct conversation *open,
                                       const char *id, struct error *err)
{
	bool read_only = s->read_only;
	struct conversation *c = read_one(s, id, err);

	if (c && open->id && !read_only && strcmp(c->id, open->id))
		library_unlock(s->lib, open->id);
	return c;
}

/* The library that is at its place now, if somebody moved or removed the one that was
 * open.  Where there can be none, that one stays: it can still be read. */
static bool has_library(struct saving *s)
{
	struct library *gone = s->lib;

	if (gone && !library_is_gone(gone))
		return true;
	open_library(s, false);
	if (s->lib) {
		library_close(gone);
		return true;
	}
	s->lib = gone;
	return false;
}

static bool can_save(struct saving *s, const struct conversation *c)
{
	struct error err = { "" };
	int locked = 0;

	if (!has_library(s))
		return false;
	if (c->id)
		locked = library_lock(s->lib, c->id, &err);
	if (locked < 0)
		s->trouble = err;
	else if (locked)
		note_lock(s, true, &err);
	return !locked;
}

void saving_save(struct saving *s, struct conversation *c)
{
	struct error err = { "" };

	s->saved_at = clock_seconds();
	if (!s->wanted || s->read_only ||
	    (!c->id && !conversation_is_said(c)) || !can_save(s, c))
		return;
	if (snapshots_yield_save(s->lib, c, &err))
		s->trouble = err;
	else
		*s->trouble.text = '\0';
}

/* After something was taken away: nobody is to find a conversation in which nothing was
 * said. */
static void save_or_forget(struct saving *s, struct conversation *c)
{
	struct error err = { "" };

	if (conversation_is_said(c)) {
		saving_save(s, c);
		return;
	}
	if (!s->lib || !c->id || !s->wanted || s->read_only)
		return;
	if (library_remove(s->lib, c->id, &err)) {
		s->trouble = err;
		return;
	}
	snapshots_remove(c->id);
	free(c->id); /* what is said next is saved as another one */
	c->id = NULL;
}

bool saving_is_behind(const struct saving *s)
{
	return s->wanted && !s->read_only && *s->trouble.text;
}

const char *saving_notice(const struct saving *s, const struct conversation *c)
{
	if (s->read_only && !library_is_behind(s->lib))
		return library_is_read_only(s->lib)
		               ? "the library cannot be written: reading only"
		               : "another confab writes this conversation: "
		                 "reading only";
	if (s->lib && library_is_behind(s->lib))
		return "the newest changes cannot be read here";
	if (c->damaged)
		return "parts of this conversation are damaged and left out";
	return NULL;
}

static void forget_message(struct saving *s, const struct conversation *c,
                           int64_t id)
{
	struct error err = { "" };

	if (s->lib && c->id && s->wanted && !s->read_only &&
	    library_remove_message(s->lib, c->id, id, &err))
		s->trouble = err;
}

void saving_remove_message(struct saving *s, struct conversation *c, int64_t id)
{
	forget_message(s, c, id);
	conversation_remove(c, id);
}

void saving_take_back(struct saving *s, struct conversation *c, int64_t id)
{
	forget_message(s, c, id);
	conversation_take_back(c, id);
	save_or_forget(s, c);
}

int saving_delete(struct saving *s, const char *id, struct error *err)
{
	struct conversation *c = NULL;
	int locked = library_lock(s->lib, id, err);

	if (locked)
		return -1;
	c = library_read(s->lib, id, err);
	if (!c || library_remove(s->lib, id, err)) {
		library_unlock(s->lib, id);
		conversation_free(c);
		return -1;
	}
	snapshots_remove(id); /* what may come back computes it anew */
	s->deleted = mem_grow(s->deleted, s->n_deleted, &s->deleted_capacity,
	                      sizeof *s->deleted);
	s->deleted[s->n_deleted++] = c;
	return 0;
}

const char *saving_undelete(struct saving *s, struct error *err)
{
	struct conversation *c;

	if (!s->n_deleted) {
		error_set(err, "nothing was deleted");
		return NULL;
	}
	c = s->deleted[s->n_deleted - 1];
	if (library_lock(s->lib, c->id, err))
		return NULL;
	if (library_save(s->lib, c, err)) {
		library_unlock(s->lib, c->id);
		return NULL;
	}
	library_unlock(s->lib, c->id);
	s->n_deleted--;
	free(s->undeleted);
	s->undeleted = mem_strdup(c->id);
	conversation_free(c);
	return s->undeleted;
}
