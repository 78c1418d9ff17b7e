/*
 * mem.h - memory for small things, which either is there or ends the program
 *
 * Strings, lists and nodes are small: no caller could do better than stop when
 * they do not fit.  These functions never return NULL; when the system has no
 * memory they call the handler once (the front end restores the terminal and
 * says so) and then abort().  What is sized by a model or by a file (weights,
 * caches, workspaces) uses mem_try() and reports a struct error instead.
 */
#ifndef CONFAB_MEM_H
#define CONFAB_MEM_H

#include <stddef.h>

void *mem_alloc(size_t bytes);           /* uninitialised; 0 gives a block */
void *mem_zalloc(size_t n, size_t size); /* n * size zero bytes */
void *mem_realloc(void *p, size_t n, size_t size); /* room for n * size */
char *mem_strdup(const char *s);
void *mem_dup(const void *p, size_t bytes); /* adds a 0 byte after the copy */

/* Makes room for one more element: doubles *capacity when n == *capacity. */
void *mem_grow(void *p, size_t n, size_t *capacity, size_t size);

/* Aligned to 64 bytes (a cache line, an AVX-512 register), and of 2 MB and more in
 * whole large pages, where the system gives such; NULL when the product overflows or
 * there is no memory.  Free with free(). */
void *mem_try(size_t n, size_t size);

/* Called with the size that could not be had; must not allocate.  May exit. */
void mem_set_handler(void (*handler)(size_t bytes));

#endif
