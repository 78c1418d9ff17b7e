/*
 * gguf_format.h - the numbers that GGUF files use for kinds and types
 *
 * Format: ggml-org/ggml, docs/gguf.md.  Shared by the reader (gguf.h) and the
 * writer (gguf_write.h).
 */
#ifndef CONFAB_GGUF_FORMAT_H
#define CONFAB_GGUF_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/tensor.h"

#define GGUF_MAGIC     "GGUF"
#define GGUF_VERSION   3
#define GGUF_ALIGNMENT 32 /* bytes, where general.alignment is absent */

/* The kinds of metadata values, as the file numbers them.  A string is its
 * length (u64) and its bytes; an array is the kind of its items (u32), their
 * count (u64) and the items; a bool is one byte, 0 or 1. */
enum gguf_kind {
	GGUF_U8,
	GGUF_I8,
	GGUF_U16,
	GGUF_I16,
	GGUF_U32,
	GGUF_I32,
	GGUF_F32,
	GGUF_BOOL,
	GGUF_STRING,
	GGUF_ARRAY,
	GGUF_U64,
	GGUF_I64,
	GGUF_F64,
	GGUF_KINDS
};

/* Values of tokenizer.ggml.token_type: the enum llama_token_type of llama.cpp. */
enum gguf_token_type {
	GGUF_TOKEN_NORMAL = 1,
	GGUF_TOKEN_UNKNOWN = 2,
	GGUF_TOKEN_CONTROL = 3,
	GGUF_TOKEN_USER_DEFINED = 4,
	GGUF_TOKEN_UNUSED = 5,
	GGUF_TOKEN_BYTE = 6
};

/* The split pattern that tokenizer.ggml.pre = "qwen2" stands for. */
#define GGUF_QWEN2_SPLIT \
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" \
	" ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* generation_config.json's whole list of stop ids, an array of integers: this
 * program's own key, since the others' have room for one. */
#define GGUF_STOPS     "confab.stop_token_ids"
#define GGUF_STOPS_MAX 256 /* ids; of a longer list nothing is read */

/* Bytes of a value of this kind; 0 for strings and arrays. */
size_t gguf_format_width(enum gguf_kind kind);

/*
 * Packed types (packed.h) are this program's own: such a file is made for its
 * cache and for no one else.  Their numbers are this, which no other program
 * gives to a type ("FC" for whoever looks at the bytes), plus the plain type's.
 * general.alignment must be a multiple of PACKED_ALIGN then.
 */
#define GGUF_PACKED 0x43460000u

/* The number that stands for a dtype in a tensor's info, and back: false for
 * types that this program does not read. */
uint32_t gguf_format_number(enum dtype dtype);
bool gguf_format_dtype(uint32_t number, enum dtype *dtype);

/* A type's name by its number, ggml's where it is, for messages; "unknown" where
 * it has none. */
const char *gguf_format_type_name(uint32_t number);

#endif
