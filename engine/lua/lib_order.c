/* lib_order.c - traversal and sorting whose order does not depend on the process.
 *
 * Lua's own `next` follows the hash table, whose seed differs between processes; its `table.sort`
 * is a quicksort whose comparisons depend on the pivot. Both would make a replay take another path.
 * Here: keys ascending (numbers, strings by bytes, false, true), and a merge sort with a fixed
 * sequence of comparisons.
 */
#include "lua/lib.h"
#include <limits.h>
#include <stdlib.h>

/* --- sorted keys */

struct key {
    uint8_t type;    /* LUA_TNUMBER, LUA_TSTRING or LUA_TBOOLEAN */
    bool is_integer; /* numbers */
    bool truth;      /* booleans */
    lua_Integer integer;
    lua_Number number;  /* also set for integers */
    struct bw_str text; /* strings; borrowed, anchored in the traversed table */
};

static int rank(const struct key *key)
{
    return key->type == LUA_TNUMBER ? 0 : key->type == LUA_TSTRING ? 1 : 2;
}

static int compare_keys(const void *a_ptr, const void *b_ptr)
{
    const struct key *a = a_ptr, *b = b_ptr;

    if (rank(a) != rank(b))
        return rank(a) < rank(b) ? -1 : 1;
    if (a->type == LUA_TSTRING)
        return bw_str_cmp(a->text, b->text);
    if (a->type == LUA_TBOOLEAN)
        return (a->truth > b->truth) - (a->truth < b->truth);
    if (a->is_integer && b->is_integer)
        return (a->integer > b->integer) - (a->integer < b->integer);
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    /* Equal only by rounding: a float key and a large integer key. The integer's own value decides.
     */
    return (int)a->is_integer - (int)b->is_integer;
}

/* Reads the key at `index`. False for keys that have no order. */
static bool read_key(lua_State *L, int index, struct key *key)
{
    *key = (struct key){.type = (uint8_t)lua_type(L, index)};
    switch (key->type) {
    case LUA_TNUMBER:
        key->is_integer = lua_isinteger(L, index);
        key->integer = key->is_integer ? lua_tointeger(L, index) : 0;
        key->number = lua_tonumber(L, index);
        return true;
    case LUA_TSTRING: {
        size_t len;
        const char *ptr = lua_tolstring(L, index, &len);
        key->text = bw_str(ptr, len);
        return true;
    }
    case LUA_TBOOLEAN:
        key->truth = lua_toboolean(L, index);
        return true;
    default:
        return false;
    }
}

static void push_key(lua_State *L, const struct key *key)
{
    if (key->type == LUA_TSTRING)
        lua_pushlstring(L, key->text.ptr, key->text.len);
    else if (key->type == LUA_TBOOLEAN)
        lua_pushboolean(L, key->truth);
    else if (key->is_integer)
        lua_pushinteger(L, key->integer);
    else
        lua_pushnumber(L, key->number);
}

static int refuse_key(lua_State *L, int index)
{
    return bw_lua_raise(L, "pairs: a %s key has no order; use numbers, strings or booleans as keys",
                        luaL_typename(L, index));
}

/* Iterator over a sequence 1..n. Upvalues: table, position, n. The table is an upvalue, not the
 * loop's state: a frozen table's pairs must not hand out what is behind it. */
static int iterate_sequence(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(3));

    while (at < last) {
        at++;
        lua_pushinteger(L, at);
        if (lua_rawgeti(L, lua_upvalueindex(1), at) != LUA_TNIL) {
            lua_pushinteger(L, at);
            lua_replace(L, lua_upvalueindex(2));
            return 2;
        }
        lua_pop(L, 2); /* removed during the traversal */
    }
    lua_pushinteger(L, last);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushnil(L);
    return 1;
}

/* Iterator over a list of keys. Upvalues: table, position, number of keys, keys. */
static int iterate_keys(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(3));

    while (at < last) {
        lua_rawgeti(L, lua_upvalueindex(4), ++at);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) {
            lua_pushinteger(L, at);
            lua_replace(L, lua_upvalueindex(2));
            return 2;
        }
        lua_pop(L, 2);
    }
    lua_pushinteger(L, last);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushnil(L);
    return 1;
}

/* Counts the keys of the table at index 1. `is_sequence`: exactly 1..n. False when a key has no
 * order. */
static bool survey(lua_State *L, size_t *count, bool *is_sequence)
{
    lua_Unsigned len = lua_rawlen(L, 1);
    size_t keys = 0, in_range = 0;
    bool is_ordered = true;

    for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
        int type = lua_type(L, -2);
        keys++;
        if (lua_isinteger(L, -2) && (lua_Unsigned)lua_tointeger(L, -2) - 1u < len)
            in_range++;
        else if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN)
            is_ordered = false;
    }
    *count = keys;
    *is_sequence = keys == in_range && keys == len;
    return is_ordered;
}

