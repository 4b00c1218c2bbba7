/*-------------------------------------------------------------------------
 *
 * trie.c
 *	  Roots of Merkle-Patricia tries from items in the order of their keys.
 *
 * With sorted keys the shape of the trie around an item follows from how many
 * nibbles it shares with its two neighbours: the larger of the two numbers is
 * the depth of the branch that holds it, and the branches deeper than what is
 * shared with the next item are complete and can be hashed.  So a stack of
 * open branches, at strictly increasing depths, is all that is kept.
 *
 * A node is referred to by its hash, or by its own encoding when that is
 * shorter than 32 bytes; only leaves depend on nothing, so they are hashed
 * several at a time, ahead of the stack.
 *
 *-------------------------------------------------------------------------
 */
#include "trie.h"

#include <string.h>

#include "keccak.h"
#include "rlp.h"

const uint8_t trie_empty_root[32] = {
	0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6,
	0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
	0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0,
	0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21
};

/* Leaves hashed in one call. */
#define LEAF_BATCH		16

/* The longest path of a key, in nibbles. */
#define PATH_MAX_NIBBLES	(2 * TRIE_KEY_MAX)

/* rlp(index) of a 32-bit index has at most five bytes. */
#define INDEX_KEY_MAX	5

/* What stands in a branch for a child: rlp(hash), or the child itself. */
typedef struct NodeRef
{
	uint8_t		len;			/* 0: no child */
	uint8_t		bytes[33];
} NodeRef;

typedef struct Branch
{
	uint32_t	depth;			/* nibbles above it */
	EvmBytes	value;			/* of the key that ends here, or data NULL */
	NodeRef		children[16];
} Branch;

/* A node's encoding before its value, which is not copied. */
typedef struct NodeHead
{
	uint8_t		bytes[16 * 33 + 2 * RLP_HEADER_MAX];
	size_t		len;
} NodeHead;

/* A leaf, or a branch's value, that waits for its place. */
typedef struct Pending
{
	uint8_t		key[TRIE_KEY_MAX];
	uint32_t	nibbles;		/* of the key */
	int32_t		depth;			/* of the branch that holds it; -1: none */
	int32_t		shared_next;	/* nibbles shared with the next; -1: last */
	bool		is_branch_value;
	EvmBytes	value;
} Pending;

typedef struct TrieStack
{
	Branch	   *branches;		/* room for one a nibble of the longest key */
	uint32_t	open;
	uint8_t    *root;
} TrieStack;

/* Where the next key and value come from. */
typedef struct ItemSource
{
	const EvmBytes *values;		/* of an ordered trie, or NULL */
	const TrieItem *items;		/* of any trie, or NULL */
	uint32_t	count;
	uint32_t	taken;
} ItemSource;

static inline uint8_t
nibble_at(const uint8_t *key, uint32_t position)
{
	return position % 2 == 0 ? key[position / 2] >> 4
		: key[position / 2] & 0x0f;
}

/*
 * Write the hex-prefix encoding (yellow paper, appendix C) of the nibbles
 * [from, to) of a key as an RLP string; returns its length.
 */
static size_t
put_path(uint8_t *out, const uint8_t *key, uint32_t from, uint32_t to,
		 bool is_leaf)
{
	uint8_t		path[1 + TRIE_KEY_MAX];
	size_t		len = 0;
	uint8_t		flag = is_leaf ? 0x20 : 0x00;

	if ((to - from) % 2 == 1)
		path[len++] = flag | 0x10 | nibble_at(key, from++);
	else
		path[len++] = flag;
	for (; from < to; from += 2)
		path[len++] = (uint8_t) (nibble_at(key, from) << 4 |
								 nibble_at(key, from + 1));

	if (len == 1)
	{
		/* the flags keep it below 0x80: its own encoding */
		out[0] = path[0];
		return 1;
	}
	if (len <= 55)
	{
		out[0] = (uint8_t) (0x80 + len);
		memcpy(out + 1, path, len);
		return 1 + len;
	}
	out[0] = 0xb8;
	out[1] = (uint8_t) len;
	memcpy(out + 2, path, len);
	return 2 + len;
}

