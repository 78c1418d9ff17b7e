#include "tests/safetensors_file.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_write.h"

static void put(const char *dir, const char *name, const char *text)
{
	test_write(dir, name, text, strlen(text));
}

/* A shard with one matrix [2, 4] of BF16. */
static void put_shard(const char *dir, const char *file, const char *tensor)
{
	char header[300];

	snprintf(header, sizeof header,
	         "{\"%s\":{\"dtype\":\"BF16\",\"shape\":[2,4],"
	         "\"data_offsets\":[0,16]}}",
	         tensor);
	put_safetensors(dir, file, header, 16);
}

static char *model_folder(void)
{
	char *dir = test_tmp_dir();

	put(dir, "config.json", "{\"model_type\":\"qwen3\"}");
	put_shard(dir, "model.safetensors", "a.weight");
	return dir;
}

static struct checkpoint *open_fine(const char *path)
{
	struct error err = { "" };
	struct checkpoint *cp = checkpoint_open(path, &err);

	if (!cp)
		fail_msg("%s", err.text);
	return cp;
}

static void the_bundled_model_opens_with_all_its_tensors(void **state)
{
	char *dir = test_source("data/confab-20m");
	struct checkpoint *cp = open_fine(dir);
	const struct tensor *t;
	size_t bytes = 0;

	(void)state;
	assert_string_equal(checkpoint_path(cp), dir);
	assert_string_equal(checkpoint_format(cp), "safetensors");
	assert_string_equal(checkpoint_name(cp), "confab-20m");
	assert_int_equal(checkpoint_n_files(cp), 3);
	assert_int_equal(checkpoint_n_tensors(cp), 2 + 6 * 11);
	assert_int_equal(checkpoint_bytes(cp), 2 * 20716800);
	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++) {
		const char *name = checkpoint_tensor_name(cp, i);

		t = checkpoint_tensor_at(cp, i);
		assert_ptr_equal(checkpoint_tensor(cp, name), t);
		assert_int_equal(t->dtype, DTYPE_BF16);
		assert_string_equal(file_map_blame(t->data),
		                    checkpoint_tensor_file(cp, i));
		if (i)
			assert_true(strcmp(checkpoint_tensor_name(cp, i - 1),
			                   name) < 0);
		bytes += t->bytes;
	}
	assert_int_equal(bytes, checkpoint_bytes(cp));
	t = checkpoint_tensor(cp, "model.layers.5.self_attn.k_proj.weight");
	assert_int_equal(t->shape[0], 256);
	assert_int_equal(t->shape[1], 512);
	assert_null(checkpoint_tensor(cp, "lm_head.weight"));
	assert_string_equal(json_string(json_get(checkpoint_config(cp),
	                                         "model_type")),
	                    "qwen3");
	assert_non_null(
		json_get(checkpoint_generation_config(cp), "eos_token_id"));
	assert_non_null(strstr(checkpoint_chat_template(cp), "<|im_start|>"));
	assert_non_null(strstr(checkpoint_tokenizer_path(cp),
	                       "data/confab-20m/tokenizer.json"));
	assert_null(checkpoint_gguf(cp));
	checkpoint_free(cp);
	checkpoint_free(NULL);
	free(dir);
}

static void a_bare_directory_has_weights_and_config_only(void **state)
{
	char *dir = model_folder();
	struct checkpoint *cp = open_fine(dir);

	(void)state;
	assert_int_equal(checkpoint_n_tensors(cp), 1);
	assert_int_equal(checkpoint_n_files(cp), 1);
	assert_non_null(strstr(checkpoint_file(cp, 0), "/model.safetensors"));
	assert_null(checkpoint_generation_config(cp));
	assert_null(checkpoint_chat_template(cp));
	assert_null(checkpoint_tokenizer_path(cp));
	checkpoint_free(cp);
	free(dir);
}

static void assert_template(const char *dir, const char *template)
{
	struct checkpoint *cp = open_fine(dir);

	if (template)
		assert_string_equal(checkpoint_chat_template(cp), template);
	else
		assert_null(checkpoint_chat_template(cp));
	checkpoint_free(cp);
}

