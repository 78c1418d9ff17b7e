/*
 * safetensors.h - the safetensors container: reading
 *
 *	8 bytes			N, the header's length, little endian
 *	N bytes			JSON: {"NAME": {"dtype": "BF16", "shape": [2, 3],
 *				"data_offsets": [BEGIN, END]}, ...}, padded
 *				with spaces; "__metadata__" holds strings
 *	the rest		the tensors, row-major, little endian
 *
 * Format: huggingface/safetensors, README, "Format".  Offsets count from the
 * end of the header and leave neither gaps nor overlaps.  Everything is checked
 * when the file is opened, and what the format forbids is refused; so are
 * empty dimensions, tensors that do not lie at a multiple of their element's
 * size, and headers of more than 16 MiB or 262,144 values (the format allows
 * 100 MB; Qwen3's largest single file needs 3), which bounds what a hostile
 * file can make this program allocate.
 */
#ifndef CONFAB_SAFETENSORS_H
#define CONFAB_SAFETENSORS_H

#include <stddef.h>

#include "math/tensor.h"

struct error;
struct file_map;
struct safetensors;

/* BF16, F16 and F32.  A tensor of another type is refused by name and type
 * where it is a weight (its name ends in "weight"); other things, such as
 * integer buffers, are left out. */
struct safetensors *safetensors_open(const char *path, struct error *err);
void safetensors_free(struct safetensors *st);

/* In the order of their data; a tensor without dimensions has shape [1]. */
size_t safetensors_n_tensors(const struct safetensors *st);
const char *safetensors_name(const struct safetensors *st, size_t i);
const struct tensor *safetensors_tensor(const struct safetensors *st, size_t i);

const struct file_map *safetensors_file(const struct safetensors *st);

#endif
