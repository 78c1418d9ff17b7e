/*
 * checkpoint.h - one view over a model's files, whatever their format
 *
 * A Hugging Face directory (config.json, model.safetensors or shards with
 * model.safetensors.index.json, tokenizer.json, ...) or a GGUF file.  Tensors
 * are named as in Hugging Face's Qwen3 ("model.layers.0.self_attn.q_proj.weight")
 * and are views into read-only mappings: nothing is copied, and whoever reads
 * them must keep the checkpoint.  A GGUF's names and metadata keys are
 * rewritten to these when it is opened, so no reader knows which it has.
 *
 * Everything in the files is untrusted: sizes, offsets, shapes and names are
 * checked before they are used.
 */
#ifndef CONFAB_CHECKPOINT_H
#define CONFAB_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

struct checkpoint;
struct error;
struct gguf;
struct json;

struct checkpoint *checkpoint_open(const char *path, struct error *err);
void checkpoint_free(struct checkpoint *cp);

const char *checkpoint_path(const struct checkpoint *cp);
const char *checkpoint_format(const struct checkpoint *cp); /* "safetensors", "gguf" */

/* "Qwen3-4B-Instruct-2507": general.name, or the last part of the path
 * without its ending; in the hub's cache the repository's name. */
const char *checkpoint_name(const struct checkpoint *cp);

/* By Hugging Face name; NULL when there is none. */
const struct tensor *checkpoint_tensor(const struct checkpoint *cp,
                                       const char *name);
/* All of them, sorted by name; i < checkpoint_n_tensors(). */
size_t checkpoint_n_tensors(const struct checkpoint *cp);
const char *checkpoint_tensor_name(const struct checkpoint *cp, size_t i);
const struct tensor *checkpoint_tensor_at(const struct checkpoint *cp, size_t i);

/* The files' paths, for messages; i < checkpoint_n_files(). */
size_t checkpoint_n_files(const struct checkpoint *cp);
const char *checkpoint_file(const struct checkpoint *cp, size_t i);
/* The file that holds this tensor's data. */
const char *checkpoint_tensor_file(const struct checkpoint *cp, size_t i);

/* config.json's object; for a GGUF an object of the same keys. */
const struct json *checkpoint_config(const struct checkpoint *cp);
/* generation_config.json's object, or NULL. */
const struct json *checkpoint_generation_config(const struct checkpoint *cp);
/* The Jinja source of the chat template (chat_template.jinja, or
 * tokenizer_config.json's "chat_template"), or NULL. */
const char *checkpoint_chat_template(const struct checkpoint *cp);
/* tokenizer.json's path, or NULL (a GGUF carries its vocabulary itself). */
const char *checkpoint_tokenizer_path(const struct checkpoint *cp);
/* The GGUF behind this view, or NULL. */
const struct gguf *checkpoint_gguf(const struct checkpoint *cp);

/* Identity of config, tensor table (names, types, shapes, file sizes, times)
 * and template: equal for the same files, different when one changed. */
uint64_t checkpoint_fingerprint(const struct checkpoint *cp);

/* Bytes of all tensors. */
size_t checkpoint_bytes(const struct checkpoint *cp);

/* Reads every page once, in order, so that the first token does not wait for
 * the disk.  After each few MiB calls progress(arg, done, total) in bytes,
 * which returns false to stop early. */
void checkpoint_warm(const struct checkpoint *cp,
                     bool (*progress)(void *arg, uint64_t done, uint64_t total),
                     void *arg);

#endif
