/*
 * A packed file and a plain one of the same type hold the same numbers, and a
 * model predicts from both the same, but for the order of its sums.
 */
#include "tests/support.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantize.h"
#include "math/kernels.h"
#include "math/linear.h"
#include "math/packed.h"
#include "model/model.h"

#define SEQ 20

static struct checkpoint *write_and_open(const char *source, const char *path,
                                         const char *type, bool packed)
{
	const struct quantize_options options = { .type = type,
		                                  .packed = packed };
	struct error err = { "" };
	struct checkpoint *from = checkpoint_open(source, &err), *cp;

	assert_string_equal(err.text, "");
	assert_int_equal(quantize(from, path, &options, NULL, &err), 0);
	checkpoint_free(from);
	cp = checkpoint_open(path, &err);
	assert_string_equal(err.text, "");
	return cp;
}

/* A checkpoint, and where two files are made of it. */
struct files {
	char *source, *dir, *plain, *packed;
};

/* Takes source. */
static struct files files_of(char *source)
{
	char *dir = test_tmp_dir();

	return (struct files){ source, dir, paths_join(dir, "plain.gguf"),
		               paths_join(dir, "packed.gguf") };
}

static void files_free(struct files *files)
{
	free(files->source);
	free(files->dir);
	free(files->plain);
	free(files->packed);
}

/* Returns how many of the tensors are packed. */
static int check_rows(const struct checkpoint *plain,
                      const struct checkpoint *packed)
{
	int n = 0;

	assert_int_equal(checkpoint_n_tensors(plain),
	                 checkpoint_n_tensors(packed));
	for (size_t i = 0; i < checkpoint_n_tensors(plain); i++) {
		const struct tensor *a = checkpoint_tensor_at(plain, i);
		const struct tensor *b = checkpoint_tensor_at(packed, i);
		size_t cols = (size_t)tensor_cols(a);
		float *x = malloc(2 * cols * sizeof *x), *y = x + cols;

		assert_int_equal(a->dtype, packed_plain(b->dtype));
		n += packed_is(b->dtype);
		for (int64_t r = 0; r < tensor_rows(a); r++) {
			linear_row(a, r, x);
			linear_row(b, r, y);
			assert_memory_equal(x, y, cols * sizeof *x);
		}
		free(x);
	}
	return n;
}

/* Logits after a prompt, and after one more token. */
static float *predict(const struct checkpoint *cp, bool exact, size_t *vocab)
{
	const struct model_options options = { .threads = 2, .exact = exact };
	struct error err = { "" };
	struct model *model = model_load(cp, &options, &err);
	struct kv_cache *cache;
	int ids[SEQ + 1];
	float *logits;

	assert_string_equal(err.text, "");
	*vocab = (size_t)model_config(model)->vocab_size;
	cache = model_new_cache(model, DTYPE_F32, SEQ + 1, &err);
	logits = malloc(2 * *vocab * sizeof *logits);
	for (int i = 0; i < SEQ + 1; i++)
		ids[i] = (i * 37 + 11) % (int)*vocab;
	assert_int_equal(kv_cache_reserve(cache, SEQ + 1, &err), 0);
	model_forward(model, cache, ids, SEQ, SEQ);
	model_logits(model, SEQ - 1, 1, logits);
	model_forward(model, cache, ids + SEQ, 1, 1);
	model_logits(model, 0, 1, logits + *vocab);
	kv_cache_free(cache);
	model_free(model);
	return logits;
}

/* The largest difference, as a share of the logits' spread. */
static double difference(const struct checkpoint *plain,
                         const struct checkpoint *packed, bool exact)
{
	size_t vocab, same;
	float *a = predict(plain, exact, &vocab);
	float *b = predict(packed, exact, &same);
	double worst = 0, square = 0;

	assert_int_equal(vocab, same);
	for (size_t i = 0; i < 2 * vocab; i++) {
		worst = fmax(worst, fabs((double)a[i] - b[i]));
		square += (double)a[i] * a[i];
	}
	free(a);
	free(b);
	return worst / sqrt(square / (2 * (double)vocab));
}

/* Sums in another order are another float32; where activations are rounded to
 * 8 bits, one that falls just on the other side is off by a step, 1/254 of the
 * largest of 32, and where they are rounded to bf16, by 1/128 of itself. */
static double most_rounded(const struct kernels *set, const char *type)
{
	return set->tile_bf16_narrow && !strcmp(type, "bf16") ? 3e-2 : 1e-2;
}

static void check_model(char *source, const char *type, int least)
{
	static const char *const names[] = { "scalar", "avx2", "avx512",
		                             "amx" };
	struct files files = files_of(source);
	struct checkpoint *plain =
		write_and_open(source, files.plain, type, false);
	struct checkpoint *packed =
		write_and_open(source, files.packed, type, true);

	assert_true(check_rows(plain, packed) >= least);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct kernels *set = kernels_by_name(names[i]);
		double exact, rounded;

		if (!set)
			continue;
		kernels_use(set);
		exact = difference(plain, packed, true);
		rounded = difference(plain, packed, false);
		print_message("# %s %s %s: %.1e exact, %.1e\n", source, type,
		              set->name, exact, rounded);
		assert_true(exact <= 1e-4);
		assert_true(rounded <= most_rounded(set, type));
	}
	kernels_use(NULL);
	checkpoint_free(plain);
	checkpoint_free(packed);
	files_free(&files);
}

