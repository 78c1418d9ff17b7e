/*
 * words.h - what is searched for, and where a text has it
 *
 * Words are UTF-8 with blanks between them, texts are UTF-8; the locale does not matter.
 */
#ifndef CONFAB_WORDS_H
#define CONFAB_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_BLANKS " \t\r\n"

/* The bytes of the next of *words, which begins at *words then; 0: there is none. */
size_t words_next(const char **words);

/* Are all the words somewhere in the text, letters of either case? */
bool words_are_in(const char *text, const char *words);

/* The byte at which the text has one of the words: as it was typed but for the case of
 * letters, else without its marks, as the index finds it; 0 where it has none. */
size_t words_place(const char *text, const char *words);

#endif
