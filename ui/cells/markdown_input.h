/*
 * markdown_input.h - what md4c is given to read; nobody else includes this
 */
#ifndef CONFAB_MARKDOWN_INPUT_H
#define CONFAB_MARKDOWN_INPUT_H

#include <stddef.h>

#include <md4c.h>

struct block;
struct strbuf;

#define MARKDOWN_FLAGS                                                        \
	(MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS |          \
	 MD_FLAG_PERMISSIVEURLAUTOLINKS | MD_FLAG_NOHTML |                     \
	 MD_FLAG_NOINDENTEDCODEBLOCKS)

/* Appends the block to input: a part of a fence that began in another block gets
 * the fence's first line again.  Gives the bytes put in front. */
size_t markdown_input(struct strbuf *input, const char *text,
                      const struct block *block);

#endif
