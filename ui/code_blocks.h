/*
 * code_blocks.h - the code of a conversation, by the numbers that are shown
 *
 * Code blocks of replies are numbered from 1 along the current path.
 */
#ifndef CONFAB_CODE_BLOCKS_H
#define CONFAB_CODE_BLOCKS_H

struct conversation;
struct strbuf;

/* Appends the code of block `number`; -1: there is no such block. */
int code_block(const struct conversation *c, int number, struct strbuf *out,
               struct strbuf *language);

#endif
