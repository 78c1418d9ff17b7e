#include "tests/safetensors_file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"

#define LENGTH(table) (sizeof(table) / sizeof *(table))

/* ---- single files ---- */

/* One F32 tensor "w" with this shape and these offsets, as text. */
#define ONE(shape, offsets) \
	"{\"w\":{\"dtype\":\"F32\",\"shape\":" shape \
	",\"data_offsets\":" offsets "}}"

/* Two of them. */
#define TWO(shape_a, offsets_a, shape_b, offsets_b) \
	"{\"a\":{\"dtype\":\"F32\",\"shape\":" shape_a \
	",\"data_offsets\":" offsets_a "}," \
	"\"b\":{\"dtype\":\"F32\",\"shape\":" shape_b \
	",\"data_offsets\":" offsets_b "}}"

static const struct bad_header {
	const char *header;
	size_t n_data; /* bytes */
	const char *fault;
} bad_headers[] = {
	/* not an object of tensors */
	{ "[]", 0, "does not begin with '{'" },
	{ " {}", 0, "does not begin with '{'" },
	{ "null", 0, "does not begin with '{'" },
	{ "{", 0, "column 9: the text ends where a key should be" },
	{ "{}x", 0, "'x' where the end should be" },
	{ "{\"w\":1}", 0, "tensor \"w\": no object" },
	{ "{\"w\":[]}", 0, "tensor \"w\": no object" },
	{ "{\"w\":null}", 0, "tensor \"w\": no object" },
	{ "{\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
	  "a tensor without a name" },
	{ "{\"w\":{},\"w\":{}}", 0, "the key \"w\" a second time" },
	{ "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0,
	  "the key \"dtype\" a second time" },
	{ "{\"a\\u0000b\":{}}", 0, "\\u0000 in a string" },
	{ "{\"\xff\":{}}", 0, "not UTF-8" },
	/* metadata */
	{ "{\"__metadata__\":[]}", 0, "__metadata__ is no object" },
	{ "{\"__metadata__\":{\"a\":1}}", 0,
	  "__metadata__: \"a\" is no string" },
	/* types */
	{ "{\"w\":{}}", 0, "tensor \"w\": no dtype" },
	{ "{\"w\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
	  "tensor \"w\": no dtype" },
	{ "{\"w\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
	  "tensor \"w\": dtype F31 is not supported" },
	{ "{\"w\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
	  "tensor \"w\": dtype f32 is not supported" },
	{ "{\"w\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1,
	  "tensor \"w\": dtype F4 is not supported" },
	{ "{\"w.weight\":{\"dtype\":\"I8\",\"shape\":[4],"
	  "\"data_offsets\":[0,4]}}",
	  4, "tensor \"w.weight\": dtype I8 is not supported" },
	{ "{\"w.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],"
	  "\"data_offsets\":[0,4]}}",
	  4, "dtype F8_E4M3 is not supported" },
	/* a type that is left out is held to its size all the same */
	{ "{\"w\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
	  "its shape needs 8 bytes, its offsets give 4" },
	/* shapes */
	{ "{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4,
	  "tensor \"w\": no shape" },
	{ ONE("4", "[0,4]"), 4, "tensor \"w\": no shape" },
	{ ONE("{}", "[0,4]"), 4, "tensor \"w\": no shape" },
	{ ONE("\"1\"", "[0,4]"), 4, "tensor \"w\": no shape" },
	{ ONE("[1,null]", "[0,4]"), 4, "dimension 1 is no positive integer" },
	{ ONE("[\"1\"]", "[0,4]"), 4, "dimension 0 is no positive integer" },
	{ ONE("[1.5]", "[0,4]"), 4, "dimension 0 is no positive integer" },
	{ ONE("[0]", "[0,0]"), 0, "dimension 0 is no positive integer" },
	{ ONE("[2,0,3]", "[0,0]"), 0, "dimension 1 is no positive integer" },
	{ ONE("[-1]", "[0,4]"), 4, "dimension 0 is no positive integer" },
	{ ONE("[-1,-1]", "[0,4]"), 4, "dimension 0 is no positive integer" },
	{ ONE("[1e400]", "[0,4]"), 4, "a number too large for a double" },
	{ ONE("[9007199254740993]", "[0,4]"), 4,
	  "dimension 0 is no positive integer" },
	{ ONE("[1,1,1,1,1]", "[0,4]"), 4, "5 dimensions, at most 4" },
	{ ONE("[4294967296,4294967296]", "[0,4]"), 4, "product overflows" },
	{ ONE("[4294967296,1073741824]", "[0,0]"), 4, "product overflows" },
	{ ONE("[9007199254740992,9007199254740992]", "[0,0]"), 0,
	  "product overflows" },
	{ ONE("[4611686018427387904]", "[0,0]"), 0,
	  "dimension 0 is no positive integer" },
	{ ONE("[2,3]", "[0,20]"), 20,
	  "its shape needs 24 bytes, its offsets give 20" },
	{ ONE("[2,3]", "[0,28]"), 28,
	  "its shape needs 24 bytes, its offsets give 28" },
	{ ONE("[]", "[0,8]"), 8,
	  "its shape needs 4 bytes, its offsets give 8" },
	/* offsets */
	{ "{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4,
	  "data_offsets is no pair of integers" },
	{ ONE("[1]", "4"), 4, "data_offsets is no pair of integers" },
	{ ONE("[1]", "[]"), 4, "data_offsets is no pair of integers" },
	{ ONE("[1]", "[0]"), 4, "data_offsets is no pair of integers" },
	{ ONE("[1]", "[0,4,8]"), 4, "data_offsets is no pair of integers" },
	{ ONE("[1]", "[\"0\",\"4\"]"), 4,
	  "data_offsets is no pair of integers" },
	{ ONE("[1]", "{\"a\":0,\"b\":4}"), 4,
	  "data_offsets is no pair of integers" },
	{ ONE("[1]", "[0.5,4.5]"), 4, "data_offsets is no pair of integers" },
	{ ONE("[1]", "[-4,0]"), 4, "data_offsets is no pair of integers" },
	{ ONE("[1]", "[4,0]"), 4, "begins at byte 4 and ends at 0" },
	{ ONE("[1]", "[0,4]"), 3, "ends at byte 4 of 3 bytes of data" },
	{ ONE("[1]", "[0,4]"), 0, "ends at byte 4 of 0 bytes of data" },
	{ ONE("[1]", "[9007199254740988,9007199254740992]"), 4,
	  "ends at byte 9007199254740992 of 4 bytes" },
	{ ONE("[1]", "[18446744073709551612,18446744073709551616]"), 4,
	  "data_offsets is no pair of integers" },
	/* places */
	{ ONE("[1]", "[4,8]"), 8,
	  "4 bytes before tensor \"w\" belong to none" },
	{ ONE("[1]", "[0,4]"), 5, "the tensors end at byte 4 of 5 bytes" },
	{ "{}", 8, "the tensors end at byte 0 of 8 bytes" },
	{ TWO("[2]", "[0,8]", "[1]", "[4,8]"), 8, "\"a\" and \"b\" overlap" },
	{ TWO("[1]", "[4,8]", "[2]", "[0,8]"), 8, "\"b\" and \"a\" overlap" },
	{ TWO("[1]", "[0,4]", "[1]", "[0,4]"), 4, "overlap" },
	{ TWO("[1]", "[0,4]", "[1]", "[8,12]"), 12,
	  "4 bytes before tensor \"b\" belong to none" },
	{ TWO("[1]", "[0,4]", "[1]", "[4,8]"), 12,
	  "the tensors end at byte 8 of 12 bytes" },
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
	  "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[1,3]}}",
	  3, "no multiple of its 2-byte elements" },
};

