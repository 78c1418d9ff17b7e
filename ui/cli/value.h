/*
 * value.h - what the value of an option or a setting may be, strictly read
 *
 * "12abc", "", " 5", "0x10", "nan" and "1e999" are no numbers here.  One table
 * row says what a value may be; one function says what is wrong with it.
 */
#ifndef CONFAB_VALUE_H
#define CONFAB_VALUE_H

#include <stdbool.h>
#include <stdint.h>

struct error;

enum value_kind {
	VALUE_TEXT,    /* anything */
	VALUE_NAME,    /* anything but "" */
	VALUE_INTEGER, /* a whole number, at most 2^64 - 1 */
	VALUE_NUMBER,  /* a finite decimal */
	VALUE_SWITCH,  /* on, yes, true, 1 or off, no, false, 0 */
	VALUE_CHOICE   /* one of some words */
};

struct value_type {
	enum value_kind kind;
	double min, max; /* numbers and integers: the range, ends included */
	bool above_min;  /* ... but min itself is outside */
	const char *choices; /* VALUE_CHOICE: "f16 bf16", separated by blanks */
};

/* 0 where text is such a value; else -1 and "'TEXT' is not a ...". */
int value_check(const struct value_type *type, const char *text,
                struct error *err);

/* False, out untouched, where text is no such value. */
bool value_integer(const char *text, uint64_t *out);
bool value_number(const char *text, double *out);
bool value_switch(const char *text, bool *out);

#endif
