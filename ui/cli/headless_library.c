#include "ui/cli/headless_library.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/paths.h"
#include "library/conversation.h"
#include "library/library.h"
#include "ui/cli/options.h"
#include "ui/cli/progress.h"
#include "ui/cli/snapshots.h"

#define SAVE_EVERY 1.0 /* seconds: what a crash may cost of an open reply */

static int resume(struct headless_library *l, const struct options *o,
                  struct conversation **c, struct error *err)
{
	const char *name = o->resume_id ? o->resume_id : "last";
	char *id = library_find_any(l->lib, name, err);
	int status = EXIT_FAILED, locked = -1;

	if (id)
		locked = library_lock(l->lib, id, err);
	if (locked > 0)
		status = EXIT_LOCKED;
	if (!locked || (locked > 0 && library_is_read_only(l->lib)))
		*c = library_read(l->lib, id, err);
	if (*c && library_is_behind(l->lib))
		progress_warn("%s", LIBRARY_BEHIND);
	l->resumed = true;
	free(id);
	return *c ? EXIT_OK : status;
}

int headless_library_open(struct headless_library *l, const struct options *o,
                          struct conversation **c, struct error *err)
{
	char *dir = paths_user(PATHS_DATA, NULL);
	bool keep = !o->no_save && !o->raw;
	struct error reason = { "no HOME to keep it in" };
	bool bad = false;

	*c = NULL;
	l->read_only = o->no_save;
	if (dir && (keep || o->resume)) {
		l->lib = snapshots_yield_open(dir, o->resume, &reason);
		bad = !l->lib && library_is_bad(dir);
	}
	free(dir);
	if (o->resume) {
		if (l->lib)
			return resume(l, o, c, err);
		error_set(err, "--resume: %s", reason.text);
		return bad ? EXIT_BAD_FILE : EXIT_FAILED;
	}
	if (keep && !l->lib)
		progress_warn("the conversation is not saved: %s", reason.text);
	*c = conversation_begin(o->system);
	return EXIT_OK;
}

void headless_library_close(struct headless_library *l)
{
	library_close(l->lib);
	*l = (struct headless_library){ 0 };
}

bool headless_library_keeps(const struct headless_library *l)
{
	return l->lib && !l->read_only;
}

void headless_library_save(struct headless_library *l, struct conversation *c)
{
	struct error reason;

	l->saved_at = clock_seconds();
	if (!headless_library_keeps(l))
		return;
	if (!snapshots_yield_save(l->lib, c, &reason)) {
		l->trouble_told = false;
	} else if (!l->trouble_told) {
		progress_warn("the conversation is not saved: %s", reason.text);
		l->trouble_told = true;
	}
}

void headless_library_save_open(struct headless_library *l,
                                struct conversation *c)
{
	if (clock_seconds() - l->saved_at >= SAVE_EVERY)
		headless_library_save(l, c);
}

void headless_library_take_back(struct headless_library *l,
                                struct conversation *c, int64_t message)
{
	bool kept = headless_library_keeps(l) && c->id && !l->trouble_told;
	struct error reason;
	int status = 0;

	conversation_take_back(c, message);
	if (kept && (l->resumed || conversation_is_said(c)))
		status = library_remove_message(l->lib, c->id, message,
		                                &reason) ||
		         library_save(l->lib, c, &reason);
	else if (kept)
		status = library_remove(l->lib, c->id, &reason);
	if (status)
		progress_warn("the message stays saved: %s", reason.text);
}
