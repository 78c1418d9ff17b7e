/*
 * entity.h - "&amp;" and "&#38;" as the character they stand for
 */
#ifndef CONFAB_ENTITY_H
#define CONFAB_ENTITY_H

#include <stddef.h>

#define ENTITY_BYTES 4 /* the longest character */

/* The bytes of the character, 0 where it is none that is known. */
size_t entity_text(char out[ENTITY_BYTES], const char *entity, size_t len);

#endif
