/*-------------------------------------------------------------------------
 *
 * test_verify_mutation.c
 *	  A lying node: one member of a recorded block changed, left out or
 *	  added, one thing dropped, doubled or exchanged at a time.  Each must be
 *	  refused, by a check that is named in verify_mutate.h or here.
 *
 *-------------------------------------------------------------------------
 */
#include "verify_mutate.h"

/* Blocks with more transactions are too slow to prove thousands of times. */
#define TRANSACTIONS_MAX	60

/* Items of a kind that are mutated in one block: first, middle, last. */
#define ITEMS	3

static unsigned long blocks_seen;
static Arena reference_arena;

/* The indexes to mutate of `count` items; returns how many. */
static int
pick(uint32_t *indexes, uint32_t count)
{
	if (count <= ITEMS)
	{
		for (uint32_t i = 0; i < count; i++)
			indexes[i] = i;
		return (int) count;
	}
	indexes[0] = 0;
	indexes[1] = count / 2;
	indexes[2] = count - 1;
	return ITEMS;
}

static void
swap_transactions(uint32_t a, uint32_t b)
{
	EvmTransaction tx = block->transactions[a];

	block->transactions[a] = block->transactions[b];
	block->transactions[b] = tx;
}

static void
swap_receipts(uint32_t a, uint32_t b)
{
	EvmReceipt	receipt = block->receipts[a];

	block->receipts[a] = block->receipts[b];
	block->receipts[b] = receipt;
}

/* What says where a transaction and its receipt stand, as a liar would. */
static void
renumber(void)
{
	uint64_t	log_index = 0;

	for (uint32_t i = 0; i < block->transaction_count; i++)
	{
		EvmReceipt *receipt = &block->receipts[i];

		block->transactions[i].transaction_index = i;
		receipt->transaction_index = i;
		receipt->transaction_hash = block->transactions[i].hash;
		for (uint32_t j = 0; j < receipt->log_count; j++)
		{
			receipt->logs[j].log_index = log_index++;
			receipt->logs[j].transaction_index = i;
			receipt->logs[j].transaction_hash = block->transactions[i].hash;
		}
	}
}

/*
 * Exchange two transactions with their receipts; the receipts alone; and the
 * receipts with everything that could give it away set right.
 */
static void
mutate_order(void)
{
	uint32_t	a = 0;
	uint32_t	b = block->transaction_count - 1;

	swap_transactions(a, b);
	expect_refusal("exchange two transactions", P, block->number);
	swap_receipts(a, b);
	expect_refusal("exchange them with their receipts", P, block->number);
	renumber();
	expect_refusal("exchange them and number them anew", TR, block->number);
	swap_transactions(a, b);
	swap_receipts(a, b);
	renumber();

	swap_receipts(a, b);
	expect_refusal("exchange two receipts", P, block->number);
	swap_receipts(a, b);
}

/* Drop the last transaction, or double it. */
static void
mutate_count(void)
{
	uint32_t	count = block->transaction_count;
	EvmTransaction *transactions = block->transactions;
	EvmReceipt *receipts = block->receipts;
	size_t		tx_size = sizeof(EvmTransaction);

	block->transaction_count = count - 1;
	expect_refusal("drop a transaction", P, block->number);
	block->receipt_count = count - 1;
	expect_refusal("drop a transaction and its receipt", TR, block->number);
	block->transaction_count = count;
	expect_refusal("drop a receipt", P, block->number);
	block->receipt_count = count;

	block->transactions = malloc((count + 1) * tx_size);
	block->receipts = malloc((count + 1) * sizeof(EvmReceipt));
	memcpy(block->transactions, transactions, count * tx_size);
	memcpy(block->receipts, receipts, count * sizeof(EvmReceipt));
	block->transactions[count] = transactions[count - 1];
	block->transactions[count].transaction_index = count;
	block->receipts[count] = receipts[count - 1];
	block->receipts[count].transaction_index = count;
	block->receipts[count].log_count = 0;
	block->transaction_count = count + 1;
	expect_refusal("add a transaction", P, block->number);
	block->receipt_count = count + 1;
	expect_refusal("add a transaction and a receipt", TR, block->number);
	free(block->transactions);
	free(block->receipts);
	block->transactions = transactions;
	block->receipts = receipts;
	block->transaction_count = count;
	block->receipt_count = count;
}

