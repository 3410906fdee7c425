/* lib_decimal.c - billow.decimal: exact decimals as Lua userdata.
 *
 * A decimal is an immutable 16 byte userdata. Operators take decimals and integers; a float or a
 * string raises, because a float has already lost what was meant, and a string hides that nobody
 * checked it.
 */
#include "lua/lib.h"
#include <stdio.h>

static const char decimal_key = 0; /* its address keys the metatable in the registry */

static void push_metatable(lua_State *L);

void bw_lua_push_decimal(lua_State *L, struct bw_decimal value)
{
    struct bw_decimal *ud = lua_newuserdatauv(L, sizeof *ud, 0);
    *ud = value;
    push_metatable(L);
    lua_setmetatable(L, -2);
}

const struct bw_decimal *bw_lua_test_decimal(lua_State *L, int index)
{
    const struct bw_decimal *value = lua_touserdata(L, index);

    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &decimal_key);
    if (!lua_rawequal(L, -1, -2))
        value = NULL;
    lua_pop(L, 2);
    return value;
}

struct bw_decimal bw_lua_check_decimal(lua_State *L, int index, const char *what)
{
    const struct bw_decimal *value = bw_lua_test_decimal(L, index);

    if (value)
        return *value;
    if (lua_isinteger(L, index))
        return bw_decimal_from_int(lua_tointeger(L, index));
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        bw_lua_raise(L, "float where a %s is expected: write decimal \"%.14g\"", what,
                     lua_tonumber(L, index));
        break;
    case LUA_TSTRING:
        bw_lua_raise(L, "string where a %s is expected: write decimal \"%.40s\"", what,
                     lua_tostring(L, index));
        break;
    default:
        bw_lua_raise(L, "%s where a %s is expected", luaL_typename(L, index), what);
        break;
    }
    return bw_decimal_from_int(0); /* not reached */
}

enum bw_round bw_lua_check_mode(lua_State *L, int index)
{
    static const char *const names[] = {"half_up", "half_even", "up", "down",
                                        "ceil",    "floor",     NULL};
    static const enum bw_round modes[] = {BW_ROUND_HALF_UP, BW_ROUND_HALF_EVEN, BW_ROUND_UP,
                                          BW_ROUND_DOWN,    BW_ROUND_CEIL,      BW_ROUND_FLOOR};
    const char *name = luaL_optstring(L, index, "half_up");

    for (size_t i = 0; names[i]; i++) {
        if (strcmp(name, names[i]) == 0)
            return modes[i];
    }
    bw_lua_raise(L,
                 "unknown rounding mode \"%.40s\": one of half_up, half_even, up, down, ceil, "
                 "floor is expected",
                 name);
    return BW_ROUND_HALF_UP; /* not reached */
}

static int check_scale(lua_State *L, int index)
{
    lua_Integer scale = luaL_checkinteger(L, index);

    if (scale < 0 || scale > BW_DECIMAL_SCALE_MAX)
        bw_lua_raise(L, "a number of decimals from 0 to %d is expected", BW_DECIMAL_SCALE_MAX);
    return (int)scale;
}

static struct bw_decimal self_of(lua_State *L)
{
    return bw_lua_check_decimal(L, 1, "decimal");
}

static int push_result(lua_State *L, enum bw_err err, struct bw_decimal value,
                       const char *operation)
{
    if (err == BW_ERR_INVALID)
        return bw_lua_raise(L, "decimal %s: division by zero", operation);
    if (err != BW_ERR_OK)
        return bw_lua_raise(L,
                            "decimal %s: the exact result needs more than %d digits; round before",
                            operation, BW_DECIMAL_DIGITS_MAX);
    bw_lua_push_decimal(L, value);
    return 1;
}

