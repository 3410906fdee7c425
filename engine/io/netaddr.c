/* netaddr.c - see netaddr.h. Ranges from the IANA special-purpose address registries. */
#include "io/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct range4 {
    uint32_t network;
    int bits;
};

static const struct range4 not_public4[] = {
    {0x00000000, 8},  /* 0.0.0.0/8: this host */
    {0x0a000000, 8},  /* 10.0.0.0/8: private */
    {0x64400000, 10}, /* 100.64.0.0/10: shared between carrier and customer */
    {0x7f000000, 8},  /* 127.0.0.0/8: loopback */
    {0xa9fe0000, 16}, /* 169.254.0.0/16: link-local, cloud metadata */
    {0xac100000, 12}, /* 172.16.0.0/12: private */
    {0xc0000000, 24}, /* 192.0.0.0/24: protocol assignments */
    {0xc0000200, 24}, /* 192.0.2.0/24: documentation */
    {0xc0586300, 24}, /* 192.88.99.0/24: 6to4 relays */
    {0xc0a80000, 16}, /* 192.168.0.0/16: private */
    {0xc6120000, 15}, /* 198.18.0.0/15: benchmarks */
    {0xc6336400, 24}, /* 198.51.100.0/24: documentation */
    {0xcb007100, 24}, /* 203.0.113.0/24: documentation */
    {0xe0000000, 4},  /* 224.0.0.0/4: multicast */
    {0xf0000000, 4},  /* 240.0.0.0/4: reserved, broadcast */
};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof not_public4 / sizeof not_public4[0]; i++) {
        uint32_t mask = UINT32_MAX << (32 - not_public4[i].bits);
        if ((address & mask) == not_public4[i].network)
            return false;
    }
    return true;
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_public6(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (memcmp(address, mapped, sizeof mapped) == 0)
        return is_public4(read_u32(address + 12));
    if (memcmp(address, nat64, sizeof nat64) == 0)
        return is_public4(read_u32(address + 12));
    if (address[0] == 0x20 && address[1] == 0x02) /* 2002::/16: 6to4 */
        return is_public4(read_u32(address + 2));
    if ((address[0] & 0xe0) != 0x20) /* only 2000::/3 is global unicast */
        return false;
    if (address[0] == 0x20 && address[1] == 0x01 &&
        address[2] < 0x02) /* 2001::/23: Teredo and other assignments */
        return false;
    if (read_u32(address) == 0x20010db8) /* 2001:db8::/32: documentation */
        return false;
    if (address[0] == 0x3f && address[1] == 0xff &&
        address[2] < 0x10) /* 3fff::/20: documentation */
        return false;
    return true;
}

bool bw_netaddr_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        return is_public6(in6.sin6_addr.s6_addr);
    }
    return false;
}

void bw_netaddr_print(const struct sockaddr *address, char text[static BW_NETADDR_TEXT_MAX])
{
    const void *bytes = NULL;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        bytes = &in.sin_addr;
    } else if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        bytes = &in6.sin6_addr;
    }
    if (!bytes || !inet_ntop(address->sa_family, bytes, text, BW_NETADDR_TEXT_MAX))
        snprintf(text, BW_NETADDR_TEXT_MAX, "?");
}