static void the_template_is_found_wherever_it_is_kept(void **state)
{
	char *dir = model_folder();

	(void)state;
	put(dir, "tokenizer_config.json", "{\"chat_template\": null}");
	assert_template(dir, NULL);
	put(dir, "tokenizer_config.json", "{\"other\": 1}");
	assert_template(dir, NULL);
	put(dir, "tokenizer_config.json",
	    "{\"chat_template\": \"{{ a }}\\n\"}");
	assert_template(dir, "{{ a }}\n");
	put(dir, "tokenizer_config.json",
	    "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": "
	    "\"t\"},"
	    "{\"name\": \"default\", \"template\": \"d\"}]}");
	assert_template(dir, "d");
	put(dir, "tokenizer_config.json",
	    "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": "
	    "\"t\"},"
	    "7]}");
	assert_template(dir, NULL);
	/* The file of its own wins, and the other need not even be JSON. */
	put(dir, "chat_template.jinja", "{{ jinja }}");
	put(dir, "tokenizer_config.json", "{");
	assert_template(dir, "{{ jinja }}");
	free(dir);
}

/* As huggingface_hub lays out its cache. */
static void the_hubs_cache_of_symbolic_links_opens(void **state)
{
	static const char *const files[] = { "config.json",
		                             "model.safetensors" };
	char *root = test_tmp_dir(), *blobs = model_folder();
	char *repo = paths_join(root, "models--Qwen--Qwen3-0.6B");
	char *snapshots = paths_join(repo, "snapshots");
	char *dir = paths_join(snapshots, "c1899de289a04d12100db370d81485cd");
	char *latest = paths_join(root, "latest");
	struct checkpoint *cp;

	(void)state;
	assert_int_equal(file_make_dirs(dir, NULL), 0);
	for (int i = 0; i < 2; i++) {
		char *target = paths_join(blobs, files[i]);
		char *link = paths_join(dir, files[i]);

		assert_int_equal(symlink(target, link), 0);
		free(target);
		free(link);
	}
	cp = open_fine(dir);
	assert_int_equal(checkpoint_n_tensors(cp), 1);
	assert_string_equal(checkpoint_name(cp), "Qwen3-0.6B");
	checkpoint_free(cp);
	assert_int_equal(symlink(dir, latest), 0);
	cp = open_fine(latest);
	assert_string_equal(checkpoint_name(cp), "Qwen3-0.6B");
	checkpoint_free(cp);
	free(root);
	free(blobs);
	free(repo);
	free(snapshots);
	free(dir);
	free(latest);
}

static void a_name_is_the_folders_own_whatever_dots_lead_there(void **state)
{
	char *root = test_tmp_dir(), *dir = paths_join(root, "Qwen3-0.6B");
	char path[4200];
	struct checkpoint *cp;

	(void)state;
	assert_int_equal(file_make_dirs(dir, NULL), 0);
	put(dir, "config.json", "{}");
	put_shard(dir, "model.safetensors", "a.weight");
	snprintf(path, sizeof path, "%s/../Qwen3-0.6B/./", dir);
	cp = open_fine(path);
	assert_string_equal(checkpoint_name(cp), "Qwen3-0.6B");
	checkpoint_free(cp);
	free(root);
	free(dir);
}

static void shards_are_those_that_the_index_names(void **state)
{
	char *dir = test_tmp_dir();
	struct checkpoint *cp;

	(void)state;
	put(dir, "config.json", "{}");
	put(dir, "model.safetensors.index.json",
	    "{\"metadata\": {\"total_size\": 32}, \"weight_map\": {"
	    "\"z.weight\": \"model-00001-of-00002.safetensors\","
	    "\"a.weight\": \"model-00002-of-00002.safetensors\"}}");
	put_shard(dir, "model-00001-of-00002.safetensors", "z.weight");
	put_shard(dir, "model-00002-of-00002.safetensors", "a.weight");
	put(dir, "other.safetensors", "garbage that nobody opens");
	cp = open_fine(dir);
	assert_int_equal(checkpoint_n_files(cp), 2);
	assert_int_equal(checkpoint_n_tensors(cp), 2);
	assert_string_equal(checkpoint_tensor_name(cp, 0), "a.weight");
	assert_non_null(strstr(checkpoint_tensor_file(cp, 0), "-00002-of"));
	assert_non_null(strstr(checkpoint_tensor_file(cp, 1), "-00001-of"));
	checkpoint_free(cp);
	free(dir);
}

