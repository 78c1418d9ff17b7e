/*
 * fuzz_hf_directory.c - a good model directory with any bytes in one of its
 * text files: refused by name, or open with the shards that are there
 *
 * The first byte chooses the file, the rest is what it gets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *name, *text; /* NULL: the file is not there at first */
} files[] = {
	{ "model.safetensors.index.json",
	  "{\"weight_map\":{\"w\":\"a.safetensors\"}}" },
	{ "config.json", "{\"model_type\":\"qwen3\"}" },
	{ "generation_config.json", "{\"eos_token_id\":[1,2]}" },
	{ "tokenizer_config.json", "{\"chat_template\":\"t\"}" },
	{ "chat_template.jinja", NULL },
};

#define N_FILES (sizeof files / sizeof *files)

/* In memory: a disk would set the pace. */
static char dir[] = "/dev/shm/confab-fuzz-XXXXXX";
static bool made;

static void put(const char *name, const void *bytes, size_t len)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f))
		abort();
}

static void put_back(size_t i)
{
	char path[100];

	if (files[i].text) {
		put(files[i].name, files[i].text, strlen(files[i].text));
		return;
	}
	snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
	unlink(path);
}

static void remove_directory(void)
{
	char path[100];

	for (size_t i = 0; i < N_FILES; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/a.safetensors", dir);
	unlink(path);
	rmdir(dir);
}

static void make_directory(void)
{
	static const char shard[] = "\x40\0\0\0\0\0\0\0"
				    "{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],"
				    "\"data_offsets\":[0,4]}}         \1\2\3\4";

	if (!mkdtemp(dir))
		abort();
	made = true;
	atexit(remove_directory);
	put("a.safetensors", shard, sizeof shard - 1);
	for (size_t i = 0; i < N_FILES; i++)
		put_back(i);
}

static void check(const struct checkpoint *cp)
{
	const char *template = checkpoint_chat_template(cp);

	if (checkpoint_n_files(cp) != 1 || checkpoint_n_tensors(cp) != 1 ||
	    !checkpoint_tensor(cp, "w") ||
	    !json_is_object(checkpoint_config(cp)) ||
	    !json_is_object(checkpoint_generation_config(cp)))
		abort();
	if (template && !utf8_valid(template, strlen(template)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { "" };
	struct checkpoint *cp;
	size_t i;

	if (!made)
		make_directory();
	if (!size)
		return 0;
	i = data[0] % N_FILES;
	put(files[i].name, data + 1, size - 1);
	cp = checkpoint_open(dir, &err);
	if (cp)
		check(cp);
	else if (strncmp(err.text, dir, strlen(dir)))
		abort();
	checkpoint_free(cp);
	put_back(i);
	return 0;
}