/* Write the header of a string or list; returns its length. */
static size_t
put_header(uint8_t *out, size_t payload, uint8_t short_form)
{
	size_t		len = rlp_header_len(payload);

	if (len == 1)
		out[0] = (uint8_t) (short_form + payload);
	else
	{
		out[0] = (uint8_t) (short_form + 55 + (len - 1));
		for (size_t i = len - 1; i > 0; i--)
		{
			out[i] = (uint8_t) payload;
			payload >>= 8;
		}
	}
	return len;
}

/* The header of a value as a string; 0 when the value is its own encoding. */
static size_t
put_value_header(uint8_t *out, const EvmBytes *value)
{
	if (value->len == 1 && value->data[0] < 0x80)
		return 0;
	return put_header(out, value->len, 0x80);
}

/* Complete a node: the list's header, `middle`, and then a value's header. */
static void
finish_head(NodeHead *head, const uint8_t *middle, size_t middle_len,
			const EvmBytes *value)
{
	uint8_t		value_header[RLP_HEADER_MAX];
	size_t		value_header_len = put_value_header(value_header, value);
	size_t		payload = middle_len + value_header_len + value->len;

	head->len = put_header(head->bytes, payload, 0xc0);
	memcpy(head->bytes + head->len, middle, middle_len);
	head->len += middle_len;
	memcpy(head->bytes + head->len, value_header, value_header_len);
	head->len += value_header_len;
}

static void
ref_from_hash(NodeRef *ref, const uint8_t *hash32)
{
	ref->len = 33;
	ref->bytes[0] = 0x80 + 32;
	memcpy(ref->bytes + 1, hash32, 32);
}

/* A node shorter than 32 bytes stands in its parent as it is. */
static bool
ref_embedded(NodeRef *ref, const uint8_t *head, size_t head_len,
			 const EvmBytes *value)
{
	if (head_len + value->len >= 32)
		return false;
	ref->len = (uint8_t) (head_len + value->len);
	memcpy(ref->bytes, head, head_len);
	if (value->len > 0)
		memcpy(ref->bytes + head_len, value->data, value->len);
	return true;
}

/* Hash or embed a node that needs no batch; the root is always hashed. */
static void
ref_node(NodeRef *ref, uint8_t *root, const NodeHead *head,
		 const EvmBytes *value)
{
	KeccakInput input = {head->bytes, head->len, value->data, value->len};
	uint8_t		hash[32];

	if (root == NULL && ref_embedded(ref, head->bytes, head->len, value))
		return;
	keccak256_many(root != NULL ? root : hash, &input, 1);
	if (root == NULL)
		ref_from_hash(ref, hash);
}

/* Encode a branch, which then is complete. */
static void
close_branch(NodeRef *ref, uint8_t *root, const Branch *branch)
{
	static const EvmBytes nothing = {NULL, 0};
	const EvmBytes *value = branch->value.data ? &branch->value : &nothing;
	uint8_t		middle[16 * 33];
	size_t		len = 0;
	NodeHead	head;

	for (int i = 0; i < 16; i++)
	{
		const NodeRef *child = &branch->children[i];

		if (child->len == 0)
			middle[len++] = 0x80;
		else
		{
			memcpy(middle + len, child->bytes, child->len);
			len += child->len;
		}
	}
	finish_head(&head, middle, len, value);
	ref_node(ref, root, &head, value);
}

/* Put an extension over a node: the nibbles [from, to) of a key. */
static void
extend(NodeRef *ref, uint8_t *root, const uint8_t *key, uint32_t from,
	   uint32_t to)
{
	static const EvmBytes nothing = {NULL, 0};
	uint8_t		middle[TRIE_KEY_MAX + 3 + 33];
	size_t		len = put_path(middle, key, from, to, false);
	NodeHead	head;

	memcpy(middle + len, ref->bytes, ref->len);
	len += ref->len;
	head.len = put_header(head.bytes, len, 0xc0);
	memcpy(head.bytes + head.len, middle, len);
	head.len += len;
	ref_node(ref, root, &head, &nothing);
}