static void an_index_may_list_buffers_that_are_left_out_of_a_shard(void **state)
{
	char *dir = test_tmp_dir();
	struct checkpoint *cp;

	(void)state;
	put(dir, "config.json", "{}");
	put(dir, "model.safetensors.index.json",
	    "{\"weight_map\": {\"a.weight\": \"model-1.safetensors\", "
	    "\"a.position_ids\": \"model-1.safetensors\"}}");
	put_safetensors(dir, "model-1.safetensors",
	                "{\"a.weight\":{\"dtype\":\"BF16\",\"shape\":[2,4],"
	                "\"data_offsets\":[0,16]},\"a.position_ids\":{"
	                "\"dtype\":\"I64\",\"shape\":[2],"
	                "\"data_offsets\":[16,32]}}",
	                32);
	cp = open_fine(dir);
	assert_int_equal(checkpoint_n_tensors(cp), 1);
	checkpoint_free(cp);
	free(dir);
}

static uint64_t fingerprint_of(const char *dir)
{
	struct checkpoint *cp = open_fine(dir);
	uint64_t fingerprint = checkpoint_fingerprint(cp);

	checkpoint_free(cp);
	return fingerprint;
}

static void set_mtime(const char *dir, const char *name, time_t seconds)
{
	struct timespec times[2] = { { .tv_sec = seconds },
		                     { .tv_sec = seconds } };
	char *path = paths_join(dir, name);

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	free(path);
}

static void the_fingerprint_changes_with_anything_that_matters(void **state)
{
	char *dir = model_folder();
	uint64_t first, second;

	(void)state;
	set_mtime(dir, "model.safetensors", 1000);
	first = fingerprint_of(dir);
	assert_true(first == fingerprint_of(dir));
	set_mtime(dir, "model.safetensors", 1001);
	assert_true(first != fingerprint_of(dir));
	set_mtime(dir, "model.safetensors", 1000);
	assert_true(first == fingerprint_of(dir));

	put(dir, "config.json", "{\"model_type\":\"qwen4\"}");
	second = fingerprint_of(dir);
	assert_true(first != second);
	put(dir, "config.json", "{\"model_type\":\"qwen3\"}");
	assert_true(first == fingerprint_of(dir));

	put(dir, "chat_template.jinja", "t");
	second = fingerprint_of(dir);
	assert_true(first != second);
	put(dir, "chat_template.jinja", "u");
	assert_true(second != fingerprint_of(dir));
	second = fingerprint_of(dir);

	put_shard(dir, "model.safetensors", "b.weight");
	set_mtime(dir, "model.safetensors", 1000);
	assert_true(second != fingerprint_of(dir));
	/* Same name and bytes, another type and shape. */
	put_shard(dir, "model.safetensors", "a.weight");
	set_mtime(dir, "model.safetensors", 1000);
	assert_true(second == fingerprint_of(dir));
	put_safetensors(dir, "model.safetensors",
	                "{\"a.weight\":{\"dtype\":\"BF16\",\"shape\":[4,2],"
	                "\"data_offsets\":[0,16]}}",
	                16);
	set_mtime(dir, "model.safetensors", 1000);
	assert_true(second != fingerprint_of(dir));
	put_safetensors(dir, "model.safetensors",
	                "{\"a.weight\":{\"dtype\":\"F16\",\"shape\":[2,4],"
	                "\"data_offsets\":[0,16]}}",
	                16);
	set_mtime(dir, "model.safetensors", 1000);
	assert_true(second != fingerprint_of(dir));
	free(dir);
}

/* What progress was told. */
struct course {
	int calls, stop_after;
	uint64_t done, total;
};

static bool note(void *arg, uint64_t done, uint64_t total)
{
	struct course *course = arg;

	assert_true(done > course->done);
	assert_true(done <= total);
	course->done = done;
	course->total = total;
	return ++course->calls != course->stop_after;
}

