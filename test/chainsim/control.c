/*-------------------------------------------------------------------------
 *
 * control.c
 *	  Changing the simulator while it runs: the head, faults, reorgs.
 *
 * A control message is one JSON object; its members are obeyed in the order
 * faults, lags, reorg, head, head_rate, shutdown.  README.md describes them.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* A reorg deeper than this is refused: every block of it is made anew. */
#define REORG_MAX_BLOCKS	10000

typedef struct Reorg
{
	int64_t		depth;
	int64_t		length;
	int64_t		branch;			/* -1: one that never was */
	bool		forget;
} Reorg;

static uint64_t
read_head(Sim *sim)
{
	uint64_t	head;

	pthread_rwlock_rdlock(&sim->chain.lock);
	head = sim->chain.head;
	pthread_rwlock_unlock(&sim->chain.lock);
	return head;
}

bool
control_move_head(Sim *sim, uint64_t number, const char **reason)
{
	SimChain   *chain = &sim->chain;
	uint64_t	end;
	bool		ok = true;

	pthread_mutex_lock(&sim->grow_lock);
	pthread_rwlock_rdlock(&chain->lock);
	end = chain_end(chain);
	pthread_rwlock_unlock(&chain->lock);
	if (number > end)
	{
		*reason = "the chain ends below that head";
		ok = sim->generator != NULL && sim->grow;
		if (ok && number - end > REORG_MAX_BLOCKS)
		{
			*reason = "too many blocks to make at once";
			ok = false;
		}
		else if (ok)
		{
			*reason = "memory for new blocks is full";
			ok = gen_extend(chain, sim->generator, chain->branch,
							number - end);
		}
	}
	if (ok)
	{
		pthread_rwlock_wrlock(&chain->lock);
		chain->head = number;
		pthread_rwlock_unlock(&chain->lock);
	}
	pthread_mutex_unlock(&sim->grow_lock);
	return ok;
}

/*
 * Replaces the last `depth` blocks by `length` others.  The head is set back
 * to the fork while the new blocks are made, and then jumps to their end.
 */
static const char *
do_reorg(Sim *sim, const Reorg *reorg)
{
	SimChain   *chain = &sim->chain;
	uint64_t	fork;
	bool		ok;

	if (sim->generator == NULL)
		return "a replayed chain has no other branch";
	if (reorg->depth < 1 || reorg->length < 0 ||
		reorg->length > REORG_MAX_BLOCKS || reorg->branch < -1)
		return "depth, length or seed out of range";
	pthread_mutex_lock(&sim->grow_lock);
	pthread_rwlock_wrlock(&chain->lock);
	if ((uint64_t) reorg->depth > chain->head)
	{
		pthread_rwlock_unlock(&chain->lock);
		pthread_mutex_unlock(&sim->grow_lock);
		return "the chain is not that deep";
	}
	fork = chain->head - (uint64_t) reorg->depth;
	chain_cut(chain, fork, reorg->forget);
	chain->head = fork;
	chain->branch = reorg->branch >= 0 ? (uint64_t) reorg->branch :
		chain->last_branch + 1;
	if (chain->branch > chain->last_branch)
		chain->last_branch = chain->branch;
	pthread_rwlock_unlock(&chain->lock);
	ok = gen_extend(chain, sim->generator, chain->branch,
					(uint64_t) reorg->length);
	pthread_rwlock_wrlock(&chain->lock);
	chain->head = chain_end(chain);
	pthread_rwlock_unlock(&chain->lock);
	pthread_mutex_unlock(&sim->grow_lock);
	return ok ? NULL : "memory for new blocks is full";
}

/* An integer member; false when it is there and is none. */
static bool
get_integer(struct json_object *object, const char *name, int64_t *value,
			bool *given)
{
	struct json_object *member;

	*given = json_object_object_get_ex(object, name, &member);
	if (!*given)
		return true;
	if (!json_object_is_type(member, json_type_int))
		return false;
	*value = json_object_get_int64(member);
	return true;
}

static const char *
apply_reorg(Sim *sim, struct json_object *message)
{
	struct json_object *object;
	struct json_object *forget;
	Reorg		reorg = {.branch = -1};
	bool		given;
	bool		has_length;

	if (!json_object_object_get_ex(message, "reorg", &object))
		return NULL;
	if (!get_integer(object, "depth", &reorg.depth, &given) || !given ||
		!get_integer(object, "length", &reorg.length, &has_length) ||
		!get_integer(object, "seed", &reorg.branch, &given))
		return "reorg needs depth, and takes length, seed and forget";
	if (!has_length)
		reorg.length = reorg.depth;
	if (json_object_object_get_ex(object, "forget", &forget))
		reorg.forget = json_object_get_boolean(forget);
	return do_reorg(sim, &reorg);
}

