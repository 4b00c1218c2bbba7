/*-------------------------------------------------------------------------
 *
 * address.h
 *	  What kind of network an address belongs to.
 *
 * Pure: knows nothing of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHAINSYNC_ADDRESS_H
#define CHAINSYNC_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum AddressKind
{
	ADDRESS_PUBLIC,
	ADDRESS_PRIVATE,			/* this host, a local network, or reserved */
	ADDRESS_FORBIDDEN			/* link-local, or a cloud's metadata service */
} AddressKind;

struct sockaddr;

/* Of an IPv4 (4 bytes) or IPv6 (16 bytes) address in network order. */
extern AddressKind address_kind_ipv4(const uint8_t *addr4);
extern AddressKind address_kind_ipv6(const uint8_t *addr16);

/* Of a socket's address; any other family is forbidden. */
extern AddressKind address_kind(const struct sockaddr *address);

/* Of an address in text; ADDRESS_FORBIDDEN when it is none. */
extern AddressKind address_kind_text(const char *text);

#endif							/* CHAINSYNC_ADDRESS_H */
