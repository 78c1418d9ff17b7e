/*
 * synth_checkpoint.c - rebuild the reference checkpoints of tests/golden
 *
 *	cc -O2 synth_checkpoint.c -o synth_checkpoint -lcjson
 *	./synth_checkpoint golden/model-tiny-tied.json OUT_DIR [SHARD_MIB] [TOKENIZER_DIR]
 *
 * Writes a Hugging Face directory: config.json, generation_config.json,
 * model-0000i-of-0000n.safetensors (bf16) with model.safetensors.index.json
 * (or one model.safetensors where a shard holds everything), and copies
 * tokenizer.json and tokenizer_config.json from TOKENIZER_DIR where it is given.
 *
 * Weights are a pure function of (tensor name, flat index): see weight().
 */
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint32_t crc32_of(const char *s)
{
	uint32_t c = ~0u;
	for (; *s; s++) {
		c ^= (unsigned char)*s;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
	}
	return ~c;
}

static uint64_t splitmix64(uint64_t x)
{
	x += 0x9E3779B97F4A7C15ull;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
	return x ^ (x >> 31);
}

static uint16_t bf16(float f) /* exact: every value has at most 8 significant bits */
{
	uint32_t u;
	memcpy(&u, &f, 4);
	return (uint16_t)(u >> 16);
}

struct tensor { char name[160]; long shape[2]; int ndim; size_t bytes; int shard; size_t offset; };
static struct tensor *T;
static int n_tensors;

static void add(const char *name, long d0, long d1)
{
	T = realloc(T, (size_t)(n_tensors + 1) * sizeof *T);
	struct tensor *t = &T[n_tensors++];
	memset(t, 0, sizeof *t);
	snprintf(t->name, sizeof t->name, "%s", name);
	t->shape[0] = d0;
	t->shape[1] = d1;
	t->ndim = d1 ? 2 : 1;
	t->bytes = 2 * (size_t)d0 * (size_t)(d1 ? d1 : 1);
}

static void write_weights(FILE *f, const struct tensor *t)
{
	static uint16_t buf[1 << 16];
	size_t n = t->bytes / 2, len = strlen(t->name);
	uint64_t base = (uint64_t)crc32_of(t->name) << 32;
	int norm = len >= 11 && !strcmp(t->name + len - 11, "norm.weight");
	int e = 6;
	uint16_t value[256];

	while ((1l << (2 * (e - 6))) < (t->ndim == 2 ? t->shape[1] : t->shape[0]))
		e++;
	if (strstr(t->name, "embed_tokens") || strstr(t->name, "lm_head"))
		e = 10;
	for (int i = 0; i < 256; i++)
		value[i] = norm ? bf16(1 + ((i & 31) - 16) / 128.0f)
				: bf16((float)(i - 128) / (float)(1 << e));
	for (size_t i = 0; i < n;) {
		size_t m = n - i < 65536 ? n - i : 65536;
		for (size_t j = 0; j < m; j++)
			buf[j] = value[splitmix64(base + i + j) & 255];
		if (fwrite(buf, 2, m, f) != m) { perror("write"); exit(1); }
		i += m;
	}
}

static char *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	if (!f) { perror(path); exit(1); }
	fseek(f, 0, SEEK_END);
	*size = (size_t)ftell(f);
	rewind(f);
	char *s = malloc(*size + 1);
	if (fread(s, 1, *size, f) != *size) { perror(path); exit(1); }
	s[*size] = 0;
	fclose(f);
	return s;
}

static FILE *create(const char *dir, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	if (!f) { perror(path); exit(1); }
	return f;
}