/* fault with arg, method, count and p; null takes all faults away. */
static const char *
apply_fault(Sim *sim, struct json_object *message)
{
	struct json_object *name;
	struct json_object *member;
	const char *reason = NULL;
	Fault		fault;
	Buf			text = {0};
	bool		ok;
	bool		given;

	if (!json_object_object_get_ex(message, "fault", &name))
		return NULL;
	if (name == NULL)
	{
		fault_clear(&sim->faults);
		return NULL;
	}
	buf_puts(&text, json_object_get_string(name));
	if (json_object_object_get_ex(message, "arg", &member))
		buf_printf(&text, ":%s", json_object_get_string(member));
	buf_append(&text, "", 1);
	ok = fault_parse(&fault, text.data, &reason);
	buf_free(&text);
	if (!ok)
		return reason;
	if (json_object_object_get_ex(message, "method", &member) &&
		member != NULL)
		snprintf(fault.method, sizeof(fault.method), "%s",
				 json_object_get_string(member));
	if (json_object_object_get_ex(message, "p", &member))
		fault.probability = json_object_get_double(member);
	if (!get_integer(message, "count", &fault.count, &given) ||
		(given && fault.count < 1))
		return "count must be a positive number";
	return fault_add(&sim->faults, &fault) ? NULL : "too many faults";
}

static const char *
apply_lags(Sim *sim, struct json_object *message)
{
	int64_t		safe = -1;
	int64_t		finalized = -1;
	bool		has_safe;
	bool		has_finalized;

	if (!get_integer(message, "safe_lag", &safe, &has_safe) ||
		!get_integer(message, "finalized_lag", &finalized, &has_finalized))
		return "a lag must be a number";
	pthread_rwlock_wrlock(&sim->chain.lock);
	if (has_safe)
		sim->chain.safe_lag = safe;
	if (has_finalized)
		sim->chain.finalized_lag = finalized;
	pthread_rwlock_unlock(&sim->chain.lock);
	return NULL;
}

static const char *
apply_head(Sim *sim, struct json_object *message)
{
	struct json_object *rate;
	const char *reason;
	int64_t		head = -1;
	bool		given;

	if (!get_integer(message, "head", &head, &given) || (given && head < 0))
		return "head must be a block number";
	if (given && !control_move_head(sim, (uint64_t) head, &reason))
		return reason;
	if (json_object_object_get_ex(message, "head_rate", &rate))
	{
		pthread_rwlock_wrlock(&sim->chain.lock);
		sim->head_rate = json_object_get_double(rate);
		pthread_rwlock_unlock(&sim->chain.lock);
	}
	return NULL;
}

static bool
is_known(const char *name)
{
	static const char *const names[] = {
		"fault", "arg", "method", "count", "p", "safe_lag", "finalized_lag",
		"reorg", "head", "head_rate", "shutdown"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static const char *
apply_message(Sim *sim, struct json_object *message)
{
	struct json_object_iterator member;
	struct json_object_iterator end;
	struct json_object *stop;
	const char *reason;

	if (!json_object_is_type(message, json_type_object))
		return "not a JSON object";
	end = json_object_iter_end(message);
	for (member = json_object_iter_begin(message);
		 !json_object_iter_equal(&member, &end);
		 json_object_iter_next(&member))
	{
		if (!is_known(json_object_iter_peek_name(&member)))
			return "unknown member";
	}
	reason = apply_fault(sim, message);
	if (reason == NULL)
		reason = apply_lags(sim, message);
	if (reason == NULL)
		reason = apply_reorg(sim, message);
	if (reason == NULL)
		reason = apply_head(sim, message);
	if (reason == NULL &&
		json_object_object_get_ex(message, "shutdown", &stop) &&
		json_object_get_boolean(stop))
		__atomic_store_n(&sim->shutdown, true, __ATOMIC_RELEASE);
	return reason;
}

int
control_apply(Reply *answer, Sim *sim, const char *body, size_t len)
{
	char	   *text = sim_strndup(body, len);
	struct json_object *message = json_tokener_parse(text);
	const char *reason = apply_message(sim, message);
	Buf			hash = {0};
	uint32_t	index;

	free(text);
	json_object_put(message);
	if (reason != NULL)
	{
		reply_printf(answer, "{\"ok\":false,\"error\":\"%s\"}\n", reason);
		return 400;
	}
	pthread_rwlock_rdlock(&sim->chain.lock);
	index = chain_find_below(&sim->chain, sim->chain.head);
	if (index != CHAIN_NONE)
		buf_hex(&hash, sim->chain.blocks[index].hash, 32);
	buf_append(&hash, "", 1);
	reply_printf(answer,
				 "{\"ok\":true,\"head\":%" PRIu64 ",\"hash\":\"%s\"}\n",
				 sim->chain.head, hash.data);
	pthread_rwlock_unlock(&sim->chain.lock);
	buf_free(&hash);
	return 200;
}

void
control_stats(Reply *answer, Sim *sim)
{
	SimStats   *stats = &sim->stats;
	uint64_t	head = read_head(sim);

	pthread_mutex_lock(&sim->faults.lock);
	reply_printf(answer, "{\"head\":%" PRIu64 ",\"faults\":[", head);
	for (int i = 0; i < sim->faults.count; i++)
		reply_printf(answer, "%s\"%s\"", i > 0 ? "," : "",
					 fault_name(sim->faults.faults[i].kind));
	reply_printf(answer, "],\"faults_struck\":%" PRIu64, sim->faults.struck);
	pthread_mutex_unlock(&sim->faults.lock);
	reply_printf(answer, ",\"connections\":%" PRIu64 ",\"requests\":%" PRIu64
				 ",\"batches\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"methods\":{",
				 sim_counted(stats->connections), sim_counted(stats->requests),
				 sim_counted(stats->batches), sim_counted(stats->bytes));
	for (int i = 0; i < METHOD_COUNT; i++)
		reply_printf(answer, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
					 method_name((SimMethod) i), sim_counted(stats->calls[i]));
	reply_puts(answer, "}}\n");
}