static void warming_reports_to_the_end_or_until_told_to_stop(void **state)
{
	char *dir = test_source("data/confab-20m");
	struct checkpoint *cp = open_fine(dir);
	struct course whole = { .stop_after = 0 }, cut = { .stop_after = 1 };

	(void)state;
	checkpoint_warm(cp, note, &whole);
	assert_int_equal(whole.total, checkpoint_bytes(cp));
	assert_int_equal(whole.done, whole.total);
	assert_int_equal(whole.calls, 3); /* 41 MB, 16 MiB and more a step */
	checkpoint_warm(cp, note, &cut);
	assert_int_equal(cut.calls, 1);
	assert_true(cut.done < cut.total);
	checkpoint_warm(cp, NULL, NULL);
	checkpoint_free(cp);
	free(dir);
}

/* ---- GGUF ---- */

struct made_tensor {
	const char *name;
	int n_dims;
	int64_t shape[3];
};

/* Writes the tensors in F32; every number is its tensor's index. */
static void put_tensors(struct gguf_write *w, const struct made_tensor *tensors,
                        size_t n)
{
	struct error err = { "" };

	for (size_t i = 0; i < n; i++)
		if (gguf_write_tensor(w, tensors[i].name, DTYPE_F32,
		                      tensors[i].n_dims, tensors[i].shape,
		                      &err))
			fail_msg("%s", err.text);
	assert_int_equal(gguf_write_begin(w, &err), 0);
	for (size_t i = 0; i < n; i++) {
		float value = (float)i;
		int64_t count = 1;

		for (int d = 0; d < tensors[i].n_dims; d++)
			count *= tensors[i].shape[d];
		while (count--)
			assert_int_equal(gguf_write_data(w, &value,
			                                 sizeof value, &err),
			                 0);
	}
	assert_int_equal(gguf_write_finish(w, &err), 0);
	gguf_write_free(w);
}

static void put_string(struct gguf_write *w, const char *key, const char *text)
{
	gguf_write_string(w, key, text, strlen(text));
}

static void put_key(struct gguf_write *w, const char *arch, const char *key,
                    uint32_t value)
{
	char text[100];

	snprintf(text, sizeof text, "%s.%s", arch, key);
	gguf_write_u32(w, text, value);
}

static struct gguf_write *begin_gguf(const char *path, const char *arch)
{
	struct gguf_write *w = gguf_write_new(path, NULL);
	char key[100];

	put_string(w, "general.architecture", arch);
	put_key(w, arch, "block_count", 1);
	put_key(w, arch, "context_length", 40960);
	put_key(w, arch, "embedding_length", 8);
	put_key(w, arch, "feed_forward_length", 12);
	put_key(w, arch, "attention.head_count", 4);
	put_key(w, arch, "attention.head_count_kv", 2);
	put_key(w, arch, "attention.key_length", 6);
	snprintf(key, sizeof key, "%s.rope.freq_base", arch);
	gguf_write_f32(w, key, 1e6f);
	snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
	gguf_write_f32(w, key, 1e-6f);
	return w;
}

static void put_vocabulary(struct gguf_write *w)
{
	static const char *const tokens[] = {
		"a", "<|endoftext|>", "<|im_start|>", "<|im_end|>",
		"b", "<|im_end|>"
	};
	static const int32_t types[] = { 1, 3, 3, 3, 1, 1 };
	struct gguf_string strings[6];

	for (int i = 0; i < 6; i++)
		strings[i] =
			(struct gguf_string){ tokens[i], strlen(tokens[i]) };
	gguf_write_string_array(w, "tokenizer.ggml.tokens", strings, 6);
	gguf_write_i32_array(w, "tokenizer.ggml.token_type", types, 6);
}

static void assert_config_integer(const struct checkpoint *cp, const char *key,
                                  int64_t wanted)
{
	int64_t value = -1;

	if (!json_integer(json_get(checkpoint_config(cp), key), &value) ||
	    value != wanted)
		fail_msg("%s is %lld, not %lld", key, (long long)value,
		         (long long)wanted);
}

static void assert_dumps(const struct json *value, const char *text)
{
	struct strbuf out = STRBUF_INIT;

	json_write_python(&out, value);
	assert_string_equal(out.bytes, text);
	strbuf_free(&out);
}

