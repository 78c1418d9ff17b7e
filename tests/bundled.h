/*
 * bundled.h - parts of the bundled model, for tests that need a real one
 */
#ifndef CONFAB_TESTS_BUNDLED_H
#define CONFAB_TESTS_BUNDLED_H

#include <stddef.h>

struct tokenizer;

/* Yours to free; fails the test where it cannot be read. */
struct tokenizer *test_bundled_tokenizer(void);

/* Its compiled vocabulary as tokenizer_image.h says, [*size], with a key of
 * zeros.  Yours to free. */
char *test_bundled_image(size_t *size);

#endif