static void assert_file_refused(const char *path, const char *fault)
{
	struct error err = { "" };

	if (safetensors_open(path, &err))
		fail_msg("accepted, but %s", fault);
	if (!strstr(err.text, path) || !strstr(err.text, fault))
		fail_msg("\"%s\" does not say \"%s\"", err.text, fault);
}

static void bad_headers_are_refused_with_file_tensor_and_fault(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.safetensors");

	(void)state;
	assert_true(LENGTH(bad_headers) >= 40);
	for (size_t i = 0; i < LENGTH(bad_headers); i++) {
		put_safetensors(dir, "x.safetensors", bad_headers[i].header,
		                bad_headers[i].n_data);
		assert_file_refused(path, bad_headers[i].fault);
	}
	free(path);
	free(dir);
}

static void a_header_that_lies_about_its_length_is_refused(void **state)
{
	static const struct {
		uint64_t says;
		size_t n_header;
		const char *fault;
	} cases[] = {
		{ 0, 0, "does not begin with '{'" },
		{ 0, 10, "does not begin with '{'" },
		{ 1, 1, "does not begin with '{'" },
		{ 9, 8, "a header of 9 bytes in a file of 16" },
		{ 100000000, 8, "a header of 100000000 bytes in a file of 16" },
		{ 100000001, 8, "the format allows 100000000" },
		{ UINT64_MAX, 8, "of 18446744073709551615 bytes" },
		{ UINT64_MAX - 7, 8, "of 18446744073709551608 bytes" },
		{ UINT64_C(1) << 63, 8, "of 9223372036854775808 bytes" },
	};
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.safetensors");

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		put_claiming(dir, "x.safetensors", cases[i].says, "{}        ",
		             cases[i].n_header, 0);
		assert_file_refused(path, cases[i].fault);
	}
	for (size_t len = 0; len < 8; len++) {
		test_write(dir, "x.safetensors", "\2\0\0\0\0\0\0\0", len);
		assert_file_refused(path, "too short for a safetensors file");
	}
	free(path);
	free(dir);
}

