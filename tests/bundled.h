/*
 * bundled.h - parts of the bundled model, for tests that need a real one
 */
#ifndef CONFAB_TESTS_BUNDLED_H
#define CONFAB_TESTS_BUNDLED_H

struct tokenizer;

/* Yours to free; fails the test where it cannot be read. */
struct tokenizer *test_bundled_tokenizer(void);

#endif