/* A type nobody knows, and the types of other chains. */
static void
mutate_types(uint32_t index)
{
	static const uint64_t types[] = {
		0x05, 0x55, 0x64, 0x6a, 0x7e, 0x7f, 0x80, 0xff, 0x100, UINT64_MAX
	};
	EvmTransaction *tx = &block->transactions[index];
	EvmReceipt *receipt = &block->receipts[index];
	uint64_t	type = tx->type;
	uint64_t	receipt_type = receipt->type;

	for (size_t i = 0; i < COUNT(types); i++)
	{
		if (types[i] == type)
			continue;
		tx->type = types[i];
		receipt->type = types[i];
		expect_refusal("an unknown type", TH, block->number);
		receipt->type = receipt_type;
		expect_refusal("a type that is not the receipt's", P | TH,
					   block->number);
	}
	tx->type = type;
}

/* What lists within a transaction hold. */
static void
mutate_lists(uint32_t index)
{
	static uint8_t altered[32];
	EvmTransaction *tx = &block->transactions[index];
	const uint8_t *kept;

	if (tx->access_count > 0)
	{
		EvmAccess  *access = &tx->access_list[tx->access_count - 1];

		kept = access->address;
		memcpy(altered, kept, 20);
		altered[3] ^= 1;
		access->address = altered;
		expect_refusal("change an access list's address", TH, block->number);
		access->address = kept;
		tx->access_count--;
		expect_refusal("drop of an access list", TH, block->number);
		tx->access_count++;
		if (access->storage_key_count > 0)
		{
			access->storage_key_count--;
			expect_refusal("drop a storage key", TH, block->number);
			access->storage_key_count++;
		}
	}
	if (tx->blob_versioned_hash_count > 0)
	{
		kept = tx->blob_versioned_hashes[0];
		memcpy(altered, kept, 32);
		altered[31] ^= 1;
		tx->blob_versioned_hashes[0] = altered;
		expect_refusal("change a blob's hash", TH, block->number);
		tx->blob_versioned_hashes[0] = kept;
		tx->blob_versioned_hash_count--;
		expect_refusal("drop a blob's hash", TH, block->number);
		tx->blob_versioned_hash_count++;
	}
	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		EvmAuthorization *item = &tx->authorization_list[i];
		Uint256    *numbers[] = {
			&item->chain_id, &item->nonce, &item->y_parity, &item->r, &item->s
		};

		for (size_t j = 0; j < COUNT(numbers); j++)
		{
			numbers[j]->word[0] ^= 1;
			expect_refusal("change an authorization", TH, block->number);
			numbers[j]->word[0] ^= 1;
		}
	}
}

/* Chain-specific members: of a deposit changed, of another type added. */
static void
mutate_extras(EvmExtras *extras, uint32_t checks)
{
	static EvmExtra invented = {"mint", "\"0x1\"", 5};
	EvmExtras	kept = *extras;

	for (uint32_t i = 0; i < kept.count; i++)
	{
		EvmExtra   *item = &kept.items[i];
		EvmExtra	saved = *item;
		char	   *text = malloc(saved.json_len);

		memcpy(text, saved.json, saved.json_len);
		if (text[0] == '"')
			text[saved.json_len - 2] = text[saved.json_len - 2] == '1' ?
				'2' : '1';
		else
		{
			item->json_len = 4;
			memcpy(text, "true", 4);
		}
		item->json = text;
		expect_refusal(saved.name, checks, block->number);
		*item = saved;
		free(text);
	}
	if (kept.count == 0)
	{
		extras->items = &invented;
		extras->count = 1;
		expect_refusal("add a chain-specific member", checks, block->number);
	}
	*extras = kept;
}

static void
mutate_transactions(void)
{
	uint32_t	indexes[ITEMS];
	int			n = pick(indexes, block->transaction_count);

	for (int i = 0; i < n; i++)
	{
		EvmTransaction *tx = &block->transactions[indexes[i]];
		EvmTransaction type = *tx;

		if ((type.present & EVM_TX_TYPE) == 0)
			type.type = 0;
		MUTATE(tx, transaction_fields, &type, NULL, NULL);
		mutate_types(indexes[i]);
		mutate_lists(indexes[i]);
		mutate_extras(&tx->extra, TH);
	}
	mutate_count();
	if (block->transaction_count > 1)
		mutate_order();
}