/* The format would allow it; nothing that large is a Qwen3's. */
static void a_header_over_16_mib_is_not_even_read(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.safetensors");

	(void)state;
	test_write(dir, "x.safetensors", "\1\0\0\1\0\0\0\0{", 9);
	assert_int_equal(truncate(path, 1 << 25), 0); /* a sparse file */
	assert_file_refused(path,
	                    "a header of 16777217 bytes, at most 16777216");
	free(path);
	free(dir);
}

/* ---- directories ---- */

/* The parts of a good one, so that a case says only what it spoils. */
#define CONFIG "{\"model_type\":\"qwen3\"}"
#define SHARD_1 \
	"{\"a.weight\":{\"dtype\":\"BF16\",\"shape\":[2,4]," \
	"\"data_offsets\":[0,16]}}"
#define SHARD_2 \
	"{\"b.weight\":{\"dtype\":\"BF16\",\"shape\":[2,4]," \
	"\"data_offsets\":[0,16]}}"
#define NAME_1 "model-00001-of-00002.safetensors"
#define NAME_2 "model-00002-of-00002.safetensors"
#define INDEX  "model.safetensors.index.json"
#define MAP(a, b) \
	"{\"weight_map\":{\"a.weight\":\"" a "\",\"b.weight\":\"" b "\"}}"

static void put(const char *dir, const char *name, const char *text)
{
	test_write(dir, name, text, strlen(text));
}

static char *good_directory(void)
{
	char *dir = test_tmp_dir();

	put(dir, "config.json", CONFIG);
	put(dir, "generation_config.json", "{\"eos_token_id\": [1, 2]}");
	put(dir, "tokenizer_config.json", "{\"chat_template\": \"t\"}");
	put(dir, INDEX, MAP(NAME_1, NAME_2));
	put_safetensors(dir, NAME_1, SHARD_1, 16);
	put_safetensors(dir, NAME_2, SHARD_2, 16);
	return dir;
}

static void remove_file(const char *dir, const char *name)
{
	char *path = paths_join(dir, name);

	assert_int_equal(unlink(path), 0);
	free(path);
}

