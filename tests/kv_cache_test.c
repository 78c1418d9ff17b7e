#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "math/attend_q8.h"
#include "math/half.h"
#include "model/available_memory.h"
#include "model/kv_cache.h"

static const struct kv_shape small = { 2, 3, 8, DTYPE_F16 };

static struct kv_cache *cache_of(const struct kv_shape *shape, size_t reserved)
{
	struct kv_cache *cache = kv_cache_new(shape, 1000, NULL);

	assert_non_null(cache);
	assert_int_equal(kv_cache_reserve(cache, reserved, NULL), 0);
	return cache;
}

/* Whole numbers below 128, which all three types hold exactly. */
static float number(size_t pos, int layer, int head, int d, bool value)
{
	return (float)((pos * 7 + (size_t)(layer * 31 + head * 17 + d * 5) +
	                value * 3) %
	               127);
}

static void store(struct kv_cache *cache, size_t pos, float plus)
{
	const struct kv_shape *s = &cache->shape;
	float k[64], v[64];

	for (int l = 0; l < s->layers; l++) {
		for (int h = 0; h < s->kv_heads; h++) {
			for (int d = 0; d < s->head_dim; d++) {
				k[d] = number(pos, l, h, d, false) + plus;
				v[d] = number(pos, l, h, d, true) + plus;
			}
			kv_cache_store(cache, pos, l, h, k, v);
		}
	}
}

/* Appends tokens whose numbers are shifted by plus. */
static void append(struct kv_cache *cache, size_t n, float plus)
{
	assert_int_equal(kv_cache_reserve(cache, n, NULL), 0);
	while (n--)
		store(cache, cache->length++, plus);
}

static float load(const void *block, enum dtype dtype, size_t i)
{
	if (dtype == DTYPE_F32)
		return ((const float *)block)[i];
	return dtype == DTYPE_F16
	               ? half_from_f16(((const uint16_t *)block)[i])
	               : half_from_bf16(((const uint16_t *)block)[i]);
}

static void check(const struct kv_cache *cache, size_t pos, float plus)
{
	const struct kv_shape *s = &cache->shape;
	size_t p = pos / 64, t = pos % 64, dim = (size_t)s->head_dim;

	for (int l = 0; l < s->layers; l++) {
		for (int h = 0; h < s->kv_heads; h++) {
			const void *k = kv_cache_k(cache, p, l, h);
			const void *v = kv_cache_v(cache, p, l, h);

			for (size_t d = 0; d < dim; d++) {
				size_t at = (t / 16 * dim + d) * 16 + t % 16;

				assert_true(load(k, s->dtype, at) ==
				            number(pos, l, h, (int)d, false) +
				                    plus);
				assert_true(load(v, s->dtype, t * dim + d) ==
				            number(pos, l, h, (int)d, true) +
				                    plus);
			}
		}
	}
}

static void what_is_stored_is_where_the_layout_says(void **state)
{
	static const enum dtype dtypes[] = { DTYPE_F16, DTYPE_BF16, DTYPE_F32 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct kv_shape shape = { 2, 3, 8, dtypes[i] };
		struct kv_cache *cache = cache_of(&shape, 0);

		append(cache, 150, 0);
		for (size_t pos = 0; pos < 150; pos++)
			check(cache, pos, 0);
		kv_cache_free(cache);
	}
}

/* 80 elements: more than the strip that keys are narrowed in. */
static void wide_heads_are_stored_whole(void **state)
{
	struct kv_shape shape = { 1, 1, 80, DTYPE_F16 };
	struct kv_cache *cache = cache_of(&shape, 1);
	float k[80], v[80];

	(void)state;
	for (int d = 0; d < 80; d++) {
		k[d] = (float)d;
		v[d] = (float)-d;
	}
	kv_cache_store(cache, 0, 0, 0, k, v);
	for (size_t d = 0; d < 80; d++) {
		assert_true(load(kv_cache_k(cache, 0, 0, 0), DTYPE_F16,
		                 d * 16) == (float)d);
		assert_true(load(kv_cache_v(cache, 0, 0, 0), DTYPE_F16, d) ==
		            -(float)d);
	}
	kv_cache_free(cache);
}

