/*-------------------------------------------------------------------------
 *
 * test_address.c
 *	  Which addresses are refused, in every way of writing them.
 *
 *-------------------------------------------------------------------------
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../../src/address.h"

static const struct
{
	const char *text;
	AddressKind kind;
}			cases[] = {
	{"8.8.8.8", ADDRESS_PUBLIC},
	{"9.255.255.255", ADDRESS_PUBLIC},
	{"10.0.0.0", ADDRESS_PRIVATE},
	{"10.255.255.255", ADDRESS_PRIVATE},
	{"11.0.0.0", ADDRESS_PUBLIC},
	{"0.0.0.0", ADDRESS_PRIVATE},
	{"100.63.255.255", ADDRESS_PUBLIC},
	{"100.64.0.0", ADDRESS_PRIVATE},
	{"100.127.255.255", ADDRESS_PRIVATE},
	{"100.128.0.0", ADDRESS_PUBLIC},
	{"100.100.100.200", ADDRESS_FORBIDDEN},
	{"127.0.0.1", ADDRESS_PRIVATE},
	{"127.255.255.254", ADDRESS_PRIVATE},
	{"168.63.129.16", ADDRESS_FORBIDDEN},
	{"168.63.129.17", ADDRESS_PUBLIC},
	{"169.253.255.255", ADDRESS_PUBLIC},
	{"169.254.0.0", ADDRESS_FORBIDDEN},
	{"169.254.169.254", ADDRESS_FORBIDDEN},
	{"169.255.0.0", ADDRESS_PUBLIC},
	{"172.15.255.255", ADDRESS_PUBLIC},
	{"172.16.0.0", ADDRESS_PRIVATE},
	{"172.31.255.255", ADDRESS_PRIVATE},
	{"172.32.0.0", ADDRESS_PUBLIC},
	{"192.0.0.192", ADDRESS_FORBIDDEN},
	{"192.0.0.1", ADDRESS_PRIVATE},
	{"192.168.0.0", ADDRESS_PRIVATE},
	{"192.169.0.0", ADDRESS_PUBLIC},
	{"198.18.0.0", ADDRESS_PRIVATE},
	{"198.20.0.0", ADDRESS_PUBLIC},
	{"223.255.255.255", ADDRESS_PUBLIC},
	{"224.0.0.1", ADDRESS_PRIVATE},
	{"255.255.255.255", ADDRESS_PRIVATE},
	{"::", ADDRESS_PRIVATE},
	{"::1", ADDRESS_PRIVATE},
	{"::127.0.0.1", ADDRESS_PRIVATE},
	{"::ffff:127.0.0.1", ADDRESS_PRIVATE},
	{"::ffff:169.254.169.254", ADDRESS_FORBIDDEN},
	{"::ffff:8.8.8.8", ADDRESS_PUBLIC},
	{"64:ff9b::10.0.0.1", ADDRESS_PRIVATE},
	{"64:ff9b::a9fe:a9fe", ADDRESS_FORBIDDEN},
	{"64:ff9b:1::10.0.0.1", ADDRESS_PRIVATE},
	{"2002:7f00:1::", ADDRESS_PRIVATE},
	{"2002:a9fe:a9fe::1", ADDRESS_FORBIDDEN},
	{"2002:808:808::1", ADDRESS_PUBLIC},
	{"2001:0:1::1", ADDRESS_PRIVATE},
	{"2001:4860:4860::8888", ADDRESS_PUBLIC},
	{"fe7f::1", ADDRESS_PUBLIC},
	{"fe80::1", ADDRESS_FORBIDDEN},
	{"febf::1", ADDRESS_FORBIDDEN},
	{"fec0::1", ADDRESS_PRIVATE},
	{"fc00::1", ADDRESS_PRIVATE},
	{"fdff::1", ADDRESS_PRIVATE},
	{"fd00:ec2::254", ADDRESS_FORBIDDEN},
	{"ff02::1", ADDRESS_PRIVATE},
	{"100::1", ADDRESS_PRIVATE},
	{"", ADDRESS_FORBIDDEN},
	{"localhost", ADDRESS_FORBIDDEN},
	{"127.1", ADDRESS_FORBIDDEN},
	{"fe80::1%eth0", ADDRESS_FORBIDDEN},
};

/* The same by a socket's address. */
static AddressKind
by_socket(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_kind((struct sockaddr *) &in);
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		return address_kind((struct sockaddr *) &in6);
	return ADDRESS_FORBIDDEN;
}

int
main(void)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	int			checks = 1;
	int			failures = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		checks += 2;
		if (address_kind_text(cases[i].text) != cases[i].kind ||
			by_socket(cases[i].text) != cases[i].kind)
		{
			failures++;
			fprintf(stderr, "FAIL %s: %d, %d instead of %d\n", cases[i].text,
					address_kind_text(cases[i].text),
					by_socket(cases[i].text), cases[i].kind);
		}
	}
	if (address_kind((struct sockaddr *) &local) != ADDRESS_FORBIDDEN)
	{
		failures++;
		fprintf(stderr, "FAIL unix socket\n");
	}
	printf("test_address: %d passed, %d failed\n", checks - failures,
		   failures);
	return failures == 0 ? 0 : 1;
}