/* One file of a good directory gets this text; NULL: it is taken away. */
static const struct spoiled {
	const char *file, *text, *named, *fault;
} spoiled[] = {
	{ "config.json", NULL, "", "no config.json in it" },
	{ "config.json", "", "/config.json", "a value should be" },
	{ "config.json", "{\"a\":}", "/config.json", "'}' where a value" },
	{ "config.json", "{\"a\":1} x", "/config.json", "the end should be" },
	{ "config.json", "{\"a\":1,\"a\":1}", "/config.json",
	  "\"a\" a second" },
	{ "config.json", "[1]", "/config.json", "not a JSON object" },
	{ "config.json", "\"x\"", "/config.json", "not a JSON object" },
	{ "config.json", "{\"a\":1e999}", "/config.json", "too large" },
	{ "config.json", "{\"a\":\"\xff\"}", "/config.json", "not UTF-8" },
	{ "generation_config.json", "{", "/generation_config.json", "a key" },
	{ "generation_config.json", "[]", "/generation_config.json",
	  "not a JSON object" },
	{ "tokenizer_config.json", "{", "/tokenizer_config.json", "a key" },
	{ "tokenizer_config.json", "[]", "/tokenizer_config.json",
	  "not a JSON object" },
	{ "tokenizer_config.json", "{\"chat_template\": 7}",
	  "/tokenizer_config.json", "chat_template is no string" },
	{ "chat_template.jinja", "\xc3(", "/chat_template.jinja",
	  "not UTF-8 text" },
	{ INDEX, NULL, "", "neither model.safetensors nor" },
	{ INDEX, "", "/" INDEX, "a value should be" },
	{ INDEX, "[]", "/" INDEX, "not a JSON object" },
	{ INDEX, "{}", "/" INDEX, "no weight_map" },
	{ INDEX, "{\"weight_map\":[]}", "/" INDEX, "no weight_map" },
	{ INDEX, "{\"weight_map\":{}}", "/" INDEX, "no weight_map" },
	{ INDEX, "{\"weight_map\":{\"a\":1}}", "/" INDEX,
	  "\"a\" is in no file" },
	{ INDEX, "{\"weight_map\":{\"a\":\"x\",\"a\":\"x\"}}", "/" INDEX,
	  "\"a\" a second time" },
	{ INDEX, MAP("../" NAME_1, NAME_2), "/" INDEX, "no plain name" },
	{ INDEX, MAP("/etc/passwd", NAME_2), "/" INDEX, "no plain name" },
	{ INDEX, MAP("..", NAME_2), "/" INDEX, "no plain name" },
	{ INDEX, MAP("", NAME_2), "/" INDEX, "no plain name" },
	{ INDEX, MAP(".safetensors", NAME_2), "/" INDEX, "no plain name" },
	{ INDEX, MAP(".hidden.safetensors", NAME_2), "/" INDEX, "no plain" },
	{ INDEX, MAP("sub/x.safetensors", NAME_2), "/" INDEX, "no plain name" },
	{ INDEX, MAP("config.json", NAME_2), "/" INDEX, "no plain name" },
	{ INDEX, MAP("missing.safetensors", NAME_2), "/missing.safetensors",
	  "No such file" },
	{ INDEX, MAP(NAME_2, NAME_2), "/" NAME_2,
	  "tensor \"a.weight\", which" },
	{ INDEX, MAP(NAME_2, NAME_1), "/" NAME_2,
	  "tensor \"a.weight\", which" },
	{ INDEX,
	  "{\"weight_map\":{\"a.weight\":\"" NAME_1 "\",\"c.weight\":\"" NAME_2
	  "\"}}",
	  "/" NAME_2, "tensor \"c.weight\", which" },
	{ NAME_1, NULL, "/" NAME_1, "No such file" },
	{ NAME_1, "", "/" NAME_1, "0 bytes, too short" },
	{ NAME_2, "version https://git-lfs.github.com/spec/v1\n", "/" NAME_2,
	  "not a safetensors file?" },
	{ "model.safetensors", "", "/model.safetensors", "too short" },
};

static void assert_model_refused(const char *path, const char *named,
                                 const char *fault)
{
	struct error err = { "" };

	if (checkpoint_open(path, &err))
		fail_msg("accepted, but %s", fault);
	if (strncmp(err.text, path, strlen(path)) || !strstr(err.text, named) ||
	    !strstr(err.text, fault))
		fail_msg("\"%s\" does not say \"%s\" and \"%s\"", err.text,
		         named, fault);
}

static void the_good_directory_is_good(void **state)
{
	char *dir = good_directory();
	struct error err = { "" };
	struct checkpoint *cp = checkpoint_open(dir, &err);

	(void)state;
	assert_string_equal(err.text, "");
	assert_int_equal(checkpoint_n_tensors(cp), 2);
	checkpoint_free(cp);
	free(dir);
}

static void spoiled_directories_are_refused_with_file_and_fault(void **state)
{
	(void)state;
	assert_true(LENGTH(spoiled) >= 25);
	for (size_t i = 0; i < LENGTH(spoiled); i++) {
		char *dir = good_directory();

		if (spoiled[i].text)
			put(dir, spoiled[i].file, spoiled[i].text);
		else
			remove_file(dir, spoiled[i].file);
		assert_model_refused(dir, spoiled[i].named, spoiled[i].fault);
		free(dir);
	}
}

static void a_truncated_shard_is_refused_wherever_it_ends(void **state)
{
	char *dir = good_directory(), *path = paths_join(dir, NAME_2);
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	while (st.st_size--) {
		assert_int_equal(truncate(path, st.st_size), 0);
		assert_model_refused(dir, "/" NAME_2, "");
	}
	free(path);
	free(dir);
}

static void a_tensor_in_two_shards_is_refused(void **state)
{
	char *dir = good_directory();

	(void)state;
	put_safetensors(dir, NAME_2,
	                "{\"a.weight\":{\"dtype\":\"BF16\",\"shape\":[2,4],"
	                "\"data_offsets\":[0,16]},\"b.weight\":{\"dtype\":"
	                "\"BF16\",\"shape\":[1],\"data_offsets\":[16,18]}}",
	                18);
	{
		struct error err = { "" };

		assert_null(checkpoint_open(dir, &err));
		assert_non_null(strstr(err.text, "tensor \"a.weight\" is there "
		                                 "twice, in "));
		assert_non_null(strstr(err.text, NAME_1));
		assert_non_null(strstr(err.text, NAME_2));
	}
	free(dir);
}

