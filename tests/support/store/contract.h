/* contract.h - both stores keep one contract: each test of it runs against memory and against
 * PostgreSQL.
 *
 * Offers:  CONTRACT_TEST for the table of tests.
 * Relies on: support/store/fixture.h.
 */
#ifndef BW_TESTS_SUPPORT_STORE_CONTRACT_H
#define BW_TESTS_SUPPORT_STORE_CONTRACT_H

#include "support/store/fixture.h"

#define CONTRACT_TEST(name)                                                                        \
    {#name " (memory)", name, fixture_mem, fixture_close, NULL},                                   \
    {                                                                                              \
#name " (PostgreSQL)", name, fixture_pg, fixture_close, NULL                               \
    }

#endif