int main(int argc, char **argv)
{
	if (argc < 3) { fprintf(stderr, "usage: %s GOLDEN_OR_CONFIG.json OUT_DIR [SHARD_MIB] [TOKENIZER_DIR]\n", argv[0]); return 2; }
	size_t size, shard_max = (size_t)(argc > 3 ? atol(argv[3]) : 2048) << 20;
	char *text = slurp(argv[1], &size), name[200];
	cJSON *root = cJSON_Parse(text), *c = cJSON_GetObjectItem(root, "config");
	if (!c) c = root;
#define INT(k) ((long)cJSON_GetNumberValue(cJSON_GetObjectItem(c, k)))
	long L = INT("num_hidden_layers"), H = INT("hidden_size"), I = INT("intermediate_size");
	long q = INT("num_attention_heads") * INT("head_dim"), kv = INT("num_key_value_heads") * INT("head_dim");
	long hd = INT("head_dim"), V = INT("vocab_size");
	int moe = cJSON_GetObjectItem(c, "num_experts") != NULL;

	add("model.embed_tokens.weight", V, H);
	for (long l = 0; l < L; l++) {
#define ADD(suffix, a, b) (snprintf(name, sizeof name, "model.layers.%ld." suffix, l), add(name, a, b))
		ADD("input_layernorm.weight", H, 0);
		ADD("self_attn.q_proj.weight", q, H);
		ADD("self_attn.k_proj.weight", kv, H);
		ADD("self_attn.v_proj.weight", kv, H);
		ADD("self_attn.o_proj.weight", H, q);
		ADD("self_attn.q_norm.weight", hd, 0);
		ADD("self_attn.k_norm.weight", hd, 0);
		ADD("post_attention_layernorm.weight", H, 0);
		if (!moe) {
			ADD("mlp.gate_proj.weight", I, H);
			ADD("mlp.up_proj.weight", I, H);
			ADD("mlp.down_proj.weight", H, I);
			continue;
		}
		long E = INT("num_experts"), M = INT("moe_intermediate_size");
		ADD("mlp.gate.weight", E, H);
		for (long e = 0; e < E; e++) {
#define ADDE(suffix, a, b) (snprintf(name, sizeof name, "model.layers.%ld.mlp.experts.%ld." suffix, l, e), add(name, a, b))
			ADDE("gate_proj.weight", M, H);
			ADDE("up_proj.weight", M, H);
			ADDE("down_proj.weight", H, M);
		}
	}
	add("model.norm.weight", H, 0);
	if (!cJSON_IsTrue(cJSON_GetObjectItem(c, "tie_word_embeddings")))
		add("lm_head.weight", V, H);

	int shards = 1;
	size_t fill = 0, total = 0;
	for (int i = 0; i < n_tensors; i++) {
		if (fill && fill + T[i].bytes > shard_max) { shards++; fill = 0; }
		T[i].shard = shards;
		T[i].offset = fill;
		fill += T[i].bytes;
		total += T[i].bytes;
	}

	mkdir(argv[2], 0777);
	cJSON *index = cJSON_CreateObject(), *meta = cJSON_AddObjectToObject(index, "metadata");
	cJSON *map = cJSON_AddObjectToObject(index, "weight_map");
	cJSON_AddNumberToObject(meta, "total_size", (double)total);
	for (int s = 1; s <= shards; s++) {
		char file[64];
		if (shards == 1) snprintf(file, sizeof file, "model.safetensors");
		else snprintf(file, sizeof file, "model-%05d-of-%05d.safetensors", s, shards);
		cJSON *h = cJSON_CreateObject();
		cJSON_AddStringToObject(cJSON_AddObjectToObject(h, "__metadata__"), "format", "pt");
		for (int i = 0; i < n_tensors; i++) {
			if (T[i].shard != s) continue;
			cJSON *t = cJSON_AddObjectToObject(h, T[i].name), *a;
			cJSON_AddStringToObject(t, "dtype", "BF16");
			a = cJSON_AddArrayToObject(t, "shape");
			for (int d = 0; d < T[i].ndim; d++) cJSON_AddItemToArray(a, cJSON_CreateNumber((double)T[i].shape[d]));
			a = cJSON_AddArrayToObject(t, "data_offsets");
			cJSON_AddItemToArray(a, cJSON_CreateNumber((double)T[i].offset));
			cJSON_AddItemToArray(a, cJSON_CreateNumber((double)(T[i].offset + T[i].bytes)));
			cJSON_AddStringToObject(map, T[i].name, file);
		}
		char *js = cJSON_PrintUnformatted(h);
		uint64_t n = strlen(js), pad = (8 - n % 8) % 8, all = n + pad;
		FILE *f = create(argv[2], file);
		fwrite(&all, 8, 1, f);
		fwrite(js, 1, n, f);
		for (uint64_t p = 0; p < pad; p++) fputc(' ', f);
		for (int i = 0; i < n_tensors; i++)
			if (T[i].shard == s) write_weights(f, &T[i]);
		if (fclose(f)) { perror(file); return 1; }
		free(js);
		cJSON_Delete(h);
	}
	FILE *f;
	if (shards > 1) {
		f = create(argv[2], "model.safetensors.index.json");
		fputs(cJSON_Print(index), f);
		fclose(f);
	}
	f = create(argv[2], "config.json");
	fputs(cJSON_Print(c), f);
	fclose(f);
	f = create(argv[2], "generation_config.json");
	fputs("{\"bos_token_id\": 151643, \"do_sample\": true, \"eos_token_id\": [151645, 151643], \"pad_token_id\": 151643, \"temperature\": 0.7, \"top_k\": 20, \"top_p\": 0.8}\n", f);
	fclose(f);
	if (argc > 4)
		for (int i = 0; i < 2; i++) {
			const char *n = i ? "tokenizer_config.json" : "tokenizer.json";
			char path[4096];
			snprintf(path, sizeof path, "%s/%s", argv[4], n);
			char *s = slurp(path, &size);
			f = create(argv[2], n);
			fwrite(s, 1, size, f);
			fclose(f);
		}
	return 0;
}
