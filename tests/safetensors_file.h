/*
 * safetensors_file.h - makes safetensors files, right and wrong ones
 */
#ifndef CONFAB_TESTS_SAFETENSORS_FILE_H
#define CONFAB_TESTS_SAFETENSORS_FILE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support.h"

/* Writes dir/name: the length, the header, n_data bytes of data of which byte
 * i is (37 i + 1) mod 256.  `says` is the length that the file claims. */
static inline void put_claiming(const char *dir, const char *name,
                                uint64_t says, const char *header,
                                size_t header_len, size_t n_data)
{
	size_t len = 8 + header_len + n_data;
	uint8_t *bytes = malloc(len);

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(says >> 8 * i);
	memcpy(bytes + 8, header, header_len);
	for (size_t i = 0; i < n_data; i++)
		bytes[8 + header_len + i] = (uint8_t)(37 * i + 1);
	test_write(dir, name, bytes, len);
	free(bytes);
}

/* The same with the true length, after padding the header to 8 bytes. */
static inline void put_safetensors(const char *dir, const char *name,
                                   const char *header, size_t n_data)
{
	size_t len = strlen(header), padded = (len + 7) / 8 * 8;
	char *text = malloc(padded + 1);

	memcpy(text, header, len);
	memset(text + len, ' ', padded - len);
	put_claiming(dir, name, padded, text, padded, n_data);
	free(text);
}

#endif
