/*
 * branch_map.h - all branches of a conversation as lines of text
 *
 *	● 1 You: What should I pack?
 *	● 2 Qwen3: November is mild
 *	├─ ● 3 You: and for the mountains?
 *	│  ● 4 Qwen3: Boots, and a
 *	└─ ○ 5 You: and for the sea?
 *
 * ● is on the current branch.  The numbers are those of /branches N.  In plain
 * words, to be read aloud:
 *
 *	2 Qwen3, here: November is mild
 *	3 You, after 2, here: and for the mountains?
 */
#ifndef CONFAB_BRANCH_MAP_H
#define CONFAB_BRANCH_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conversation;
struct strbuf;

void branch_map(struct strbuf *out, const struct conversation *c, bool plain);

#define BRANCH_MAP_WORDS 60 /* code points of a message */

/* The message with a number of the map, or -1. */
int64_t branch_map_message(const struct conversation *c, size_t number);

#endif
