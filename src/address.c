/*-------------------------------------------------------------------------
 *
 * address.c
 *	  What kind of network an address belongs to.
 *
 * After the special-purpose registries of IANA (RFC 6890 and what updates
 * it).  An IPv6 address that carries an IPv4 address is judged by that one:
 * mapped, compatible, NAT64 and 6to4 addresses would else be a way around.
 *
 *-------------------------------------------------------------------------
 */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

typedef struct Network
{
	uint8_t		bytes[16];
	int			bits;
	AddressKind kind;
} Network;

/* The first that matches counts. */
static const Network ipv4_networks[] = {
	{{169, 254}, 16, ADDRESS_FORBIDDEN},	/* link-local, cloud metadata */
	{{100, 100, 100, 200}, 32, ADDRESS_FORBIDDEN},	/* Alibaba's metadata */
	{{168, 63, 129, 16}, 32, ADDRESS_FORBIDDEN},	/* Azure's host service */
	{{192, 0, 0, 192}, 32, ADDRESS_FORBIDDEN},	/* Oracle's metadata */
	{{0}, 8, ADDRESS_PRIVATE},	/* this network */
	{{10}, 8, ADDRESS_PRIVATE},
	{{100, 64}, 10, ADDRESS_PRIVATE},	/* carriers' NAT */
	{{127}, 8, ADDRESS_PRIVATE},
	{{172, 16}, 12, ADDRESS_PRIVATE},
	{{192, 0, 0}, 24, ADDRESS_PRIVATE}, /* protocol assignments */
	{{192, 168}, 16, ADDRESS_PRIVATE},
	{{198, 18}, 15, ADDRESS_PRIVATE},	/* benchmarks */
	{{224}, 3, ADDRESS_PRIVATE},	/* multicast, reserved, broadcast */
};

static const Network ipv6_networks[] = {
	{{0xfe, 0x80}, 10, ADDRESS_FORBIDDEN},
	{{0xfd, 0x00, 0x0e, 0xc2}, 32, ADDRESS_FORBIDDEN},	/* EC2's metadata */
	{{0xfd, 0x20, 0x00, 0xce}, 32, ADDRESS_FORBIDDEN},	/* Google's */
	{{0xfe, 0xc0}, 10, ADDRESS_PRIVATE},	/* site-local, deprecated */
	{{0xfc}, 7, ADDRESS_PRIVATE},	/* unique local */
	{{0xff}, 8, ADDRESS_PRIVATE},	/* multicast */
	{{0x20, 0x01, 0x00, 0x00}, 32, ADDRESS_PRIVATE},	/* Teredo */
	{{0x01}, 8, ADDRESS_PRIVATE},	/* discard */
};

static bool
matches(const Network *network, const uint8_t *addr)
{
	int			whole = network->bits / 8;
	int			rest = network->bits % 8;

	if (memcmp(network->bytes, addr, (size_t) whole) != 0)
		return false;
	return rest == 0 ||
		((network->bytes[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

static AddressKind
look_up(const Network *networks, size_t count, const uint8_t *addr)
{
	for (size_t i = 0; i < count; i++)
	{
		if (matches(&networks[i], addr))
			return networks[i].kind;
	}
	return ADDRESS_PUBLIC;
}

AddressKind
address_kind_ipv4(const uint8_t *addr4)
{
	return look_up(ipv4_networks,
				   sizeof(ipv4_networks) / sizeof(ipv4_networks[0]), addr4);
}

/* The IPv4 address inside an IPv6 one, or NULL. */
static const uint8_t *
embedded_ipv4(const uint8_t *addr16)
{
	static const uint8_t zeros[12];
	static const uint8_t mapped[12] = {[10] = 0xff,[11] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const uint8_t local_nat64[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};

	if (memcmp(addr16, mapped, 12) == 0 || memcmp(addr16, nat64, 12) == 0 ||
		memcmp(addr16, zeros, 12) == 0)
		return addr16 + 12;
	if (memcmp(addr16, local_nat64, 6) == 0)
		return addr16 + 12;
	if (addr16[0] == 0x20 && addr16[1] == 0x02)
		return addr16 + 2;		/* 6to4 */
	return NULL;
}

AddressKind
address_kind_ipv6(const uint8_t *addr16)
{
	const uint8_t *ipv4 = embedded_ipv4(addr16);

	/* :: and ::1 are in 0.0.0.0/8 this way, which suits them */
	if (ipv4 != NULL)
		return address_kind_ipv4(ipv4);
	return look_up(ipv6_networks,
				   sizeof(ipv6_networks) / sizeof(ipv6_networks[0]), addr16);
}

AddressKind
address_kind(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
	{
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		return address_kind_ipv4((const uint8_t *) &in.sin_addr);
	}
	if (address->sa_family == AF_INET6)
	{
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		return address_kind_ipv6((const uint8_t *) &in6.sin6_addr);
	}
	return ADDRESS_FORBIDDEN;
}

AddressKind
address_kind_text(const char *text)
{
	uint8_t		addr[16];

	if (inet_pton(AF_INET, text, addr) == 1)
		return address_kind_ipv4(addr);
	if (inet_pton(AF_INET6, text, addr) == 1)
		return address_kind_ipv6(addr);
	return ADDRESS_FORBIDDEN;
}