/* Logs of a receipt dropped, doubled, reordered, moved to another. */
static void
mutate_log_lists(uint32_t index)
{
	EvmReceipt *receipt = &block->receipts[index];
	EvmReceipt	kept = *receipt;
	EvmLog	   *logs = malloc((kept.log_count + 1) * sizeof(EvmLog));
	uint32_t	other = (index + 1) % block->receipt_count;

	memcpy(logs, kept.logs, kept.log_count * sizeof(EvmLog));
	receipt->log_count--;
	renumber();
	expect_refusal("drop a log", LB | RR, block->number);
	receipt->logs = logs;
	receipt->log_count = kept.log_count + 1;
	logs[kept.log_count] = logs[0];
	renumber();
	expect_refusal("double a log", RR, block->number);
	receipt->log_count = kept.log_count;
	if (kept.log_count > 1)
	{
		EvmLog		first = logs[0];

		memmove(logs, logs + 1, (kept.log_count - 1) * sizeof(EvmLog));
		logs[kept.log_count - 1] = first;
		expect_refusal("reorder logs", P, block->number);
		renumber();
		expect_refusal("reorder logs and number them anew", RR | LB,
					   block->number);
	}
	if (block->receipts[other].log_count != kept.log_count)
	{
		EvmReceipt	target = block->receipts[other];

		block->receipts[other].logs = kept.logs;
		block->receipts[other].log_count = kept.log_count;
		receipt->logs = target.logs;
		receipt->log_count = target.log_count;
		renumber();
		expect_refusal("move logs to another receipt", LB | RR,
					   block->number);
		block->receipts[other] = target;
	}
	*receipt = kept;
	renumber();
	free(logs);
}

static void
mutate_receipts(void)
{
	uint32_t	indexes[ITEMS];
	uint32_t	log_indexes[ITEMS];
	int			n = pick(indexes, block->receipt_count);

	for (int i = 0; i < n; i++)
	{
		EvmTransaction *tx = &block->transactions[indexes[i]];
		EvmReceipt *receipt = &block->receipts[indexes[i]];
		EvmReceipt	before = *receipt;
		EvmTransaction type = *tx;
		int			logs = pick(log_indexes, receipt->log_count);

		/* numbering anew has exchanged pointers to equal bytes */
		normalised_copy(&reference, &reference_arena);
		MUTATE(receipt, receipt_fields, &type, &before, NULL);
		mutate_extras(&receipt->extra, TH | RR | SF);
		for (int j = 0; j < logs; j++)
		{
			EvmLog	   *log = &receipt->logs[log_indexes[j]];

			MUTATE(log, log_fields, &type, &before, log);
			if (log->topic_count > 0)
			{
				log->topic_count--;
				expect_refusal("drop a topic", LB | RR, block->number);
				log->topic_count++;
			}
		}
		if (receipt->log_count > 0)
			mutate_log_lists(indexes[i]);
	}
}

static void
mutate_withdrawals(void)
{
	static EvmWithdrawal invented = {1, 2, 3, some_bytes};
	uint32_t	indexes[ITEMS];
	int			n = pick(indexes, block->withdrawal_count);
	EvmWithdrawal *list = block->withdrawals;

	for (int i = 0; i < n; i++)
		MUTATE(&list[indexes[i]], withdrawal_fields, NULL, NULL, NULL);
	if (n > 0)
	{
		block->withdrawal_count--;
		expect_refusal("drop a withdrawal", W, block->number);
		block->withdrawal_count++;
	}
	if (n > 1)
	{
		EvmWithdrawal first = list[0];

		list[0] = list[1];
		list[1] = first;
		expect_refusal("exchange withdrawals", W | P, block->number);
		list[1] = list[0];
		list[0] = first;
	}
	if (n == 0)
	{
		block->withdrawals = &invented;
		block->withdrawal_count = 1;
		block->present |= EVM_BLOCK_WITHDRAWALS;
		expect_refusal("add a withdrawal", W, block->number);
		block->withdrawals = list;
		block->withdrawal_count = 0;
		block->present = reference.present;
	}
}

static void
mutate_uncles(void)
{
	const uint8_t *invented[] = {some_bytes};
	const uint8_t **uncles = block->uncles;
	uint32_t	count = block->uncle_count;

	block->uncles = invented;
	block->uncle_count = count == 0 ? 1 : 0;
	block->present |= EVM_BLOCK_UNCLES;
	expect_refusal("add an uncle or drop them", U, block->number);
	block->uncles = uncles;
	block->uncle_count = count;
}

