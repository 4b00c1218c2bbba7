/*-------------------------------------------------------------------------
 *
 * alter.h
 *	  Results that are not what is stored.
 *
 * What stays as it is is referred to, not copied, as in reply.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSIM_ALTER_H
#define CHAINSIM_ALTER_H

#include "fault.h"
#include "reply.h"

/* A block whose hash in `member` has another last digit. */
extern void alter_hash(Reply *reply, const Slice *json, const char *member);

/* A block with its transactions' hashes only. */
extern void alter_to_hashes(Reply *reply, const Slice *json);

/* All receipts but the last. */
extern void alter_to_short(Reply *reply, const Slice *receipts);

/*
 * Does set:MEMBER#K=JSON or duplicate:MEMBER#K to a finished result; nothing
 * when there is no such member.
 */
extern void alter_member(Reply *result, const Fault *fault);

#endif							/* CHAINSIM_ALTER_H */
