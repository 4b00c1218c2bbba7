/*-------------------------------------------------------------------------
 *
 * identity.h
 *	  As whom a statement is planned and run.
 *
 * What touches schema chainsync runs as the extension's owner; what touches a
 * chain's tables runs as their owner.  Either way under
 * SECURITY_RESTRICTED_OPERATION and in a GUC nest level of its own, so that
 * neither the role nor a setting outlives the switch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_IDENTITY_H
#define CHAINSYNC_IDENTITY_H

#define CHAINSYNC_EXTENSION "chainsync"
#define CHAINSYNC_SCHEMA "chainsync"

typedef struct Identity
{
	Oid			user;
	int			sec_context;
	int			nest_level;
} Identity;

/* Becomes `role` with search_path pinned; remembers in *saved who we were. */
extern void identity_become(Identity *saved, Oid role);

/* Back to what *saved remembers, settings included. */
extern void identity_restore(const Identity *saved);

/*
 * Oid and owner of the extension; returns InvalidOid when it does not exist
 * and missing_ok.
 */
extern Oid	identity_extension(Oid *owner, bool missing_ok);

/* Becomes the extension's owner. */
extern void identity_become_extension_owner(Identity *saved);

/* SPI_connect and SPI_finish; an error when they fail. */
extern void identity_spi_connect(void);
extern void identity_spi_finish(void);

#endif							/* CHAINSYNC_IDENTITY_H */