/* One function per operator, all of one shape: both operands, the codec's function, the result. */
#define DECIMAL_OPERATOR(name, codec_function)                                                     \
    static int decimal_##name(lua_State *L)                                                        \
    {                                                                                              \
        struct bw_decimal a = bw_lua_check_decimal(L, 1, "decimal");                               \
        struct bw_decimal b = bw_lua_check_decimal(L, 2, "decimal");                               \
        struct bw_decimal result = bw_decimal_from_int(0);                                         \
        enum bw_err err = codec_function(a, b, &result);                                           \
        return push_result(L, err, result, #name);                                                 \
    }
DECIMAL_OPERATOR(add, bw_decimal_add)
DECIMAL_OPERATOR(sub, bw_decimal_sub)
DECIMAL_OPERATOR(mul, bw_decimal_mul)
DECIMAL_OPERATOR(div, bw_decimal_div)
#undef DECIMAL_OPERATOR

static int decimal_unm(lua_State *L)
{
    bw_lua_push_decimal(L, bw_decimal_neg(self_of(L)));
    return 1;
}

static int compare(lua_State *L)
{
    struct bw_decimal a = bw_lua_check_decimal(L, 1, "decimal");
    struct bw_decimal b = bw_lua_check_decimal(L, 2, "decimal");

    return bw_decimal_cmp(a, b);
}

static int decimal_eq(lua_State *L)
{
    const struct bw_decimal *a = bw_lua_test_decimal(L, 1);
    const struct bw_decimal *b = bw_lua_test_decimal(L, 2);

    lua_pushboolean(L, a && b && bw_decimal_cmp(*a, *b) == 0);
    return 1;
}

static int decimal_lt(lua_State *L)
{
    lua_pushboolean(L, compare(L) < 0);
    return 1;
}

static int decimal_le(lua_State *L)
{
    lua_pushboolean(L, compare(L) <= 0);
    return 1;
}

static int decimal_tostring(lua_State *L)
{
    char text[BW_DECIMAL_TEXT_MAX];
    size_t len = bw_decimal_print(self_of(L), text);

    lua_pushlstring(L, text, len);
    return 1;
}

static int decimal_concat(lua_State *L)
{
    for (int i = 1; i <= 2; i++) {
        const struct bw_decimal *value = bw_lua_test_decimal(L, i);
        if (value) {
            char text[BW_DECIMAL_TEXT_MAX];
            lua_pushlstring(L, text, bw_decimal_print(*value, text));
        } else if (lua_isstring(L, i)) {
            lua_pushvalue(L, i);
        } else {
            return bw_lua_raise(L, "attempt to concatenate a decimal and a %s value",
                                luaL_typename(L, i));
        }
    }
    lua_concat(L, 2);
    return 1;
}

/* --- methods */

static int round_to(lua_State *L, struct bw_decimal value, int scale, enum bw_round mode)
{
    struct bw_decimal rounded;

    if (bw_decimal_round(value, scale, mode, &rounded, NULL) != BW_ERR_OK)
        return bw_lua_raise(L, "the decimal does not fit %d digits with %d decimals",
                            BW_DECIMAL_DIGITS_MAX, scale);
    bw_lua_push_decimal(L, rounded);
    return 1;
}

static int decimal_round(lua_State *L)
{
    struct bw_decimal value = self_of(L);
    int scale = check_scale(L, 2);

    return round_to(L, value, scale, bw_lua_check_mode(L, 3));
}

static int decimal_trunc(lua_State *L)
{
    return round_to(L, self_of(L), 0, BW_ROUND_DOWN);
}

static int decimal_floor(lua_State *L)
{
    return round_to(L, self_of(L), 0, BW_ROUND_FLOOR);
}

static int decimal_ceil(lua_State *L)
{
    return round_to(L, self_of(L), 0, BW_ROUND_CEIL);
}

static int decimal_abs(lua_State *L)
{
    bw_lua_push_decimal(L, bw_decimal_abs(self_of(L)));
    return 1;
}

static int decimal_sign(lua_State *L)
{
    lua_pushinteger(L, bw_decimal_sign(self_of(L)));
    return 1;
}

static int decimal_is_zero(lua_State *L)
{
    lua_pushboolean(L, bw_decimal_sign(self_of(L)) == 0);
    return 1;
}

static int decimal_scale(lua_State *L)
{
    lua_pushinteger(L, bw_decimal_scale(self_of(L)));
    return 1;
}

static int divide(lua_State *L, bool wants_quotient)
{
    struct bw_decimal a = self_of(L);
    struct bw_decimal b = bw_lua_check_decimal(L, 2, "decimal");
    struct bw_decimal quotient = bw_decimal_from_int(0);
    struct bw_decimal remainder = bw_decimal_from_int(0);
    enum bw_err err = bw_decimal_divmod(a, b, &quotient, &remainder);

    return push_result(L, err, wants_quotient ? quotient : remainder,
                       wants_quotient ? "idiv" : "mod");
}

static int decimal_idiv(lua_State *L)
{
    return divide(L, true);
}

static int decimal_mod(lua_State *L)
{
    return divide(L, false);
}

static int decimal_to_integer(lua_State *L)
{
    struct bw_decimal value = self_of(L);
    int64_t integer;

    if (!bw_decimal_to_int(value, &integer)) {
        char text[BW_DECIMAL_TEXT_MAX];
        (void)bw_decimal_print(value, text);
        return bw_lua_raise(L, "%s is not a whole number in the range of integers", text);
    }
    lua_pushinteger(L, integer);
    return 1;
}

static int decimal_fixed(lua_State *L)
{
    struct bw_decimal value = self_of(L);
    int scale = check_scale(L, 2);
    struct bw_decimal rounded;
    bool is_inexact = false;
    char text[BW_DECIMAL_TEXT_MAX];

    if (bw_decimal_round(value, scale, BW_ROUND_HALF_EVEN, &rounded, &is_inexact) != BW_ERR_OK ||
        is_inexact) {
        (void)bw_decimal_print(value, text);
        return bw_lua_raise(L, "%s cannot be written with %d decimals: round it before", text,
                            scale);
    }
    lua_pushlstring(L, text, bw_decimal_print(rounded, text));
    return 1;
}

/* --- functions of the module */

/* The decimal written as the argument at `index`: text, integer or decimal. */
static bool parse_argument(lua_State *L, int index, struct bw_decimal *value,
                           struct bw_error *error)
{
    const struct bw_decimal *decimal = bw_lua_test_decimal(L, index);

    if (decimal) {
        *value = *decimal;
        return true;
    }
    if (lua_isinteger(L, index)) {
        *value = bw_decimal_from_int(lua_tointeger(L, index));
        return true;
    }
    if (lua_type(L, index) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, index, &len);
        return bw_decimal_parse(bw_str(text, len), value, error) == BW_ERR_OK;
    }
    if (lua_type(L, index) == LUA_TNUMBER)
        (void)bw_fail(error, BW_ERR_INVALID,
                      "float where a decimal is expected: write decimal \"%.14g\"",
                      lua_tonumber(L, index));
    else
        (void)bw_fail(error, BW_ERR_INVALID,
                      "%s where a decimal is expected: write decimal \"...\"",
                      luaL_typename(L, index));
    return false;
}

