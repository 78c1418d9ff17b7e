#include "ui/cli/value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

bool value_integer(const char *text, uint64_t *out)
{
	unsigned long long value;
	size_t len = strlen(text);

	if (!len || strspn(text, "0123456789") != len)
		return false;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno || value > UINT64_MAX)
		return false;
	*out = value;
	return true;
}

bool value_number(const char *text, double *out)
{
	double value;
	char *end;

	/* strtod() alone would take blanks, hexadecimal, "inf" and "nan". */
	if (strspn(text, "+-.0123456789eE") != strlen(text))
		return false;
	value = strtod(text, &end);
	if (end == text || *end || !isfinite(value))
		return false;
	*out = value;
	return true;
}

bool value_switch(const char *text, bool *out)
{
	static const char *const on[] = { "on", "yes", "true", "1" };
	static const char *const off[] = { "off", "no", "false", "0" };

	for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
		if (!strcmp(text, on[i]) || !strcmp(text, off[i])) {
			*out = !strcmp(text, on[i]);
			return true;
		}
	}
	return false;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text), word;

	if (!len || strchr(text, ' '))
		return false;
	for (; *choices; choices += word + (choices[word] == ' ')) {
		word = strcspn(choices, " ");
		if (word == len && !memcmp(choices, text, len))
			return true;
	}
	return false;
}

static bool in_range(const struct value_type *type, double value)
{
	if (type->above_min ? value <= type->min : value < type->min)
		return false;
	return value <= type->max;
}

static bool fits(const struct value_type *type, const char *text)
{
	uint64_t integer;
	double number;
	bool on;

	switch (type->kind) {
	case VALUE_TEXT:
		return true;
	case VALUE_NAME:
		return *text;
	case VALUE_INTEGER:
		return value_integer(text, &integer) &&
		       in_range(type, (double)integer);
	case VALUE_NUMBER:
		return value_number(text, &number) && in_range(type, number);
	case VALUE_SWITCH:
		return value_switch(text, &on);
	case VALUE_CHOICE:
		return is_choice(type->choices, text);
	}
	return false;
}

/* "a number over 0, at most 1" */
static void describe(const struct value_type *type, char *out, size_t size)
{
	switch (type->kind) {
	case VALUE_TEXT:
	case VALUE_NAME:
		snprintf(out, size, "a name");
		break;
	case VALUE_INTEGER:
		if (type->max >= (double)UINT64_MAX)
			snprintf(out, size,
			         "a whole number from %.0f to %" PRIu64,
			         type->min, UINT64_MAX);
		else
			snprintf(out, size, "a whole number from %.0f to %.0f",
			         type->min, type->max);
		break;
	case VALUE_NUMBER:
		snprintf(out, size, "a number %s %g and at most %g",
		         type->above_min ? "above" : "of at least", type->min,
		         type->max);
		break;
	case VALUE_SWITCH:
		snprintf(out, size, "on or off");
		break;
	case VALUE_CHOICE:
		snprintf(out, size, "one of: %s", type->choices);
		break;
	}
}

int value_check(const struct value_type *type, const char *text,
                struct error *err)
{
	char what[256];

	if (fits(type, text))
		return 0;
	describe(type, what, sizeof what);
	return error_set(err, "'%s' is not %s", text, what);
}