static void a_gguf_speaks_hugging_faces_words(void **state)
{
	static const struct made_tensor tensors[] = {
		{ "token_embd.weight", 2, { 10, 8 } },
		{ "blk.0.attn_norm.weight", 1, { 8 } },
		{ "blk.0.attn_q.weight", 2, { 24, 8 } },
		{ "blk.0.attn_q_norm.weight", 1, { 6 } },
		{ "blk.0.ffn_norm.weight", 1, { 8 } },
		{ "blk.0.ffn_down.weight", 2, { 8, 12 } },
		{ "output_norm.weight", 1, { 8 } },
		{ "rope_freqs.weight", 1, { 3 } },
	};
	static const char *const hf[] = {
		"model.embed_tokens.weight",
		"model.layers.0.input_layernorm.weight",
		"model.layers.0.self_attn.q_proj.weight",
		"model.layers.0.self_attn.q_norm.weight",
		"model.layers.0.post_attention_layernorm.weight",
		"model.layers.0.mlp.down_proj.weight",
		"model.norm.weight",
		"rope_freqs.weight",
	};
	char *dir = test_tmp_dir(), *path = paths_join(dir, "Tiny-0.6B.gguf");
	struct gguf_write *w = begin_gguf(path, "qwen3");
	struct checkpoint *cp;
	double number = 0;

	(void)state;
	put_vocabulary(w);
	gguf_write_u32(w, "tokenizer.ggml.eos_token_id", 3);
	put_string(w, "tokenizer.chat_template", "{{ messages }}");
	gguf_write_f32(w, "general.sampling.temp", 0.75f);
	gguf_write_i32(w, "general.sampling.top_k", 20);
	put_tensors(w, tensors, 8);
	cp = open_fine(path);
	assert_string_equal(checkpoint_format(cp), "gguf");
	assert_string_equal(checkpoint_name(cp), "Tiny-0.6B");
	assert_non_null(checkpoint_gguf(cp));
	assert_string_equal(json_string(json_get(checkpoint_config(cp),
	                                         "model_type")),
	                    "qwen3");
	assert_config_integer(cp, "num_hidden_layers", 1);
	assert_config_integer(cp, "hidden_size", 8);
	assert_config_integer(cp, "intermediate_size", 12);
	assert_config_integer(cp, "num_attention_heads", 4);
	assert_config_integer(cp, "num_key_value_heads", 2);
	assert_config_integer(cp, "head_dim", 6);
	assert_config_integer(cp, "max_position_embeddings", 40960);
	assert_config_integer(cp, "rope_theta", 1000000);
	assert_config_integer(cp, "vocab_size", 10);
	assert_true(json_is_true(
		json_get(checkpoint_config(cp), "tie_word_embeddings")));
	assert_null(json_get(checkpoint_config(cp), "rope_scaling"));
	assert_null(json_get(checkpoint_config(cp), "num_experts"));
	assert_true(json_number(json_get(checkpoint_config(cp), "rms_norm_eps"),
	                        &number));
	assert_true((float)number == 1e-6f);
	assert_dumps(checkpoint_generation_config(cp),
	             "{\"temperature\": 0.75, \"top_k\": 20, "
	             "\"eos_token_id\": [3, 1]}");
	assert_string_equal(checkpoint_chat_template(cp), "{{ messages }}");
	assert_null(checkpoint_tokenizer_path(cp));
	assert_int_equal(checkpoint_n_tensors(cp), 8);
	for (int i = 0; i < 8; i++) {
		const struct tensor *t = checkpoint_tensor(cp, hf[i]);

		assert_non_null(t);
		assert_int_equal(t->n_dims, tensors[i].n_dims);
		assert_int_equal(t->shape[0], tensors[i].shape[0]);
		assert_true(*(const float *)t->data == (float)i);
	}
	assert_string_equal(checkpoint_tensor_file(cp, 0), path);
	assert_true(checkpoint_bytes(cp) ==
	            4 * (80 + 8 + 192 + 6 + 8 + 96 + 8 + 3));
	checkpoint_free(cp);
	free(path);
	free(dir);
}