/* Numbers below 127: a step is at most 1. */
static void a_q8_0_cache_stores_where_its_readers_look(void **state)
{
	struct kv_shape shape = { 2, 3, 64, DTYPE_Q8_0 };
	struct kv_cache *cache = cache_of(&shape, 0), *fork;

	(void)state;
	assert_int_equal(kv_page_bytes(&shape), 2 * 3 * 2 * 64 * 68);
	append(cache, 100, 0);
	fork = kv_cache_fork(cache, 100, NULL);
	append(fork, 50, 0);
	for (size_t pos = 0; pos < 150; pos++) {
		for (int l = 0; l < 2; l++) {
			const void *k = kv_cache_k(fork, pos / 64, l, 2);
			const void *v = kv_cache_v(fork, pos / 64, l, 2);

			for (size_t d = 0; d < 64; d++) {
				float want_k = number(pos, l, 2, (int)d, false);
				float want_v = number(pos, l, 2, (int)d, true);
				float got_k = attend_q8_k(k, pos % 64, d, 64);
				float got_v = attend_q8_v(v, pos % 64, d, 64);

				assert_true(fabsf(got_k - want_k) <= 0.51f);
				assert_true(fabsf(got_v - want_v) <= 0.51f);
			}
		}
	}
	kv_cache_free(cache);
	kv_cache_free(fork);
}

/* Qwen3-4B in 16 bits: 144 KiB a token. */
static void the_size_is_that_of_whole_pages(void **state)
{
	struct kv_shape shape = { 36, 8, 128, DTYPE_F16 };

	(void)state;
	assert_int_equal(kv_page_bytes(&shape), 64 * 144 * 1024);
	assert_int_equal(kv_shape_bytes(&shape, 1), 64 * 144 * 1024);
	assert_int_equal(kv_shape_bytes(&shape, 64), 64 * 144 * 1024);
	assert_int_equal(kv_shape_bytes(&shape, 65), 2 * 64 * 144 * 1024);
	assert_int_equal(kv_shape_bytes(&shape, SIZE_MAX), 0);
}

static void pages_begin_on_cache_lines_and_are_zero(void **state)
{
	struct kv_cache *cache = cache_of(&small, 130);
	size_t bytes = kv_page_bytes(&small);

	(void)state;
	assert_int_equal(cache->n_pages, 3);
	for (size_t p = 0; p < 3; p++) {
		const unsigned char *page = kv_cache_page(cache, p);

		assert_int_equal((uintptr_t)page % 64, 0);
		assert_ptr_equal(page, kv_cache_k(cache, p, 0, 0));
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(page[i], 0);
	}
	kv_cache_free(cache);
}

static void a_fork_shares_pages_until_one_side_writes(void **state)
{
	struct kv_cache *cache = cache_of(&small, 0), *fork;
	size_t page = kv_page_bytes(&small);

	(void)state;
	append(cache, 100, 0);
	fork = kv_cache_fork(cache, 90, NULL);
	assert_int_equal(fork->length, 90);
	assert_ptr_equal(kv_cache_page(fork, 0), kv_cache_page(cache, 0));
	assert_ptr_equal(kv_cache_page(fork, 1), kv_cache_page(cache, 1));
	assert_int_equal(kv_cache_bytes(fork), 2 * page);
	assert_int_equal(kv_cache_bytes_own(fork), 0);

	append(fork, 20, 1);
	append(cache, 20, 0);
	assert_ptr_equal(kv_cache_page(fork, 0), kv_cache_page(cache, 0));
	assert_ptr_not_equal(kv_cache_page(fork, 1), kv_cache_page(cache, 1));
	assert_int_equal(kv_cache_bytes_own(fork), page);
	for (size_t pos = 0; pos < 90; pos++)
		check(fork, pos, 0);
	for (size_t pos = 90; pos < 110; pos++)
		check(fork, pos, 1);
	for (size_t pos = 0; pos < 120; pos++)
		check(cache, pos, 0);

	kv_cache_free(cache);
	check(fork, 0, 0); /* the page lives as long as one holds it */
	assert_int_equal(kv_cache_bytes_own(fork), 2 * page);
	kv_cache_free(fork);
}

static void a_fork_at_a_page_boundary_copies_nothing(void **state)
{
	struct kv_cache *cache = cache_of(&small, 0), *fork;

	(void)state;
	append(cache, 64, 0);
	fork = kv_cache_fork(cache, 64, NULL);
	append(fork, 1, 1);
	assert_ptr_equal(kv_cache_page(fork, 0), kv_cache_page(cache, 0));
	assert_int_equal(fork->n_pages, 2);
	assert_int_equal(cache->n_pages, 1);
	kv_cache_free(fork);
	kv_cache_free(cache);
}

static void truncating_a_shared_page_leaves_the_other_side_whole(void **state)
{
	struct kv_cache *cache = cache_of(&small, 0), *fork;

	(void)state;
	append(cache, 70, 0);
	fork = kv_cache_fork(cache, 70, NULL);
	kv_cache_truncate(cache, 30);
	assert_int_equal(cache->n_pages, 1);
	append(cache, 40, 1);
	for (size_t pos = 0; pos < 70; pos++) {
		check(fork, pos, 0);
		check(cache, pos, pos < 30 ? 0 : 1);
	}
	kv_cache_free(cache);
	kv_cache_free(fork);
}