/*
 * Receipts of another block, as they are, and then with everything that says
 * whose they are set right.
 */
static void
mutate_receipts_block(const EvmBlock *other)
{
	EvmReceipt *receipts = block->receipts;
	uint32_t	count = block->receipt_count;
	bool		differ = false;

	if (other->receipt_count < count)
		return;
	block->receipts = malloc(count * sizeof(EvmReceipt));
	memcpy(block->receipts, other->receipts, count * sizeof(EvmReceipt));
	expect_refusal("receipts of another block", P, block->number);
	for (uint32_t i = 0; i < count; i++)
	{
		EvmReceipt *receipt = &block->receipts[i];

		differ |= receipt->cumulative_gas_used !=
			receipts[i].cumulative_gas_used;
		receipt->block_hash = receipts[i].block_hash;
		receipt->block_number = receipts[i].block_number;
		receipt->transaction_hash = receipts[i].transaction_hash;
		receipt->from = receipts[i].from;
		receipt->to = receipts[i].to;
		receipt->type = receipts[i].type;
		receipt->log_count = 0;
	}
	if (differ)
		expect_refusal("receipts of another block, set right",
					   LB | RR | SF | TH, block->number);
	free(block->receipts);
	block->receipts = receipts;
}

static void
mutate_whole(void)
{
	expect_refusal("a block of another number", H, block->number + 1);
	expect_refusal("a block of another number", H, block->number - 1);
}

static void
mutate_block(json_object *entry)
{
	static VerifyCorpusBlock before;
	VerifyCorpusBlock recorded;
	VerifyResult result;
	EvmBlock	copy;
	uint64_t	chain_id = (uint64_t)
	json_object_get_int64(corpus_get(entry, "chain_id"));

	if (!verify_corpus_parse(&recorded, corpus_read(file)))
		corpus_die("cannot read", file);
	block = &recorded.block;
	verify_corpus_rules(&rules, &skip, corpus_string(entry, "chain"),
						chain_id, true);
	normalised_copy(&reference, &reference_arena);
	if (CHECK_SAY(prove(&result, &copy, block->number) == VERIFY_PASSED,
				  file))
	{
		MUTATE(block, block_fields, NULL, NULL, NULL);
		mutate_whole();
		mutate_withdrawals();
		mutate_uncles();
		if (block->transaction_count > 0)
		{
			mutate_transactions();
			mutate_receipts();
			mutate_receipts_block(&before.block);
		}
		/* everything was put back */
		CHECK_SAY(prove(&result, &copy, block->number) == VERIFY_PASSED,
				  file);
		blocks_seen++;
	}
	if (recorded.block.transaction_count == 0)
	{
		verify_corpus_free(&recorded);
		return;
	}
	verify_corpus_free(&before);
	before = recorded;
}

/* Some blocks of every chain that needs no quirks, of all eras. */
static void
consider(json_object *entry)
{
	static unsigned long hive;
	const char *chain = corpus_string(entry, "chain");
	int64_t		txs = json_object_get_int64(corpus_get(entry, "txs"));

	file = corpus_string(entry, "file");
	if (strcmp(corpus_string(entry, "class"), "verified") != 0 ||
		!json_object_get_boolean(corpus_get(entry, "has_receipts")) ||
		txs > TRANSACTIONS_MAX || strcmp(chain, "fantom") == 0 ||
		strcmp(chain, "poa-core") == 0 || strcmp(chain, "ropsten") == 0)
		return;
	if (strcmp(chain, "hive-geth") == 0 && hive++ % 20 != 0)
		return;
	mutate_block(entry);
}

int
main(void)
{
	if (corpus_absent("test_verify_mutation"))
		return 0;
	context = malloc(sizeof(*context));
	verify_context_init(context, secp256k1_context_static, 0);
	corpus_lines("manifest.jsonl", consider);
	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
		printf("%8lu refused by %s\n", by_check[i],
			   verify_check_name(1u << i));
	printf("%lu blocks: %lu mutations refused, %lu that change nothing, "
		   "%lu of what nothing proves\n", blocks_seen, refused, same,
		   unproven);
	CHECK(refused > 2000);
	CHECK(same > 0 && unproven > 0);
	for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
		CHECK_SAY(by_check[i] > 0, verify_check_name(1u << i));
	verify_context_destroy(context);
	free(context);
	return unit_summary("test_verify_mutation");
}
