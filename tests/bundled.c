#include "tests/bundled.h"

#include <stdlib.h>

#include "base/error.h"
#include "tests/support.h"
#include "text/tokenizer.h"

struct tokenizer *test_bundled_tokenizer(void)
{
	char *path = test_source("data/confab-20m/tokenizer.json");
	struct error err = { "" };
	struct tokenizer *t = tokenizer_load_json(path, NULL, &err);

	if (!t)
		fail_msg("%s", err.text);
	free(path);
	return t;
}