static void a_gguf_of_experts_is_cut_into_single_ones(void **state)
{
	static const struct made_tensor tensors[] = {
		{ "token_embd.weight", 2, { 10, 8 } },
		{ "output.weight", 2, { 10, 8 } },
		{ "blk.0.ffn_gate_inp.weight", 2, { 3, 8 } },
		{ "blk.0.ffn_up_exps.weight", 3, { 3, 5, 8 } },
	};
	char *dir = test_tmp_dir();
	char *path = paths_join(dir, "m-00001-of-00001.gguf");
	char *linked = paths_join(dir, "Qwen3-30B-A3B-Q4_K_M.gguf");
	struct gguf_write *w = begin_gguf(path, "qwen3moe");
	struct checkpoint *cp;
	const struct tensor *first, *last;

	(void)state;
	put_key(w, "qwen3moe", "expert_count", 3);
	put_key(w, "qwen3moe", "expert_used_count", 2);
	put_key(w, "qwen3moe", "expert_feed_forward_length", 5);
	put_string(w, "qwen3moe.rope.scaling.type", "yarn");
	gguf_write_f32(w, "qwen3moe.rope.scaling.factor", 4);
	put_key(w, "qwen3moe", "rope.scaling.original_context_length", 32768);
	put_tensors(w, tensors, 4);
	cp = open_fine(path);
	assert_string_equal(checkpoint_name(cp), "m");
	checkpoint_free(cp);
	/* The hub's cache has links to files that are named by their hash. */
	assert_int_equal(symlink(path, linked), 0);
	cp = open_fine(linked);
	assert_string_equal(checkpoint_name(cp), "Qwen3-30B-A3B-Q4_K_M");
	assert_string_equal(json_string(json_get(checkpoint_config(cp),
	                                         "model_type")),
	                    "qwen3_moe");
	assert_config_integer(cp, "num_experts", 3);
	assert_config_integer(cp, "num_experts_per_tok", 2);
	assert_config_integer(cp, "moe_intermediate_size", 5);
	assert_false(json_is_true(
		json_get(checkpoint_config(cp), "tie_word_embeddings")));
	assert_dumps(json_get(checkpoint_config(cp), "rope_scaling"),
	             "{\"rope_type\": \"yarn\", \"factor\": 4, "
	             "\"original_max_position_embeddings\": 32768}");
	assert_dumps(checkpoint_generation_config(cp), "{}");
	assert_int_equal(checkpoint_n_tensors(cp), 6);
	assert_non_null(
		checkpoint_tensor(cp, "model.layers.0.mlp.gate.weight"));
	first = checkpoint_tensor(
		cp, "model.layers.0.mlp.experts.0.up_proj.weight");
	last = checkpoint_tensor(cp,
	                         "model.layers.0.mlp.experts.2.up_proj.weight");
	assert_int_equal(last->n_dims, 2);
	assert_int_equal(last->shape[0], 5);
	assert_int_equal(last->shape[1], 8);
	assert_int_equal(last->bytes, 4 * 40);
	assert_ptr_equal(last->data, (const float *)first->data + 80);
	checkpoint_free(cp);
	free(linked);
	free(path);
	free(dir);
}

static void a_gguf_may_say_its_name(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.gguf");
	struct gguf_write *w = begin_gguf(path, "qwen3");
	struct checkpoint *cp;

	(void)state;
	put_string(w, "general.name", "Qwen3 4B\xff");
	put_tensors(w, NULL, 0);
	cp = open_fine(path);
	assert_string_equal(checkpoint_name(cp), "Qwen3 4B\xef\xbf\xbd");
	assert_int_equal(checkpoint_n_tensors(cp), 0);
	assert_null(checkpoint_tensor(cp, "model.norm.weight"));
	checkpoint_warm(cp, NULL, NULL);
	checkpoint_free(cp);
	free(path);
	free(dir);
}

static void assert_gguf_refused(const char *path, const char *fault)
{
	struct error err = { "" };

	assert_null(checkpoint_open(path, &err));
	if (!strstr(err.text, path) || !strstr(err.text, fault))
		fail_msg("\"%s\", not \"%s\"", err.text, fault);
}