static int decimal_call(lua_State *L) /* decimal "12.50": self is the module */
{
    struct bw_error error;
    struct bw_decimal value;

    if (!parse_argument(L, 2, &value, &error))
        return bw_lua_raise(L, "%s", error.text);
    bw_lua_push_decimal(L, value);
    return 1;
}

static int decimal_parse(lua_State *L)
{
    struct bw_error error;
    struct bw_decimal value;

    luaL_checkany(L, 1);
    if (!parse_argument(L, 1, &value, &error)) {
        lua_pushnil(L);
        lua_pushstring(L, error.text);
        return 2;
    }
    bw_lua_push_decimal(L, value);
    return 1;
}

static int decimal_is(lua_State *L)
{
    lua_pushboolean(L, bw_lua_test_decimal(L, 1) != NULL);
    return 1;
}

static int extreme(lua_State *L, int wanted_order)
{
    int count = lua_gettop(L);
    struct bw_decimal best = bw_lua_check_decimal(L, 1, "decimal");

    for (int i = 2; i <= count; i++) {
        struct bw_decimal value = bw_lua_check_decimal(L, i, "decimal");
        if (bw_decimal_cmp(value, best) * wanted_order > 0)
            best = value;
    }
    bw_lua_push_decimal(L, best);
    return 1;
}

static int decimal_min(lua_State *L)
{
    return extreme(L, -1);
}

static int decimal_max(lua_State *L)
{
    return extreme(L, 1);
}

static int decimal_sum(lua_State *L)
{
    struct bw_decimal sum = bw_decimal_from_int(0);
    lua_Unsigned count;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = lua_rawlen(L, 1);
    bw_lua_charge(L, count);
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i);
        struct bw_decimal value = bw_lua_check_decimal(L, -1, "decimal");
        if (bw_decimal_add(sum, value, &sum) != BW_ERR_OK)
            return push_result(L, BW_ERR_LIMIT, sum, "sum");
        lua_pop(L, 1);
    }
    bw_lua_push_decimal(L, sum);
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__add", decimal_add},       {"__sub", decimal_sub}, {"__mul", decimal_mul},
    {"__div", decimal_div},       {"__unm", decimal_unm}, {"__eq", decimal_eq},
    {"__lt", decimal_lt},         {"__le", decimal_le},   {"__tostring", decimal_tostring},
    {"__concat", decimal_concat}, {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"round", decimal_round},
    {"abs", decimal_abs},
    {"sign", decimal_sign},
    {"is_zero", decimal_is_zero},
    {"scale", decimal_scale},
    {"trunc", decimal_trunc},
    {"floor", decimal_floor},
    {"ceil", decimal_ceil},
    {"idiv", decimal_idiv},
    {"mod", decimal_mod},
    {"to_integer", decimal_to_integer},
    {"fixed", decimal_fixed},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"parse", decimal_parse}, {"is", decimal_is},   {"min", decimal_min},
    {"max", decimal_max},     {"sum", decimal_sum}, {NULL, NULL},
};

static void push_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &decimal_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    luaL_checkstack(L, 6, NULL);
    lua_createtable(L, 0, 16);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "decimal");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &decimal_key);
}

int bw_lua_open_decimal(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, decimal_call);
    lua_setfield(L, -2, "__call");
    lua_setmetatable(L, -2);
    return 1;
}
