#include "text/bpe.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "base/mem.h"

/* Pieces up to this many bytes are merged by looking through all neighbours:
 * faster than a heap up to about here, and no memory to ask for. */
#define SHORT 96

static uint32_t slot_of(int32_t left, int32_t right, uint32_t n_slots)
{
	uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;

	/* Fibonacci hashing: Knuth, TAOCP 3, section 6.4. */
	key *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(key >> 32) & (n_slots - 1);
}

static const struct bpe_merge *find(const struct bpe *bpe, int32_t left,
                                    int32_t right)
{
	uint32_t i = slot_of(left, right, bpe->n_slots);
	const struct bpe_merge *merge;

	for (;; i = (i + 1) & (bpe->n_slots - 1)) {
		merge = &bpe->merges[i];
		if (merge->left == left && merge->right == right)
			return merge;
		if (merge->left < 0)
			return NULL;
	}
}

void bpe_put(struct bpe_merge *merges, uint32_t n_slots,
             const struct bpe_merge *merge)
{
	uint32_t i = slot_of(merge->left, merge->right, n_slots);

	while (merges[i].left >= 0 && (merges[i].left != merge->left ||
	                               merges[i].right != merge->right))
		i = (i + 1) & (n_slots - 1);
	merges[i] = *merge;
}

/* A symbol of a short piece, and what it makes with the next one. */
struct symbol {
	int32_t id;
	int32_t rank;   /* INT32_MAX: nothing */
	int32_t merged; /* its id */
};

static void look_up(const struct bpe *bpe, struct symbol *symbol)
{
	const struct bpe_merge *merge = find(bpe, symbol[0].id, symbol[1].id);

	symbol->rank = merge ? merge->rank : INT32_MAX;
	symbol->merged = merge ? merge->id : 0;
}

static size_t lowest(const struct symbol *symbols, size_t n)
{
	size_t best = 0, i;

	for (i = 1; i < n; i++)
		if (symbols[i].rank < symbols[best].rank)
			best = i;
	return best;
}

static void encode_short(const struct bpe *bpe, const char *piece, size_t n,
                         struct ids *out)
{
	struct symbol symbols[SHORT];
	size_t i;

	for (i = 0; i < n; i++)
		symbols[i].id = bpe->byte_id[(unsigned char)piece[i]];
	for (i = 0; i + 1 < n; i++)
		look_up(bpe, &symbols[i]);
	symbols[n - 1].rank = INT32_MAX;
	while (n > 1) {
		i = lowest(symbols, n);
		if (symbols[i].rank == INT32_MAX)
			break;
		symbols[i].id = symbols[i].merged;
		n--;
		memmove(symbols + i + 1, symbols + i + 2,
		        (n - i - 1) * sizeof(*symbols));
		symbols[i].rank = INT32_MAX;
		if (i + 1 < n)
			look_up(bpe, &symbols[i]);
		if (i > 0)
			look_up(bpe, &symbols[i - 1]);
	}
	for (i = 0; i < n; i++)
		ids_add(out, symbols[i].id);
}

/* A symbol of a long piece: a doubly linked list over an array. */
struct link {
	int32_t id;              /* -1: joined with the one before it */
	uint32_t previous, next; /* indices, NONE at the ends */
};

#define NONE UINT32_MAX

/* A merge that may come to pass: of link `left` and its next. */
struct candidate {
	int32_t rank;
	uint32_t left;
};

struct heap {
	struct candidate *items; /* items[0] comes first */
	size_t n, capacity;
};

static bool before(const struct candidate *a, const struct candidate *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static void heap_push(struct heap *heap, struct candidate item)
{
	size_t i, parent;

	heap->items = mem_grow(heap->items, heap->n, &heap->capacity,
	                       sizeof(*heap->items));
	for (i = heap->n++; i > 0; i = parent) {
		parent = (i - 1) / 2;
		if (!before(&item, &heap->items[parent]))
			break;
		heap->items[i] = heap->items[parent];
	}
	heap->items[i] = item;
}

static struct candidate heap_pop(struct heap *heap)
{
	struct candidate first = heap->items[0];
	struct candidate last = heap->items[--heap->n];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < heap->n; i = child) {
		if (child + 1 < heap->n &&
		    before(&heap->items[child + 1], &heap->items[child]))
			child++;
		if (!before(&heap->items[child], &last))
			break;
		heap->items[i] = heap->items[child];
	}
	heap->items[i] = last;
	return first;
}

static void consider(const struct bpe *bpe, const struct link *links,
                     uint32_t left, struct heap *heap)
{
	const struct bpe_merge *merge;

	if (left == NONE || links[left].next == NONE)
		return;
	merge = find(bpe, links[left].id, links[links[left].next].id);
	if (merge)
		heap_push(heap, (struct candidate){ merge->rank, left });
}

/* Joins the candidate's two links, if they are still what it was made for. */
static void join(const struct bpe *bpe, struct link *links, struct heap *heap,
                 const struct candidate *candidate)
{
	struct link *left = &links[candidate->left];
	struct link *right;
	const struct bpe_merge *merge;

	if (left->id < 0 || left->next == NONE)
		return;
	right = &links[left->next];
	merge = find(bpe, left->id, right->id);
	if (!merge || merge->rank != candidate->rank)
		return;
	left->id = merge->id;
	left->next = right->next;
	right->id = -1;
	if (left->next != NONE)
		links[left->next].previous = candidate->left;
	consider(bpe, links, left->previous, heap);
	consider(bpe, links, candidate->left, heap);
}

static void encode_long(const struct bpe *bpe, const char *piece, uint32_t n,
                        struct ids *out)
{
	struct link *links = mem_realloc(NULL, n, sizeof(*links));
	struct heap heap = { NULL, 0, 0 };
	struct candidate candidate;
	uint32_t i;

	for (i = 0; i < n; i++) {
		links[i].id = bpe->byte_id[(unsigned char)piece[i]];
		links[i].previous = i ? i - 1 : NONE;
		links[i].next = i + 1 < n ? i + 1 : NONE;
	}
	for (i = 0; i < n; i++)
		consider(bpe, links, i, &heap);
	while (heap.n) {
		candidate = heap_pop(&heap);
		join(bpe, links, &heap, &candidate);
	}
	for (i = 0; i != NONE; i = links[i].next)
		ids_add(out, links[i].id);
	free(heap.items);
	free(links);
}

void bpe_encode(const struct bpe *bpe, const char *piece, size_t len,
                struct ids *out)
{
	/* So long a piece would not fit the links; a cut every 2 GiB does. */
	const size_t most = INT32_MAX;

	for (; len > most; piece += most, len -= most)
		encode_long(bpe, piece, (uint32_t)most, out);
	if (len > SHORT)
		encode_long(bpe, piece, (uint32_t)len, out);
	else if (len)
		encode_short(bpe, piece, len, out);
}
