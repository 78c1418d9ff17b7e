#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "text/bpe.h"
#include "text/byte_level.h"

#define N_SLOTS 1024

/* A table of random merges over few bytes: ids 0-255 are bytes, each merge
 * makes a new id of two that are there. */
struct table {
	struct bpe_merge slots[N_SLOTS];
	struct bpe_merge list[300]; /* by rank */
	int n;
	int32_t byte_id[256];
	struct bpe bpe;
};

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static int32_t any_id(const struct table *table, unsigned *seed)
{
	if (!table->n || next(seed) % 3 == 0)
		return (int32_t)('a' + next(seed) % 3);
	return table->list[next(seed) % (unsigned)table->n].id;
}

static void make(struct table *table, int n, unsigned *seed)
{
	memset(table, 0xff, sizeof(*table));
	for (int i = 0; i < 256; i++)
		table->byte_id[i] = i;
	table->bpe.merges = table->slots;
	table->bpe.n_slots = N_SLOTS;
	table->bpe.byte_id = table->byte_id;
	for (table->n = 0; table->n < n; table->n++) {
		struct bpe_merge merge = { any_id(table, seed),
			                   any_id(table, seed), table->n,
			                   256 + table->n };

		/* The same pair again would make the older merge void. */
		for (int i = 0; i < table->n; i++)
			if (table->list[i].left == merge.left &&
			    table->list[i].right == merge.right)
				merge.left = 'z';
		table->list[table->n] = merge;
		bpe_put(table->slots, N_SLOTS, &merge);
	}
}

/* As the definition says: the lowest rank, the leftmost place, one by one. */
static size_t by_definition(const struct table *table, int *symbols, size_t n)
{
	for (;;) {
		int best = table->n;
		size_t at = 0;

		for (size_t i = 0; i + 1 < n; i++)
			for (int r = 0; r < best; r++)
				if (table->list[r].left == symbols[i] &&
				    table->list[r].right == symbols[i + 1]) {
					best = r;
					at = i;
				}
		if (best == table->n)
			return n;
		symbols[at] = table->list[best].id;
		n--;
		memmove(symbols + at + 1, symbols + at + 2,
		        (n - at - 1) * sizeof(int));
	}
}

static void merging_follows_the_definition_at_every_length(void **state)
{
	static struct table table;
	unsigned seed = 5;

	(void)state;
	for (int round = 0; round < 400; round++) {
		size_t len = round < 200 ? (size_t)round : (size_t)round * 2;
		char piece[1024];
		int symbols[1024];
		struct ids ids = { 0 };

		if (round % 10 == 0)
			make(&table, 1 + round % 90, &seed);
		for (size_t i = 0; i < len; i++) {
			piece[i] = (char)('a' + next(&seed) % 3);
			symbols[i] = piece[i];
		}
		bpe_encode(&table.bpe, piece, len, &ids);
		assert_int_equal(ids.n, by_definition(&table, symbols, len));
		if (ids.n)
			assert_memory_equal(ids.data, symbols,
			                    ids.n * sizeof(int));
		ids_free(&ids);
	}
}

static void the_last_of_two_equal_merges_stays(void **state)
{
	static struct table table;
	struct bpe_merge merge = { 'a', 'b', 0, 300 };
	struct ids ids = { 0 };
	unsigned seed = 1;

	(void)state;
	make(&table, 0, &seed);
	bpe_put(table.slots, N_SLOTS, &merge);
	merge.id = 301;
	bpe_put(table.slots, N_SLOTS, &merge);
	bpe_encode(&table.bpe, "ab", 2, &ids);
	assert_int_equal(ids.n, 1);
	assert_int_equal(ids.data[0], 301);
	ids_free(&ids);
}

static void a_byte_and_its_character_are_one(void **state)
{
	unsigned char seen[0x144] = { 0 };
	struct strbuf out = STRBUF_INIT;
	char utf8[4];

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		uint32_t c = byte_level_character((unsigned char)byte);
		size_t len = (size_t)utf8_encode(c, utf8);

		assert_true(c > 0x20 && c < sizeof(seen));
		assert_int_equal(seen[c]++, 0);
		strbuf_clear(&out);
		assert_true(byte_level_decode(&out, utf8, len));
		assert_int_equal(out.len, 1);
		assert_int_equal((unsigned char)out.bytes[0], byte);
	}
	assert_int_equal(byte_level_character(' '), 0x120);
	assert_int_equal(byte_level_character('\n'), 0x10a);
	assert_int_equal(byte_level_character(0xad), 0x143);
	strbuf_free(&out);
}

static void other_characters_stand_for_no_byte(void **state)
{
	static const char *const others[] = { "a b",       "\xc2\xad",
		                              "a\xc5\x84", "\xe4\xb8\xad",
		                              "\xff",      "\n" };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	strbuf_add_char(&out, 'x');
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(
			byte_level_decode(&out, others[i], strlen(others[i])));
		assert_string_equal(out.bytes, "x");
	}
	strbuf_free(&out);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(merging_follows_the_definition_at_every_length),
	cmocka_unit_test(the_last_of_two_equal_merges_stays),
	cmocka_unit_test(a_byte_and_its_character_are_one),
	cmocka_unit_test(other_characters_stand_for_no_byte),
};

TEST_MAIN(tests)
