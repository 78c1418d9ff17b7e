/*
 * hf_directory.h - a model as Hugging Face's hub lays it out
 *
 *	config.json			required
 *	generation_config.json		where the authors say how to sample
 *	model.safetensors		or model.safetensors.index.json, whose
 *					"weight_map" gives each tensor's shard
 *	tokenizer.json			(read by the tokenizer, not here)
 *	chat_template.jinja		or "chat_template" in
 *					tokenizer_config.json: a string, or
 *					[{"name": ..., "template": ...}, ...], of
 *					which "default" is taken
 *
 * Shards are plain names of files in the directory; they may be symbolic links,
 * which is how the hub's cache stores them.
 */
#ifndef CONFAB_HF_DIRECTORY_H
#define CONFAB_HF_DIRECTORY_H

struct contents;
struct error;

/* Fills contents, which is empty.  On failure it may be filled in part, and
 * contents_free() frees it as ever. */
int hf_directory_read(struct contents *contents, const char *dir,
                      struct error *err);

#endif