static Branch *
open_branch(TrieStack *stack, uint32_t depth)
{
	Branch	   *branch = &stack->branches[stack->open++];

	branch->depth = depth;
	branch->value.data = NULL;
	branch->value.len = 0;
	for (int i = 0; i < 16; i++)
		branch->children[i].len = 0;
	return branch;
}

/* The branch at a depth: the innermost one, or a new one inside it. */
static Branch *
branch_at(TrieStack *stack, uint32_t depth)
{
	if (stack->open > 0 && stack->branches[stack->open - 1].depth == depth)
		return &stack->branches[stack->open - 1];
	return open_branch(stack, depth);
}

/*
 * Close the branches that no later key can reach: those deeper than what the
 * current key shares with the next.  `key` is any key below them.
 */
static void
close_below(TrieStack *stack, const uint8_t *key, int32_t shared_next)
{
	while (stack->open > 0 &&
		   (int32_t) stack->branches[stack->open - 1].depth > shared_next)
	{
		const Branch *branch = &stack->branches[--stack->open];
		int32_t		parent = shared_next;
		NodeRef		ref;
		uint32_t	from;
		uint8_t    *root;

		if (stack->open > 0 &&
			(int32_t) stack->branches[stack->open - 1].depth > parent)
			parent = (int32_t) stack->branches[stack->open - 1].depth;

		from = (uint32_t) (parent + 1);
		root = parent < 0 ? stack->root : NULL;
		if (from < branch->depth)
		{
			close_branch(&ref, NULL, branch);
			extend(&ref, root, key, from, branch->depth);
		}
		else
			close_branch(&ref, root, branch);

		if (parent >= 0)
			branch_at(stack, (uint32_t) parent)->
				children[nibble_at(key, (uint32_t) parent)] = ref;
	}
}

/*
 * The position in key order of an ordered trie is not the index: rlp(0) is
 * 0x80, which sorts after rlp(127) and before rlp(128) = 0x8180.
 */
static uint32_t
ordered_index(uint32_t position, uint32_t count)
{
	uint32_t	small = count < 128 ? count : 128;	/* one-byte keys */

	if (position >= small)
		return position;
	return position == small - 1 ? 0 : position + 1;
}

/* Fill in the key and value of the item at `position`; false if unusable. */
static bool
source_item(Pending *item, const ItemSource *source, uint32_t position)
{
	if (source->values != NULL)
	{
		uint32_t	index = ordered_index(position, source->count);

		item->nibbles = 2 * (uint32_t) rlp_index_key(item->key, index);
		item->value = source->values[index];
	}
	else
	{
		const TrieItem *from = &source->items[position];

		if (from->key.len > TRIE_KEY_MAX)
			return false;
		if (from->key.len > 0)
			memcpy(item->key, from->key.data, from->key.len);
		item->nibbles = 2 * from->key.len;
		item->value = from->value;
	}
	return item->value.data != NULL && item->value.len > 0;
}

/*
 * How many nibbles two keys share; false when the second is not greater than
 * the first.
 */
static bool
shared_nibbles(int32_t *shared, const Pending *first, const Pending *second)
{
	uint32_t	i = 0;

	while (i < first->nibbles && i < second->nibbles &&
		   nibble_at(first->key, i) == nibble_at(second->key, i))
		i++;
	*shared = (int32_t) i;
	if (i == second->nibbles)
		return false;
	return i == first->nibbles ||
		nibble_at(first->key, i) < nibble_at(second->key, i);
}

