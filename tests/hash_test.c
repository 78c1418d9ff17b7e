#include "tests/support.h"

#include <stdint.h>

#include "base/hash.h"

/* The empty text's value in xxHash's own sanity test. */
static void the_hash_is_xxh3(void **state)
{
	(void)state;
	assert_true(hash64("", 0) == UINT64_C(0x2d06800538d394c2));
	assert_true(hash64_with("", 0, 0) == hash64("", 0));
}

static void every_bit_of_text_and_seed_counts(void **state)
{
	unsigned char text[300] = { 0 };
	uint64_t plain = hash64_with(text, sizeof text, 7);

	(void)state;
	assert_true(hash64_with(text, sizeof text, 8) != plain);
	assert_true(hash64_with(text, sizeof text - 1, 7) != plain);
	for (size_t i = 0; i < sizeof text * 8; i++) {
		text[i / 8] ^= (unsigned char)(1 << i % 8);
		assert_true(hash64_with(text, sizeof text, 7) != plain);
		text[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	assert_true(hash64_with(text, sizeof text, 7) == plain);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_hash_is_xxh3),
	cmocka_unit_test(every_bit_of_text_and_seed_counts),
};

TEST_MAIN(tests)
