/*
 * fuzz_json.c - any bytes are refused, or are a value that writes itself and
 * reads back the same
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every accessor on every value. */
static size_t walk(const struct json *v)
{
	size_t n = 1;
	double number;
	int64_t integer;

	if (json_integer(v, &integer) && !json_number(v, &number))
		abort();
	if (json_string(v) &&
	    !utf8_valid(json_string(v), strlen(json_string(v))))
		abort();
	for (const struct json *c = json_first(v); c; c = json_next(c)) {
		if (json_is_object(v) && json_get(v, json_key(c)) != c &&
		    json_count(v) < 100) /* no two members of one name */
			abort();
		n += walk(c);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct error err = { "" };
	struct json *v = json_parse((const char *)data, size, "fuzz", &err);

	if (!v) {
		if (!err.text[0])
			abort();
		return 0;
	}
	if (!utf8_valid((const char *)data, size))
		abort();
	json_write_python(&once, v);
	if (json_parse_bounded((const char *)data, size, walk(v) - 1, "fuzz",
	                       NULL))
		abort();
	json_free(v);
	v = json_parse(once.bytes, once.len, "fuzz", NULL);
	if (!v)
		abort();
	json_write_python(&twice, v);
	if (once.len != twice.len || memcmp(once.bytes, twice.bytes, once.len))
		abort();
	json_free(v);
	strbuf_free(&once);
	strbuf_free(&twice);
	return 0;
}
