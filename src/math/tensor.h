/*
 * tensor.h - a borrowed block of numbers: element type, shape, bytes
 *
 * Row-major, last index contiguous: shape [n_out, n_in] of a linear layer is
 * n_out rows of n_in weights.  (GGUF stores the same bytes and lists the
 * dimensions innermost first; the reader turns them round.)
 *
 * Numbers are read where a file has them, in its byte order, which is little
 * endian in every format; so must the machine be.
 */
#ifndef CONFAB_TENSOR_H
#define CONFAB_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
	DTYPE_F32,
	DTYPE_F16,
	DTYPE_BF16,
	DTYPE_Q8_0,
	DTYPE_Q4_0,
	DTYPE_Q4_1,
	DTYPE_Q5_0,
	DTYPE_Q5_1,
	DTYPE_Q2_K,
	DTYPE_Q3_K,
	DTYPE_Q4_K,
	DTYPE_Q5_K,
	DTYPE_Q6_K,
	DTYPE_IQ4_NL,
	DTYPE_IQ4_XS,
	/* From here on 16 rows are stored together: see packed.h. */
	DTYPE_PACKED,
	DTYPE_Q8_0_X16 = DTYPE_PACKED,
	DTYPE_Q4_0_X16,
	DTYPE_Q4_K_X16,
	DTYPE_Q6_K_X16,
	DTYPE_BF16_X16,
	DTYPE_COUNT
};

struct dtype_info {
	const char *name; /* lower case, as on the command line: "q4_k" */
	int block;        /* elements that are stored together; divides a row */
	int bytes;        /* bytes of such a block */
	int rows; /* that are stored together, or 1; divides their number */
};

const struct dtype_info *dtype_info(enum dtype dtype);

#define TENSOR_MAX_DIMS 4

struct tensor {
	enum dtype dtype;
	int n_dims;                     /* 1..TENSOR_MAX_DIMS */
	int64_t shape[TENSOR_MAX_DIMS]; /* outermost first, each > 0 */
	const void *data; /* borrowed, aligned as the file has it */
	size_t bytes;     /* of data, equal to what the shape needs */
};

/* Bytes of one row of n elements, of a packed one on average; false where block
 * does not divide n or the product overflows. */
bool dtype_row_bytes(enum dtype dtype, int64_t n, size_t *bytes);

/* Elements and bytes that a shape needs; false on overflow, on a dimension
 * that is not positive, and where block does not divide the last one or rows
 * the one before. */
bool tensor_size(enum dtype dtype, int n_dims, const int64_t *shape,
                 int64_t *elements, size_t *bytes);

/* The rows of a 2-D tensor, or 1; and the length of its last dimension. */
int64_t tensor_rows(const struct tensor *t);
int64_t tensor_cols(const struct tensor *t);

#endif
