/*-------------------------------------------------------------------------
 *
 * verify_corpus.h
 *	  Recorded blocks for the tests of verify.h: read by our own parser, with
 *	  the rules of their chain and the quirks that the chain needs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VERIFY_CORPUS_H
#define VERIFY_CORPUS_H

#include "block_json.h"
#include "corpus.h"
#include "verify.h"

/* What no recorded block of a chain shows in Ethereum's way. */
typedef struct CorpusQuirk
{
	const char *chain;
	uint32_t	checks;
	const char *reason;
} CorpusQuirk;

static UNUSED_OK const CorpusQuirk corpus_quirks[] = {
	{"cronos", VERIFY_HEADER_HASH | VERIFY_POSITIONS |
		VERIFY_TRANSACTIONS_ROOT | VERIFY_RECEIPTS_ROOT | VERIFY_LOGS_BLOOM |
		VERIFY_EFFECTIVE_GAS_PRICE | VERIFY_SIZE,
	"Ethermint makes headers and roots of its own, early ones no receipts"},
	{"fantom", VERIFY_RECEIPTS_ROOT | VERIFY_RECEIPT_GAS,
	"Opera's headers have no receipts root and count no gas"},
	{"poa-core", VERIFY_HEADER_HASH | VERIFY_UNCLES |
		VERIFY_EFFECTIVE_GAS_PRICE,
	"Aura's header has step and signature; the recording names an uncle"},
	{"ropsten", VERIFY_EFFECTIVE_GAS_PRICE,
	"recorded from a node that did not give it"},
	{"stable", VERIFY_HEADER_HASH | VERIFY_SENDER | VERIFY_SIGNATURE_FIELDS,
	"CometBFT's hash; system transactions without a signature"},
	{"stable-testnet", VERIFY_HEADER_HASH | VERIFY_POSITIONS | VERIFY_SENDER |
		VERIFY_TRANSACTION_HASH | VERIFY_TRANSACTIONS_ROOT |
		VERIFY_SIGNATURE_FIELDS,
	"CometBFT's hash; a transaction type of its own"},
	{"tempo-mainnet", VERIFY_HEADER_HASH | VERIFY_TRANSACTION_HASH |
		VERIFY_TRANSACTIONS_ROOT | VERIFY_SENDER | VERIFY_SIGNATURE_FIELDS |
		VERIFY_CONTRACT_ADDRESS | VERIFY_POSITIONS,
	"header members and a transaction type (0x76) of its own"},
	{"tempoModerato", VERIFY_HEADER_HASH | VERIFY_SENDER | VERIFY_SIZE,
	"header members of its own, a system transaction without a signature"}
};

/* A block as read by the parser; release it with verify_corpus_free. */
typedef struct VerifyCorpusBlock
{
	char	   *text;
	Arena		arena;
	EvmBlock	block;
	bool		has_receipts;
	JsonError	error;
} VerifyCorpusBlock;

static UNUSED_OK void
verify_corpus_free(VerifyCorpusBlock *recorded)
{
	free(recorded->text);
	arena_destroy(&recorded->arena);
}

/*
 * Reads {"block": ..., "receipts": ...}; takes the text over.  False when the
 * parser refuses it.
 */
static UNUSED_OK bool
verify_corpus_parse(VerifyCorpusBlock *recorded, char *text)
{
	JsonScanner scanner;
	JsonSlice	name;
	bool		is_null = false;
	bool		more;

	memset(recorded, 0, sizeof(*recorded));
	recorded->text = text;
	arena_init(&recorded->arena, 0);
	json_init(&scanner, text, strlen(text));
	more = json_object_first(&scanner, &name);
	while (more)
	{
		if (json_slice_is(&name, "block"))
			(void) block_json_read_block(&scanner, &recorded->arena,
										 &recorded->block, &is_null);
		else if (json_slice_is(&name, "receipts"))
		{
			EvmReceipt *receipts;
			uint32_t	count;

			if (block_json_read_receipts(&scanner, &recorded->arena,
										 &receipts, &count, &is_null))
			{
				recorded->block.receipts = receipts;
				recorded->block.receipt_count = count;
				recorded->has_receipts = !is_null;
			}
		}
		else
			(void) json_skip_value(&scanner, NULL);
		more = json_object_next(&scanner, &name);
	}
	recorded->error = scanner.error;
	return scanner.error.status == JSON_OK;
}

/* The rules of a chain of the corpus; `skip` is where its quirks go. */
static UNUSED_OK void
verify_corpus_rules(VerifyRules *rules, VerifySkip *skip, const char *chain,
					uint64_t chain_id, bool has_receipts)
{
	verify_rules_init(rules, chain_id);
	memset(skip, 0, sizeof(*skip));
	skip->to_block = UINT64_MAX;
	for (size_t i = 0; i < sizeof(corpus_quirks) / sizeof(corpus_quirks[0]);
		 i++)
	{
		if (strcmp(corpus_quirks[i].chain, chain) == 0)
			skip->checks = corpus_quirks[i].checks;
	}
	if (!has_receipts)
		skip->checks |= VERIFY_RECEIPT_CHECKS | VERIFY_POSITIONS;
	rules->skips = skip;
	rules->skip_count = skip->checks != 0 ? 1 : 0;
}

static UNUSED_OK void
verify_corpus_print(const VerifyResult *result)
{
	for (uint32_t i = 0; i < result->failure_count; i++)
		printf("\t%s %s: %s\n\t\texpected %s\n\t\tfound    %s\n",
			   verify_check_name(result->failures[i].check),
			   result->failures[i].lacking ? "lacks" : "fails",
			   result->failures[i].message, result->failures[i].expected,
			   result->failures[i].found);
}

#endif							/* VERIFY_CORPUS_H */