static void truncating_to_more_does_nothing(void **state)
{
	struct kv_cache *cache = cache_of(&small, 0);

	(void)state;
	append(cache, 10, 0);
	kv_cache_truncate(cache, 11);
	assert_int_equal(cache->length, 10);
	kv_cache_truncate(cache, 0);
	assert_int_equal(cache->n_pages, 0);
	kv_cache_free(cache);
}

static void a_fork_of_more_than_there_is_fails(void **state)
{
	struct kv_cache *cache = cache_of(&small, 10);
	struct error err = { "" };

	(void)state;
	assert_null(kv_cache_fork(cache, 1, &err));
	assert_string_equal(err.text, "a fork of 1 tokens of a cache of 0");
	kv_cache_free(cache);
}

static void the_context_is_a_limit(void **state)
{
	struct kv_cache *cache = kv_cache_new(&small, 100, NULL);
	struct error err = { "" };

	(void)state;
	append(cache, 90, 0);
	assert_int_equal(kv_cache_reserve(cache, 10, &err), 0);
	assert_int_equal(kv_cache_reserve(cache, 11, &err), -1);
	assert_string_equal(err.text,
	                    "11 tokens after 90: the context is 100 tokens");
	assert_int_equal(kv_cache_reserve(cache, SIZE_MAX, &err), -1);
	check(cache, 89, 0);
	kv_cache_free(cache);
}

static void a_context_that_cannot_fit_is_refused_untouched(void **state)
{
	struct kv_shape shape = { 36, 8, 128, DTYPE_F16 };
	struct error err = { "" };

	(void)state;
	available_memory_pretend((size_t)24 << 30);
	assert_null(kv_cache_new(&shape, 262144, &err));
	assert_string_equal(err.text,
	                    "a cache for 262144 more tokens takes 36864 MiB, "
	                    "and 24576 MiB of memory are available");
	available_memory_pretend(0);
	assert_null(kv_cache_new(&shape, SIZE_MAX, &err));
	assert_non_null(strstr(err.text, "18446744073709551615 tokens"));
}

static void memory_that_runs_out_later_leaves_the_cache_as_it_was(void **state)
{
	struct kv_cache *cache = cache_of(&small, 0);
	struct error err = { "" };

	(void)state;
	append(cache, 60, 0);
	available_memory_pretend(1);
	assert_int_equal(kv_cache_reserve(cache, 4, &err), 0);
	assert_int_equal(kv_cache_reserve(cache, 5, &err), -1);
	available_memory_pretend(0);
	assert_non_null(strstr(err.text, "0 MiB of memory are available"));
	assert_int_equal(cache->n_pages, 1);
	assert_int_equal(cache->length, 60);
	check(cache, 59, 0);
	kv_cache_free(cache);
}

static void shapes_that_make_no_sense_are_refused(void **state)
{
	static const struct kv_shape bad[] = {
		{ 0, 1, 8, DTYPE_F16 },
		{ 1, -1, 8, DTYPE_F16 },
		{ 1, 1, 0, DTYPE_F16 },
		{ 1, 1, 32, DTYPE_Q4_0 },
		{ 1, 1, 48, DTYPE_Q8_0 },
		{ 1 << 30, 1 << 30, 1 << 30, DTYPE_F32 },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		err.text[0] = '\0';
		assert_null(kv_cache_new(&bad[i], 100, &err));
		assert_true(err.text[0] != '\0');
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_stored_is_where_the_layout_says),
	cmocka_unit_test(wide_heads_are_stored_whole),
	cmocka_unit_test(a_q8_0_cache_stores_where_its_readers_look),
	cmocka_unit_test(the_size_is_that_of_whole_pages),
	cmocka_unit_test(pages_begin_on_cache_lines_and_are_zero),
	cmocka_unit_test(a_fork_shares_pages_until_one_side_writes),
	cmocka_unit_test(a_fork_at_a_page_boundary_copies_nothing),
	cmocka_unit_test(truncating_a_shared_page_leaves_the_other_side_whole),
	cmocka_unit_test(truncating_to_more_does_nothing),
	cmocka_unit_test(a_fork_of_more_than_there_is_fails),
	cmocka_unit_test(the_context_is_a_limit),
	cmocka_unit_test(a_context_that_cannot_fit_is_refused_untouched),
	cmocka_unit_test(memory_that_runs_out_later_leaves_the_cache_as_it_was),
	cmocka_unit_test(shapes_that_make_no_sense_are_refused),
};

TEST_MAIN(tests)
