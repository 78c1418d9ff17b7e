/*
 * json_scan.h - strict JSON, RFC 8259, checked before cJSON builds the tree
 *
 * One pass over the text, without recursion and in linear time, keeps every
 * promise of json.h that cJSON 1.7.15 does not.  It also remembers how those
 * numbers were spelled whose spelling cannot be made again from a double.
 */
#ifndef CONFAB_JSON_SCAN_H
#define CONFAB_JSON_SCAN_H

#include <stddef.h>

struct error;

struct json_spelling {
	size_t ordinal; /* which number of the text this is, from 0 */
	size_t at, len; /* bytes */
};

struct json_spellings {
	struct json_spelling *items; /* [n], owned, in the order of the text */
	size_t n, capacity;
};

/* Fills *spellings (free the items) with the numbers that have a fraction or
 * an exponent and the integers of more than 15 digits.  More than max_values
 * values (members, items and the root, containers included) are an error. */
int json_scan(const char *text, size_t len, size_t max_values,
              const char *what, struct json_spellings *spellings,
              struct error *err);

/* Sets err to "WHAT: line L, column C: FAULT" for the byte at `at`. */
int json_scan_fault(const char *text, size_t len, size_t at, const char *what,
                    const char *fault, struct error *err);

#endif