/* Pushes a list of the `count` keys of the table at index `table` in ascending order. */
static void push_sorted_keys(lua_State *L, int table, size_t count)
{
    struct key *keys = lua_newuserdatauv(L, count * sizeof *keys, 0);
    size_t found = 0;
    bool is_sorted = true;

    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
        if (!read_key(L, -2, &keys[found])) {
            refuse_key(L, -2);
            return;
        }
        if (found && compare_keys(&keys[found - 1], &keys[found]) > 0)
            is_sorted = false;
        found++;
    }
    if (!is_sorted)
        qsort(keys, count, sizeof *keys,
              compare_keys); /* keys are distinct: one result, whatever the algorithm */
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_key(L, &keys[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_remove(L, -2);
}

void bw_lua_push_keys(lua_State *L, int table)
{
    size_t count = 0;

    table = lua_absindex(L, table);
    luaL_checkstack(L, 6, NULL);
    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1))
        count++;
    bw_lua_charge(L, 4 * count);
    push_sorted_keys(L, table, count);
}

static int finish_pairs(lua_State *L, int status, lua_KContext ctx)
{
    (void)L, (void)status, (void)ctx;
    return 3;
}

static int raw_next(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_next(L, 1))
        return 2;
    lua_pushnil(L);
    return 1;
}

static int sorted_pairs(lua_State *L, bool is_strict)
{
    size_t count;
    bool is_sequence;

    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_callk(L, 1, 3, 0, finish_pairs);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (!survey(L, &count, &is_sequence) && !is_strict) {
        lua_pushcfunction(L, raw_next);
        lua_pushvalue(L, 1);
        lua_pushnil(L);
        return 3;
    }
    bw_lua_charge(L, 4 * count);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    lua_pushinteger(L, (lua_Integer)count);
    if (is_sequence || count == 0) {
        lua_pushcclosure(L, iterate_sequence, 3);
    } else {
        push_sorted_keys(L, 1, count);
        lua_pushcclosure(L, iterate_keys, 4);
    }
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

int bw_lua_pairs_strict(lua_State *L)
{
    return sorted_pairs(L, true);
}

int bw_lua_pairs_lenient(lua_State *L)
{
    return sorted_pairs(L, false);
}

int bw_lua_next_strict(lua_State *L)
{
    struct key previous, best, key;
    bool has_previous, has_best = false;
    size_t count = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    has_previous = !lua_isnil(L, 2);
    if (has_previous && !read_key(L, 2, &previous))
        return refuse_key(L, 2);
    for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
        count++;
        if (!read_key(L, -2, &key))
            return refuse_key(L, -2);
        if ((!has_previous || compare_keys(&key, &previous) > 0) &&
            (!has_best || compare_keys(&key, &best) < 0)) {
            best = key;
            has_best = true;
        }
    }
    bw_lua_charge(L, 2 * count);
    if (!has_best) {
        lua_pushnil(L);
        return 1;
    }
    push_key(L, &best);
    lua_pushvalue(L, -1);
    lua_rawget(L, 1);
    return 2;
}

/* --- merge sort */

/* Is a < b? Stack: 1 = table, 2 = comparator or nil. Values at `a` and `b` (absolute). */
static bool is_less(lua_State *L, int a, int b)
{
    bool less;

    bw_lua_charge(L, 2);
    if (lua_isnil(L, 2))
        return lua_compare(L, a, b, LUA_OPLT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a);
    lua_pushvalue(L, b);
    lua_call(L, 2, 1);
    less = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return less;
}

/* Merges [low, middle] and [middle + 1, high] of the table at `from` into the table at `to`. */
static void merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer middle,
                  lua_Integer high)
{
    lua_Integer left = low, right = middle + 1;

    for (lua_Integer at = low; at <= high; at++) {
        bool takes_right;
        if (left > middle) {
            takes_right = true;
        } else if (right > high) {
            takes_right = false;
        } else {
            lua_rawgeti(L, from, left);
            lua_rawgeti(L, from, right);
            /* The left one stays first unless the right one is smaller: that makes it stable. */
            takes_right = is_less(L, lua_gettop(L), lua_gettop(L) - 1);
            lua_pop(L, 2);
        }
        lua_rawgeti(L, from, takes_right ? right++ : left++);
        lua_rawseti(L, to, at);
    }
}

int bw_lua_sort(lua_State *L)
{
    lua_Integer count;
    int from = 3, to = 4; /* two work tables: a failing comparator leaves the list as it was */

    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    count = luaL_len(L, 1);
    if (count < 2)
        return 0;
    luaL_argcheck(L, count < INT_MAX, 1, "list too long");
    bw_lua_charge(L, 2 * (size_t)count);
    lua_createtable(L, (int)count, 0);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        lua_rawseti(L, from, i);
    }
    for (lua_Integer width = 1; width < count; width *= 2) {
        for (lua_Integer low = 1; low <= count; low += 2 * width) {
            lua_Integer middle = low + width - 1 < count ? low + width - 1 : count;
            lua_Integer high = low + 2 * width - 1 < count ? low + 2 * width - 1 : count;
            merge(L, from, to, low, middle, high);
        }
        int swap = from;
        from = to;
        to = swap;
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, from, i);
        lua_seti(L, 1, i);
    }
    return 0;
}