static void a_shape_that_disagrees_with_its_offsets_is_named(void **state)
{
	char *dir = good_directory();

	(void)state;
	put_safetensors(dir, NAME_1,
	                "{\"a.weight\":{\"dtype\":\"BF16\",\"shape\":[3,4],"
	                "\"data_offsets\":[0,16]}}",
	                16);
	assert_model_refused(dir, "/" NAME_1 ": tensor \"a.weight\"",
	                     "its shape needs 24 bytes, its offsets give 16");
	put_safetensors(dir, NAME_1,
	                "{\"a.weight\":{\"dtype\":\"I8\",\"shape\":[2,4],"
	                "\"data_offsets\":[0,8]}}",
	                8);
	assert_model_refused(dir, "/" NAME_1 ": tensor \"a.weight\"",
	                     "dtype I8 is not supported");
	free(dir);
}

static void what_is_no_model_at_all_is_named(void **state)
{
	char *dir = good_directory(), *empty = test_tmp_dir();
	char *shard = paths_join(dir, NAME_1), *index = paths_join(dir, INDEX);
	char *config = paths_join(dir, "config.json");
	char *none = paths_join(dir, "none"), *fifo = paths_join(dir, "fifo");
	char *below = paths_join(config, "x");

	(void)state;
	assert_model_refused(empty, "", "no config.json in it");
	assert_model_refused(none, "", "No such file");
	assert_model_refused("", "", "No such file");
	assert_model_refused(below, "", "Not a directory");
	assert_model_refused(shard, "", "give the directory that holds it");
	assert_model_refused(index, "", "give the directory that holds it");
	assert_model_refused(config, "", "not with \"GGUF\"");
	assert_model_refused("/dev/null", "", "not a regular file");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_model_refused(fifo, "", "not a regular file");
	assert_int_equal(unlink(config), 0);
	assert_int_equal(mkfifo(config, 0600), 0);
	assert_model_refused(dir, "/config.json", "not a regular file");
	free(dir);
	free(empty);
	free(shard);
	free(index);
	free(config);
	free(none);
	free(fifo);
	free(below);
}

static void folders_and_dead_links_in_place_of_files_are_named(void **state)
{
	static const char *const files[] = { "config.json", NAME_1,
		                             "generation_config.json",
		                             "tokenizer_config.json", INDEX };

	(void)state;
	for (size_t i = 0; i < LENGTH(files); i++) {
		char *dir = good_directory(), *path = paths_join(dir, files[i]);

		remove_file(dir, files[i]);
		assert_int_equal(file_make_dirs(path, NULL), 0);
		assert_model_refused(path, "", "no config.json in it");
		assert_model_refused(dir, files[i],
		                     "is a directory, not a file");
		free(path);
		free(dir);
	}
	for (size_t i = 0; i < 2; i++) {
		char *dir = good_directory(), *path = paths_join(dir, files[i]);

		remove_file(dir, files[i]);
		assert_int_equal(symlink("gone", path), 0);
		assert_model_refused(dir, files[i], "");
		free(path);
		free(dir);
	}
}

static void a_name_out_of_a_file_cannot_reach_the_terminal(void **state)
{
	char *dir = good_directory();
	struct error err = { "" };

	(void)state;
	put_safetensors(dir, NAME_1,
	                "{\"\\u001b]0;x\\u0007\\u009b2J\":{\"dtype\":\"\\u001bc"
	                "\",\"shape\":[1],\"data_offsets\":[0,4]}}",
	                4);
	assert_null(checkpoint_open(dir, &err));
	assert_non_null(strstr(err.text, "\"?]0;x??2J\": dtype ?c is not"));
	for (const char *p = err.text; *p; p++)
		assert_true((unsigned char)*p >= 0x20);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(bad_headers_are_refused_with_file_tensor_and_fault),
	cmocka_unit_test(a_header_that_lies_about_its_length_is_refused),
	cmocka_unit_test(a_header_over_16_mib_is_not_even_read),
	cmocka_unit_test(the_good_directory_is_good),
	cmocka_unit_test(spoiled_directories_are_refused_with_file_and_fault),
	cmocka_unit_test(a_truncated_shard_is_refused_wherever_it_ends),
	cmocka_unit_test(a_tensor_in_two_shards_is_refused),
	cmocka_unit_test(a_shape_that_disagrees_with_its_offsets_is_named),
	cmocka_unit_test(what_is_no_model_at_all_is_named),
	cmocka_unit_test(folders_and_dead_links_in_place_of_files_are_named),
	cmocka_unit_test(a_name_out_of_a_file_cannot_reach_the_terminal),
};

TEST_MAIN(tests)
