/*
 * chat_parts.h - a rendered conversation, and who wrote which part of it
 *
 * Code is what the template itself writes, and the only place where added
 * tokens ("<|im_start|>", "<think>") count.  Text is what anybody else wrote:
 * it is encoded as characters whatever it looks like.  Ids are text that the
 * model wrote, whose ids are known.
 *
 * Code and text that touch are encoded together, since tokens do not stop
 * where a template's string literal does: "user\n" + "\nhi" holds one "\n\n".
 */
#ifndef CONFAB_CHAT_PARTS_H
#define CONFAB_CHAT_PARTS_H

#include <stddef.h>

#include "base/ids.h"
#include "base/strbuf.h"

struct tokenizer;

enum chat_part_kind { CHAT_PART_CODE, CHAT_PART_TEXT, CHAT_PART_IDS };

struct chat_part {
	enum chat_part_kind kind;
	size_t begin;   /* in text; it goes to where the next one begins */
	const int *ids; /* [n_ids], borrowed; CHAT_PART_IDS only */
	size_t n_ids;
};

/* Zero-initialise parts, STRBUF_INIT for text. */
struct chat_parts {
	struct strbuf text;
	struct chat_part *parts; /* [n], none of them empty but those of ids */
	size_t n, capacity;
};

void chat_parts_free(struct chat_parts *parts);

void chat_parts_code(struct chat_parts *parts, const char *literal);
void chat_parts_text(struct chat_parts *parts, const char *bytes, size_t len);

/*
 * The parts from `first` on are a reply that was generated as ids[0..n).  Puts
 * the ids in the place of the parts they are the text of:
 *
 *	- all of the ids, where they decode to the last parts, or to all of them;
 *	- else the longest end of the ids that decodes to all the parts, or to
 *	  the last one (the template left old thinking out).
 *
 * Where neither is so (edited text, a cut inside a token), nothing changes.
 */
void chat_parts_use_ids(struct chat_parts *parts, size_t first,
                        const struct tokenizer *t, const int *ids, size_t n);

void chat_parts_encode(const struct chat_parts *parts,
                       const struct tokenizer *t, struct ids *out);

#endif
