/*
 * nearest.h - "did you mean ...?"
 */
#ifndef CONFAB_NEAREST_H
#define CONFAB_NEAREST_H

#include <stddef.h>

/* The word of words[0..n) that is fewest typing slips away (a letter more,
 * fewer, other, or two letters swapped: Damerau 1964, restricted), the first
 * of several; NULL where none is within a third of the word's length (rounded). */
const char *nearest(const char *word, const char *const *words, size_t n);

#endif
