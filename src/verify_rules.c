/*-------------------------------------------------------------------------
 *
 * verify_rules.c
 *	  What is known of chains: forks, blob schedules, families.
 *
 * Block numbers and times are those of go-ethereum's chain configurations;
 * the blob fractions those of EIP-4844, EIP-7691 and EIP-7892.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "verify.h"

#define AT_BLOCK(n)	{VERIFY_WHEN_BLOCK, n}
#define AT_TIME(n)	{VERIFY_WHEN_TIME, n}
#define UNKNOWN		{VERIFY_WHEN_UNKNOWN, 0}

#define FRACTION_CANCUN	3338477
#define FRACTION_PRAGUE	5007716
#define FRACTION_BPO1	8346193
#define FRACTION_BPO2	11684671

static const VerifyBlobFraction mainnet_blobs[] = {
	{1710338135, FRACTION_CANCUN},
	{1746612311, FRACTION_PRAGUE},
	{1765290071, FRACTION_BPO1},
	{1767747671, FRACTION_BPO2}
};

static const VerifyBlobFraction sepolia_blobs[] = {
	{1706655072, FRACTION_CANCUN},
	{1741159776, FRACTION_PRAGUE},
	{1761017184, FRACTION_BPO1},
	{1761607008, FRACTION_BPO2}
};

static const VerifyBlobFraction hoodi_blobs[] = {
	{0, FRACTION_CANCUN},
	{1742999832, FRACTION_PRAGUE},
	{1762365720, FRACTION_BPO1},
	{1762955544, FRACTION_BPO2}
};

#define BLOBS(schedule)	schedule, sizeof(schedule) / sizeof((schedule)[0])

/* A rollup: its receipts have had a status from the first. */
#define ROLLUP(chain_id, name, family) \
	{chain_id, name, family, \
		{AT_BLOCK(0), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN}, \
		NULL, 0}

static const VerifyChain known_chains[] = {
	{1, "mainnet", VERIFY_ETHEREUM,
		{AT_BLOCK(4370000), AT_BLOCK(12965000), AT_TIME(1681338455),
		AT_TIME(1710338135), AT_TIME(1746612311), UNKNOWN},
	BLOBS(mainnet_blobs)},
	{11155111, "sepolia", VERIFY_ETHEREUM,
		{AT_BLOCK(0), AT_BLOCK(0), AT_TIME(1677557088),
		AT_TIME(1706655072), AT_TIME(1741159776), AT_TIME(1791294816)},
	BLOBS(sepolia_blobs)},
	{560048, "hoodi", VERIFY_ETHEREUM,
		{AT_BLOCK(0), AT_BLOCK(0), AT_TIME(0), AT_TIME(0),
		AT_TIME(1742999832), UNKNOWN},
	BLOBS(hoodi_blobs)},
	ROLLUP(8453, "base", VERIFY_OP_STACK),
	ROLLUP(84532, "base-sepolia", VERIFY_OP_STACK),
	ROLLUP(11155420, "optimism-sepolia", VERIFY_OP_STACK),
	/* these two began before Bedrock and Nitro, under other rules */
	{10, "optimism", VERIFY_OP_STACK, {UNKNOWN}, NULL, 0},
	{42161, "arbitrum", VERIFY_ARBITRUM, {UNKNOWN}, NULL, 0},
	ROLLUP(42170, "arbitrum-nova", VERIFY_ARBITRUM),
	ROLLUP(421614, "arbitrum-sepolia", VERIFY_ARBITRUM)
};

const VerifyChain *
verify_known_chains(size_t *count)
{
	*count = sizeof(known_chains) / sizeof(known_chains[0]);
	return known_chains;
}

bool
verify_rules_init(VerifyRules *rules, uint64_t chain_id)
{
	size_t		count;
	const VerifyChain *chains = verify_known_chains(&count);

	memset(rules, 0, sizeof(*rules));
	rules->verify_senders = true;
	for (size_t i = 0; i < count; i++)
	{
		if (chains[i].chain_id != chain_id)
			continue;
		rules->family = chains[i].family;
		memcpy(rules->forks, chains[i].forks, sizeof(rules->forks));
		rules->blob_schedule = chains[i].blob_schedule;
		rules->blob_schedule_count = chains[i].blob_schedule_count;
		return true;
	}
	return false;
}

int
verify_fork_active(const VerifyRules *rules, VerifyFork fork, uint64_t number,
				   uint64_t timestamp)
{
	const VerifyActivation *activation = &rules->forks[fork];

	switch (activation->when)
	{
		case VERIFY_WHEN_UNKNOWN:
			break;
		case VERIFY_WHEN_BLOCK:
			return number >= activation->at ? 1 : 0;
		case VERIFY_WHEN_TIME:
			return timestamp >= activation->at ? 1 : 0;
		case VERIFY_WHEN_NEVER:
			return 0;
	}
	return -1;
}