static void a_dense_model_predicts_the_same(void **state)
{
	(void)state;
	check_model(test_synth("tiny-tied"), "q8_0", 5);
	check_model(test_synth("tiny-tied"), "q4_0", 5);
}

static void experts_predict_the_same(void **state)
{
	(void)state;
	check_model(test_synth("tiny-moe"), "q8_0", 5);
}

/* Trained weights: all 43 matrices are packed. */
static void bf16_predicts_the_same_in_fewer_bytes(void **state)
{
	(void)state;
	check_model(test_source("data/confab-20m"), "bf16", 43);
}

/* Any bits in the place of a tensor's first group. */
static void spoil_tensor(const char *path, const char *name)
{
	struct error err = { "" };
	struct checkpoint *cp = checkpoint_open(path, &err);
	const struct tensor *t = checkpoint_tensor(cp, name);
	struct file_map map;
	unsigned char bits[16 * 2 * 512];
	const char *at;
	FILE *f;

	assert_int_equal(file_map_open(&map, path, &err), 0);
	at = memmem(map.bytes, map.size, t->data, sizeof bits);
	assert_non_null(at);
	for (size_t i = 0; i < sizeof bits; i++)
		bits[i] = (unsigned char)(i * 37 + i / 256 * 11) & 0xbf;
	f = fopen(path, "r+b");
	assert_int_equal(fseek(f, at - (const char *)map.bytes, SEEK_SET), 0);
	assert_int_equal(fwrite(bits, sizeof bits, 1, f), 1);
	assert_int_equal(fclose(f), 0);
	file_map_close(&map);
	checkpoint_free(cp);
}

static void bf16_that_cannot_be_packed_stays_plain(void **state)
{
	const char *name = "model.layers.3.self_attn.q_proj.weight";
	struct files files = files_of(test_source("data/confab-20m"));
	struct checkpoint *plain =
		write_and_open(files.source, files.plain, "bf16", false);
	struct checkpoint *packed;

	(void)state;
	checkpoint_free(plain);
	spoil_tensor(files.plain, name);
	packed = write_and_open(files.plain, files.packed, "bf16", true);
	plain = checkpoint_open(files.plain, NULL);
	assert_int_equal(check_rows(plain, packed), 42);
	assert_int_equal(checkpoint_tensor(packed, name)->dtype, DTYPE_BF16);
	checkpoint_free(plain);
	checkpoint_free(packed);
	files_free(&files);
}

/* Stops when it has been called so often. */
struct stop {
	int calls, at;
	uint64_t done, total;
};

static bool count_down(void *arg, const char *tensor, uint64_t done,
                       uint64_t total)
{
	struct stop *stop = arg;

	assert_non_null(tensor);
	assert_true(done > stop->done && done <= total);
	assert_true(!stop->total || total == stop->total);
	stop->done = done;
	stop->total = total;
	return ++stop->calls != stop->at;
}

/* Its weights are looked at before anything is written: that is told, and obeys, too.
 */
static void packing_bf16_tells_how_far_it_is(void **state)
{
	struct stop stop = { .at = 0 };
	struct quantize_options options = { .type = "bf16",
		                            .packed = true,
		                            .progress = count_down,
		                            .arg = &stop };
	struct files files = files_of(test_source("data/confab-20m"));
	struct checkpoint *cp = checkpoint_open(files.source, NULL);
	int all;

	(void)state;
	assert_int_equal(quantize(cp, files.packed, &options, NULL, NULL), 0);
	assert_int_equal(stop.done, stop.total);
	assert_int_equal(remove(files.packed), 0);
	all = stop.calls;
	for (int at = 1; at < all; at += all / 3) {
		stop = (struct stop){ .at = at };
		assert_int_equal(quantize(cp, files.packed, &options, NULL,
		                          NULL),
		                 1);
		assert_int_equal(stop.calls, at);
		assert_null(checkpoint_open(files.packed, NULL));
	}
	checkpoint_free(cp);
	files_free(&files);
}

static void a_packed_file_is_not_quantised_again(void **state)
{
	const struct quantize_options options = { .type = "q4_0" };
	struct files files = files_of(test_synth("tiny-tied"));
	struct checkpoint *cp =
		write_and_open(files.source, files.packed, "q8_0", true);
	struct error err = { "" };

	(void)state;
	assert_int_equal(quantize(cp, files.plain, &options, NULL, &err),
	                 QUANTIZE_BAD_SOURCE);
	assert_non_null(strstr(err.text, "q8_0_x16"));
	assert_null(checkpoint_open(files.plain, NULL));
	checkpoint_free(cp);
	files_free(&files);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_dense_model_predicts_the_same),
	cmocka_unit_test(experts_predict_the_same),
	cmocka_unit_test(bf16_predicts_the_same_in_fewer_bytes),
	cmocka_unit_test(bf16_that_cannot_be_packed_stays_plain),
	cmocka_unit_test(packing_bf16_tells_how_far_it_is),
	cmocka_unit_test(a_packed_file_is_not_quantised_again),
};

TEST_MAIN(tests)
