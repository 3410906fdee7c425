/* test_netaddr.c - which addresses are the world's and which are ours. */
#include "support/test.h"

#include "io/netaddr.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static bool is_public(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return bw_netaddr_is_public((const struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return bw_netaddr_is_public((const struct sockaddr *)&in6);
}

static void test_addresses_of_our_own_networks_are_not_public(void **state)
{
    (void)state;
    static const char *const own[] = {
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "100::1",
        "3fff::1",
    };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (is_public(own[i]))
            fail_msg("%s counts as public", own[i]);
    }
}

static void test_addresses_of_the_world_are_public(void **state)
{
    (void)state;
    static const char *const world[] = {
        "1.1.1.1",        "8.8.8.8",         "100.63.255.255",  "100.128.0.1",
        "172.15.255.255", "172.32.0.1",      "192.167.255.255", "198.17.255.255",
        "198.20.0.1",     "223.255.255.255", "::ffff:8.8.8.8",  "64:ff9b::808:808",
        "2002:808:808::", "2606:4700::1111", "2a00:1450::1",
    };
    for (size_t i = 0; i < sizeof world / sizeof world[0]; i++) {
        if (!is_public(world[i]))
            fail_msg("%s does not count as public", world[i]);
    }
}

static void test_other_families_are_not_public_and_have_no_text(void **state)
{
    (void)state;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char text[BW_NETADDR_TEXT_MAX];
    assert_false(bw_netaddr_is_public((const struct sockaddr *)&un));
    bw_netaddr_print((const struct sockaddr *)&un, text);
    assert_string_equal(text, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_our_own_networks_are_not_public),
        cmocka_unit_test(test_addresses_of_the_world_are_public),
        cmocka_unit_test(test_other_families_are_not_public_and_have_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
