/* lib.h - the small C libraries that scripts require as billow.<name>, and the values they share.
 *
 * Offers:  one opener per library (leaves the module table on the stack), push and test for
 * decimals, money, null and arrays, the replacements for pairs, next and table.sort. Relies on:
 * codec/ for all that is not about Lua. None of these functions yields or has effects.
 *
 * stdlib/meta/<name>.lua is the documented contract of each library; a test compares the two.
 */
#ifndef BW_LUA_LIB_H
#define BW_LUA_LIB_H

#include "codec/decimal.h"
#include "lua/guard.h"

MAY_THROW int bw_lua_open_decimal(lua_State *L);
MAY_THROW int bw_lua_open_money(lua_State *L);
MAY_THROW int bw_lua_open_json(lua_State *L);
MAY_THROW int bw_lua_open_date(lua_State *L);
MAY_THROW int bw_lua_open_text(lua_State *L);

/* Name and opener of each of the above; ends with NULL. */
extern const luaL_Reg bw_lua_libs[];

/* --- decimal and money (lib_decimal.c, lib_money.c) */
struct bw_lua_money {
    struct bw_decimal amount;
    char currency[4]; /* ISO 4217, terminated */
};
MAY_THROW void bw_lua_push_decimal(lua_State *L, struct bw_decimal value);
/* NULL when the value at `index` is not a decimal. Valid while it lies on the stack. */
const struct bw_decimal *bw_lua_test_decimal(lua_State *L, int index);
/* A decimal or an integer; anything else raises, naming `what` ("decimal", "weight"). */
MAY_THROW struct bw_decimal bw_lua_check_decimal(lua_State *L, int index, const char *what);
/* The rounding mode named by the optional text at `index`; half up when absent. */
MAY_THROW enum bw_round bw_lua_check_mode(lua_State *L, int index);
MAY_THROW void bw_lua_push_money(lua_State *L, struct bw_decimal amount, const char currency[3]);
const struct bw_lua_money *bw_lua_test_money(lua_State *L, int index);
/* Decimals of an amount in this currency: min(ISO 4217 minor units, 2). */
int bw_lua_currency_decimals(const char currency[3]);

/* --- null and arrays (bridge.c) */
void bw_lua_push_null(lua_State *L);
bool bw_lua_is_null(lua_State *L, int index);
/* Marks the table at `index` as an array: an empty one crosses borders as [], not {}. */
MAY_THROW void bw_lua_mark_array(lua_State *L, int index);
bool bw_lua_is_array(lua_State *L, int index); /* is it marked? */

/* --- time zones (lib_date.c): who runs the state says where zone files come from. */
struct bw_lua_zones {
    /* The bytes of a zone file (RFC 8536) by IANA name; false when there is none. Valid until the
     * state closes. */
    bool (*find)(void *self, struct bw_str name, struct bw_str *bytes);
    void *self;
};
/* `zones` must outlive the state. */
MAY_THROW void bw_lua_set_zones(lua_State *L, const struct bw_lua_zones *zones);

/* --- order (lib_order.c): traversal and sorting that are the same in every process. */
/* pairs in ascending key order: numbers, then strings by bytes, then false, true. Tables with other
 * keys are refused by the strict one, and traversed in the table's own order by the lenient one
 * (for trusted test tools). */
MAY_THROW int bw_lua_pairs_strict(lua_State *L);
MAY_THROW int bw_lua_pairs_lenient(lua_State *L);
MAY_THROW int bw_lua_next_strict(lua_State *L);
/* Pushes a list of the keys of the table at `table`, in that order; refuses other keys. */
MAY_THROW void bw_lua_push_keys(lua_State *L, int table);
/* table.sort as a stable merge sort; the comparator may not yield. */
MAY_THROW int bw_lua_sort(lua_State *L);

/* --- the tariff: C functions that do more than constant work say so. Set by budget.c in sandboxed
 * states; a no-op in trusted ones. Raises when the steps are used up. */
MAY_THROW void bw_lua_charge(lua_State *L, size_t steps);

#endif
