/* netaddr.h - which addresses a script's request may reach.
 *
 * Offers:  bw_netaddr_is_public, bw_netaddr_print.
 * Relies on: libc only.
 */
#ifndef BW_IO_NETADDR_H
#define BW_IO_NETADDR_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

#define BW_NETADDR_TEXT_MAX 64

/* False for loopback, private, link-local, shared (CGNAT), documentation, benchmark, multicast,
 * reserved and unspecified addresses, for IPv6 forms that carry such an IPv4 address (mapped,
 * NAT64, 6to4), and for families other than IPv4 and IPv6: everything by which a request could
 * reach our own network instead of the world. */
bool bw_netaddr_is_public(const struct sockaddr *address);
/* "127.0.0.1", "::1"; "?" for other families. */
void bw_netaddr_print(const struct sockaddr *address, char text[static BW_NETADDR_TEXT_MAX]);

#endif
