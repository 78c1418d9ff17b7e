/*
 * shares.h - a range of work that the threads of a pool divide among them
 *
 * Every thread has an even share and takes it piece by piece, in order, so that
 * it reads memory in one run.  Who is done takes pieces of the others: a thread
 * that lost its core for a moment to the front end or to another program does
 * not keep all others waiting at the end.  Which thread does a piece is a matter
 * of chance, so a piece's result must not depend on it.
 */
#ifndef CONFAB_SHARES_H
#define CONFAB_SHARES_H

#include <stdbool.h>
#include <stddef.h>

struct shares;

/* For a pool of n threads; NULL when there is no memory. */
struct shares *shares_new(int n);
void shares_free(struct shares *shares);

/* Lays out [0, total), cut at multiples of grain.  While no thread takes. */
void shares_begin(struct shares *shares, size_t total, size_t grain);

/* A piece [*begin, *end) for thread index, of at most `most` items; false when
 * there is none left.  Every thread may ask for other lengths. */
bool shares_take(struct shares *shares, int index, size_t most, size_t *begin,
                 size_t *end);

#endif
