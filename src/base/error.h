/*
 * error.h - what went wrong, in one line for a person
 *
 * A function that can fail returns -1 (or NULL) and fills the struct error
 * that it takes last.  The text names the file, the thing and both numbers
 * that disagree; it has no newline and no "confab:" in front.  Names come from
 * strangers' files, so control characters and ill-formed UTF-8 become '?'.
 * `err` may be NULL where the caller only wants to know that it failed.
 */
#ifndef CONFAB_ERROR_H
#define CONFAB_ERROR_H

struct error {
	char text[1024]; /* UTF-8, empty while nothing failed; cut when longer */
};

/* Formats the text and returns -1, so that `return error_set(err, ...)` reads
 * well.  The arguments may point into err->text. */
int error_set(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "WHAT: " in front of the text. */
void error_prefix(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
