/*
 * nfc.h - Unicode normalisation form C: composed characters, marks in order
 *
 * Unicode Standard Annex 15.  Each character is taken apart (canonical
 * decomposition), runs of combining marks are put into the order of their
 * combining classes, and what has a composed form is put together again.
 * Qwen3's tokenizer does this to text before anything else, so that "é" is the
 * same tokens however it was typed.
 *
 * The tables are utf8proc's.  utf8proc_map() is not used: it orders marks by
 * bubble sort, so that a megabyte of marks would take minutes.
 *
 * NOTE: Hugging Face's table of combining classes is that of Unicode 9; marks
 * that came later (U+07FD, U+0898, U+1AC1, U+1E130...) are letters to it.  Where
 * such a mark stands next to another one, in the wrong order, its ids differ
 * from ours; nothing else does.
 */
#ifndef CONFAB_NFC_H
#define CONFAB_NFC_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* True: text is in form C already.  False: it may not be.  Quick for ASCII and
 * for most text in Latin, Greek, Cyrillic, Chinese, Japanese and Korean. */
bool nfc_quick(const char *text, size_t len);

/* Appends text in form C to out.  text is well-formed UTF-8. */
void nfc_append(struct strbuf *out, const char *text, size_t len);

#endif