static void a_gguf_that_is_no_qwen3_is_refused(void **state)
{
	static const struct made_tensor twice[] = {
		{ "token_embd.weight", 1, { 8 } },
		{ "model.embed_tokens.weight", 1, { 8 } },
	};
	char *dir = test_tmp_dir(), *path = paths_join(dir, "x.gguf");
	struct gguf_write *w;

	(void)state;
	put_tensors(begin_gguf(path, "llama"), NULL, 0);
	assert_gguf_refused(path, "general.architecture is neither qwen3 nor "
	                          "qwen3moe");
	w = gguf_write_new(path, NULL);
	put_tensors(w, NULL, 0);
	assert_gguf_refused(path, "general.architecture is neither");
	put_tensors(begin_gguf(path, "qwen3"), twice, 2);
	assert_gguf_refused(path,
	                    "\"model.embed_tokens.weight\" is there twice");
	w = begin_gguf(path, "qwen3");
	gguf_write_string(w, "tokenizer.chat_template", "a\0b", 3);
	put_tensors(w, twice, 1);
	assert_gguf_refused(path, "tokenizer.chat_template");
	put(dir, "x.gguf", "no GGUF at all");
	assert_gguf_refused(path, "");
	free(path);
	free(dir);
}

/* The file with another float32 behind that key. */
static void assert_number_refused(const char *dir, const struct strbuf *good,
                                  const char *key, float number,
                                  const char *fault)
{
	char *path = paths_join(dir, "x.gguf"), *bytes, *at;

	bytes = mem_dup(good->bytes, good->len);
	at = memmem(bytes, good->len, key, strlen(key));
	assert_non_null(at);
	memcpy(at + strlen(key) + 4, &number, 4); /* behind its kind */
	test_write(dir, "x.gguf", bytes, good->len);
	assert_gguf_refused(path, key);
	assert_gguf_refused(path, fault);
	free(bytes);
	free(path);
}

static void a_gguf_with_a_number_that_is_none_is_refused(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "good.gguf");
	struct gguf_write *w = begin_gguf(path, "qwen3");
	struct strbuf good = STRBUF_INIT;

	(void)state;
	gguf_write_f32(w, "general.sampling.temp", 0.5f);
	put_string(w, "qwen3.rope.scaling.type", "yarn");
	gguf_write_f32(w, "qwen3.rope.scaling.factor", 4);
	gguf_write_f32(w, "qwen3.rope.scaling.attn_factor", 1);
	put_tensors(w, NULL, 0);
	checkpoint_free(open_fine(path));
	assert_int_equal(file_read(&good, path, 1 << 20, NULL), 0);
	assert_number_refused(dir, &good,
	                      "qwen3.attention.layer_norm_rms_epsilon", NAN,
	                      "rms_norm_eps is nan, not a finite number");
	assert_number_refused(dir, &good, "qwen3.rope.freq_base", INFINITY,
	                      "rope_theta is inf, not a finite number");
	assert_number_refused(dir, &good, "qwen3.rope.scaling.factor", NAN,
	                      "factor is nan, not a finite number");
	assert_number_refused(dir, &good, "qwen3.rope.scaling.attn_factor",
	                      -INFINITY, "attention_factor is -inf, not");
	assert_number_refused(dir, &good, "general.sampling.temp", NAN,
	                      "temperature is nan, not a finite number");
	strbuf_free(&good);
	free(path);
	free(dir);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_bundled_model_opens_with_all_its_tensors),
	cmocka_unit_test(a_bare_directory_has_weights_and_config_only),
	cmocka_unit_test(the_template_is_found_wherever_it_is_kept),
	cmocka_unit_test(the_hubs_cache_of_symbolic_links_opens),
	cmocka_unit_test(a_name_is_the_folders_own_whatever_dots_lead_there),
	cmocka_unit_test(shards_are_those_that_the_index_names),
	cmocka_unit_test(
		an_index_may_list_buffers_that_are_left_out_of_a_shard),
	cmocka_unit_test(the_fingerprint_changes_with_anything_that_matters),
	cmocka_unit_test(warming_reports_to_the_end_or_until_told_to_stop),
	cmocka_unit_test(a_gguf_speaks_hugging_faces_words),
	cmocka_unit_test(a_gguf_of_experts_is_cut_into_single_ones),
	cmocka_unit_test(a_gguf_may_say_its_name),
	cmocka_unit_test(a_gguf_that_is_no_qwen3_is_refused),
	cmocka_unit_test(a_gguf_with_a_number_that_is_none_is_refused),
};

TEST_MAIN(tests)
