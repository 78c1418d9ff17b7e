#include "ui/cli/user_library.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/paths.h"
#include "library/library.h"
#include "ui/cli/options.h"

struct library *user_library_open(int *status, struct error *err)
{
	char *dir = paths_user(PATHS_DATA, NULL);
	struct library *lib = NULL;

	*status = EXIT_FAILED;
	if (dir)
		lib = library_open(dir, err);
	else
		error_set(err, "no place for conversations: neither "
		               "XDG_DATA_HOME nor HOME is set");
	if (dir && !lib)
		lib = library_open_for_reading(dir, err);
	if (lib)
		*err->text = '\0';
	if (dir && !lib && library_is_bad(dir))
		*status = EXIT_BAD_FILE;
	free(dir);
	return lib;
}

int user_library_check(const struct library *lib, struct error *err)
{
	if (library_is_damaged(lib))
		error_set(err, "the library of conversations is damaged; this "
		               "is what can be read of it");
	else if (library_is_behind(lib))
		error_set(err, "%s", LIBRARY_BEHIND);
	else
		return EXIT_OK;
	return EXIT_BAD_FILE;
}