/* Reference a batch of leaves; those that must be hashed in one call. */
static void
ref_leaves(NodeRef *refs, const TrieStack *stack, const Pending *batch,
		   uint32_t count)
{
	uint8_t		heads[LEAF_BATCH][TRIE_KEY_MAX + 3 + 2 * RLP_HEADER_MAX];
	uint8_t		hashes[LEAF_BATCH][32];
	KeccakInput inputs[LEAF_BATCH];
	uint32_t	owners[LEAF_BATCH];
	uint32_t	hashed = 0;

	for (uint32_t i = 0; i < count; i++)
	{
		const Pending *item = &batch[i];
		uint8_t		middle[TRIE_KEY_MAX + 3];
		size_t		len;
		NodeHead	head;

		if (item->is_branch_value)
			continue;
		len = put_path(middle, item->key, (uint32_t) (item->depth + 1),
					   item->nibbles, true);
		finish_head(&head, middle, len, &item->value);
		if (item->depth >= 0 &&
			ref_embedded(&refs[i], head.bytes, head.len, &item->value))
			continue;

		memcpy(heads[hashed], head.bytes, head.len);
		inputs[hashed].head = heads[hashed];
		inputs[hashed].head_len = head.len;
		inputs[hashed].data = item->value.data;
		inputs[hashed].data_len = item->value.len;
		owners[hashed++] = i;
	}

	keccak256_many(hashes[0], inputs, hashed);
	for (uint32_t i = 0; i < hashed; i++)
	{
		if (batch[owners[i]].depth < 0)
			memcpy(stack->root, hashes[i], 32); /* the only item */
		else
			ref_from_hash(&refs[owners[i]], hashes[i]);
	}
}

/* Put a batch of items into the stack, closing what they complete. */
static void
place_batch(TrieStack *stack, const Pending *batch, uint32_t count)
{
	NodeRef		refs[LEAF_BATCH];

	ref_leaves(refs, stack, batch, count);
	for (uint32_t i = 0; i < count; i++)
	{
		const Pending *item = &batch[i];

		if (item->depth >= 0)
		{
			Branch	   *branch = branch_at(stack, (uint32_t) item->depth);

			if (item->is_branch_value)
				branch->value = item->value;
			else
				branch->children[nibble_at(item->key,
										   (uint32_t) item->depth)] = refs[i];
		}
		close_below(stack, item->key, item->shared_next);
	}
}

/*
 * Take the next items, up to a batch, in the order of their keys.  `next`
 * holds the item after the last taken; `shared` what it shares with that.
 */
static bool
take_batch(Pending *batch, uint32_t *count, Pending *next, int32_t *shared,
		   ItemSource *source)
{
	uint32_t	n = 0;

	while (n < LEAF_BATCH && source->taken < source->count)
	{
		Pending    *item = &batch[n++];
		int32_t		shared_previous = *shared;

		*item = *next;
		source->taken++;
		*shared = -1;
		if (source->taken < source->count)
		{
			if (!source_item(next, source, source->taken) ||
				!shared_nibbles(shared, item, next))
				return false;
		}

		item->shared_next = *shared;
		item->depth = shared_previous > *shared ? shared_previous : *shared;
		item->is_branch_value = item->depth == (int32_t) item->nibbles;
	}
	*count = n;
	return true;
}

static bool
build(TrieStack *stack, ItemSource *source)
{
	Pending		batch[LEAF_BATCH];
	Pending		next;
	int32_t		shared = -1;
	uint32_t	count;

	if (source->count == 0)
	{
		memcpy(stack->root, trie_empty_root, 32);
		return true;
	}

	if (!source_item(&next, source, 0))
		return false;
	while (source->taken < source->count)
	{
		if (!take_batch(batch, &count, &next, &shared, source))
			return false;
		place_batch(stack, batch, count);
	}
	return true;
}

bool
trie_ordered_root(uint8_t *out32, const EvmBytes *values, uint32_t count)
{
	Branch		branches[2 * INDEX_KEY_MAX];
	TrieStack	stack = {branches, 0, out32};
	ItemSource	source = {values, NULL, count, 0};

	return build(&stack, &source);
}

bool
trie_root(uint8_t *out32, Arena *arena, const TrieItem *items,
		  uint32_t count)
{
	TrieStack	stack = {NULL, 0, out32};
	ItemSource	source = {NULL, items, count, 0};
	uint32_t	longest = 0;

	for (uint32_t i = 0; i < count; i++)
	{
		if (items[i].key.len > longest)
			longest = items[i].key.len;
	}
	if (longest > TRIE_KEY_MAX)
		return false;

	stack.branches = arena_alloc_array(arena, 2 * (size_t) longest + 1,
									   sizeof(Branch));
	return stack.branches != NULL && build(&stack, &source);
}
