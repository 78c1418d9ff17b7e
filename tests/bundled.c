#include "tests/bundled.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "tests/support.h"
#include "text/tokenizer.h"
#include "text/tokenizer_compile.h"
#include "text/tokenizer_image.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_source.h"

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

char *test_bundled_image(size_t *size)
{
	char *path = test_source("data/confab-20m/tokenizer.json");
	struct tokenizer_source source = { 0 };
	struct tokenizer_image_key key = { 0 };
	struct strbuf json = STRBUF_INIT;
	char *block;

	assert_int_equal(file_read(&json, path, 1 << 24, NULL), 0);
	assert_int_equal(tokenizer_json_read(&source, json.bytes, json.len,
	                                     path, NULL),
	                 0);
	block = tokenizer_compile(&source, &key, size, NULL);
	assert_non_null(block);
	tokenizer_source_free(&source);
	strbuf_free(&json);
	free(path);
	return block;
}
