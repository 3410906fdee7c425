/* lib_money.c - billow.money: a decimal amount with its currency.
 *
 * Immutable userdata. Amounts of different currencies never meet in one operation; a plain number
 * never becomes an amount by accident (money * 2 is fine, money + 2 is not).
 */
#include "lua/lib.h"

#define ALLOCATE_PARTS_MAX 10000

static const char money_key = 0; /* its address keys the metatable in the registry */

static void push_metatable(lua_State *L);

void bw_lua_push_money(lua_State *L, struct bw_decimal amount, const char currency[3])
{
    struct bw_lua_money *ud = lua_newuserdatauv(L, sizeof *ud, 0);
    ud->amount = amount;
    memcpy(ud->currency, currency, 3);
    ud->currency[3] = '\0';
    push_metatable(L);
    lua_setmetatable(L, -2);
}

const struct bw_lua_money *bw_lua_test_money(lua_State *L, int index)
{
    const struct bw_lua_money *value = lua_touserdata(L, index);

    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &money_key);
    if (!lua_rawequal(L, -1, -2))
        value = NULL;
    lua_pop(L, 2);
    return value;
}

int bw_lua_currency_decimals(const char currency[3])
{
    /* ISO 4217 currencies without minor units. Three-digit ones (KWD, BHD, ...) bill with two, as
     * the rest. */
    static const char none[][4] = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
                                   "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"};

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        if (memcmp(none[i], currency, 3) == 0)
            return 0;
    }
    return 2;
}

static const struct bw_lua_money *check_money(lua_State *L, int index)
{
    const struct bw_lua_money *value = bw_lua_test_money(L, index);

    if (!value)
        bw_lua_raise(L, "%s where money is expected: write money(\"1.00\", \"EUR\")",
                     luaL_typename(L, index));
    return value;
}

static const char *check_currency(lua_State *L, int index)
{
    size_t len;
    const char *code = luaL_checklstring(L, index, &len);
    bool is_code = len == 3;

    for (size_t i = 0; is_code && i < 3; i++)
        is_code = code[i] >= 'A' && code[i] <= 'Z';
    if (!is_code)
        bw_lua_raise(
            L, "\"%.20s\" is not a currency: three capital letters (ISO 4217) are expected", code);
    return code;
}

static void check_same_currency(lua_State *L, const struct bw_lua_money *a,
                                const struct bw_lua_money *b)
{
    if (memcmp(a->currency, b->currency, 3) != 0)
        bw_lua_raise(L, "%s and %s do not mix: convert one of them first", a->currency,
                     b->currency);
}

static int push_amount(lua_State *L, enum bw_err err, struct bw_decimal amount,
                       const char *currency)
{
    if (err == BW_ERR_INVALID)
        return bw_lua_raise(L, "money: division by zero");
    if (err != BW_ERR_OK)
        return bw_lua_raise(L, "money: the exact result needs more than %d digits; round before",
                            BW_DECIMAL_DIGITS_MAX);
    bw_lua_push_money(L, amount, currency);
    return 1;
}

static int money_add(lua_State *L)
{
    const struct bw_lua_money *a = check_money(L, 1);
    const struct bw_lua_money *b = check_money(L, 2);
    struct bw_decimal sum = a->amount;
    enum bw_err err;

    check_same_currency(L, a, b);
    err = bw_decimal_add(a->amount, b->amount, &sum);
    return push_amount(L, err, sum, a->currency);
}

static int money_sub(lua_State *L)
{
    const struct bw_lua_money *a = check_money(L, 1);
    const struct bw_lua_money *b = check_money(L, 2);
    struct bw_decimal difference = a->amount;
    enum bw_err err;

    check_same_currency(L, a, b);
    err = bw_decimal_sub(a->amount, b->amount, &difference);
    return push_amount(L, err, difference, a->currency);
}

static int money_mul(lua_State *L)
{
    const struct bw_lua_money *m = bw_lua_test_money(L, 1);
    struct bw_decimal factor, product;
    enum bw_err err;

    if (m && bw_lua_test_money(L, 2))
        return bw_lua_raise(L, "money times money has no meaning");
    factor = bw_lua_check_decimal(L, m ? 2 : 1, "factor");
    if (!m)
        m = check_money(L, 2);
    product = m->amount;
    err = bw_decimal_mul(m->amount, factor, &product);
    return push_amount(L, err, product, m->currency);
}

static int money_div(lua_State *L)
{
    const struct bw_lua_money *m = check_money(L, 1);
    const struct bw_lua_money *other = bw_lua_test_money(L, 2);
    struct bw_decimal divisor, quotient = m->amount;
    enum bw_err err;

    if (other) { /* a ratio: a plain decimal */
        check_same_currency(L, m, other);
        err = bw_decimal_div(m->amount, other->amount, &quotient);
        if (err != BW_ERR_OK)
            return push_amount(L, err, quotient, m->currency);
        bw_lua_push_decimal(L, quotient);
        return 1;
    }
    divisor = bw_lua_check_decimal(L, 2, "divisor");
    err = bw_decimal_div(m->amount, divisor, &quotient);
    return push_amount(L, err, quotient, m->currency);
}

static int money_unm(lua_State *L)
{
    const struct bw_lua_money *m = check_money(L, 1);

    bw_lua_push_money(L, bw_decimal_neg(m->amount), m->currency);
    return 1;
}

static int money_eq(lua_State *L)
{
    const struct bw_lua_money *a = bw_lua_test_money(L, 1);
    const struct bw_lua_money *b = bw_lua_test_money(L, 2);

    lua_pushboolean(L, a && b && memcmp(a->currency, b->currency, 3) == 0 &&
                           bw_decimal_cmp(a->amount, b->amount) == 0);
    return 1;
}

static int compare(lua_State *L)
{
    const struct bw_lua_money *a = check_money(L, 1);
    const struct bw_lua_money *b = check_money(L, 2);

    check_same_currency(L, a, b);
    return bw_decimal_cmp(a->amount, b->amount);
}

static int money_lt(lua_State *L)
{
    lua_pushboolean(L, compare(L) < 0);
    return 1;
}

static int money_le(lua_State *L)
{
    lua_pushboolean(L, compare(L) <= 0);
    return 1;
}

static int money_tostring(lua_State *L)
{
    const struct bw_lua_money *m = check_money(L, 1);
    char text[BW_DECIMAL_TEXT_MAX];

    lua_pushlstring(L, text, bw_decimal_print(m->amount, text));
    lua_pushliteral(L, " ");
    lua_pushstring(L, m->currency);
    lua_concat(L, 3);
    return 1;
}

/* --- methods */

static int money_round(lua_State *L)
{
    const struct bw_lua_money *m = check_money(L, 1);
    lua_Integer scale = luaL_optinteger(L, 2, bw_lua_currency_decimals(m->currency));
    struct bw_decimal rounded = m->amount;
    enum bw_err err;

    if (scale < 0 || scale > BW_DECIMAL_SCALE_MAX)
        return bw_lua_raise(L, "a number of decimals from 0 to %d is expected",
                            BW_DECIMAL_SCALE_MAX);
    err = bw_decimal_round(m->amount, (int)scale, bw_lua_check_mode(L, 3), &rounded, NULL);
    return push_amount(L, err, rounded, m->currency);
}

static int money_abs(lua_State *L)
{
    const struct bw_lua_money *m = check_money(L, 1);

    bw_lua_push_money(L, bw_decimal_abs(m->amount), m->currency);
    return 1;
}

static int money_sign(lua_State *L)
{
    lua_pushinteger(L, bw_decimal_sign(check_money(L, 1)->amount));
    return 1;
}

static int money_is_zero(lua_State *L)
{
    lua_pushboolean(L, bw_decimal_sign(check_money(L, 1)->amount) == 0);
    return 1;
}

struct share {
    struct bw_decimal units;     /* whole smallest units of this part so far */
    struct bw_decimal remainder; /* of units_total * weight / weight_total */
    bool has_extra;
};

/* Reads the weights (checked: none negative, their sum positive) into `shares[i].remainder`. */
static struct bw_decimal read_weights(lua_State *L, struct share *shares, size_t count)
{
    struct bw_decimal total = bw_decimal_from_int(0);

    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        struct bw_decimal weight = bw_lua_check_decimal(L, -1, "weight");
        lua_pop(L, 1);
        if (bw_decimal_sign(weight) < 0)
            bw_lua_raise(L, "money:allocate: weight %zu is negative", i + 1);
        if (bw_decimal_add(total, weight, &total) != BW_ERR_OK)
            bw_lua_raise(L, "money:allocate: the weights are too large");
        shares[i].remainder = weight;
        shares[i].has_extra = false;
    }
    if (bw_decimal_sign(total) <= 0)
        bw_lua_raise(L, "money:allocate: the weights add up to zero");
    return total;
}

/* Largest remainder: everyone gets the whole units of their share, the units left over go one each
 * to the largest remainders, the earlier part first among equals. */
static enum bw_err share_out(struct bw_decimal units, struct bw_decimal weight_total,
                             struct share *shares, size_t count)
{
    struct bw_decimal left = units;
    int64_t extra;

    for (size_t i = 0; i < count; i++) {
        struct bw_decimal product;
        if (bw_decimal_mul(units, shares[i].remainder, &product) != BW_ERR_OK ||
            bw_decimal_divmod(product, weight_total, &shares[i].units, &shares[i].remainder) !=
                BW_ERR_OK ||
            bw_decimal_sub(left, shares[i].units, &left) != BW_ERR_OK)
            return BW_ERR_LIMIT;
    }
    if (!bw_decimal_to_int(left, &extra))
        return BW_ERR_INTERNAL;
    for (; extra > 0; extra--) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            if (!shares[i].has_extra &&
                (best == count || bw_decimal_cmp(shares[i].remainder, shares[best].remainder) > 0))
                best = i;
        }
        if (best == count)
            return BW_ERR_INTERNAL; /* fewer units are left over than there are parts */
        shares[best].has_extra = true;
        if (bw_decimal_add(shares[best].units, bw_decimal_from_int(1), &shares[best].units) !=
            BW_ERR_OK)
            return BW_ERR_LIMIT;
    }
    return BW_ERR_OK;
}

static int money_allocate(lua_State *L)
{
    const struct bw_lua_money *m = check_money(L, 1);
    int scale = bw_decimal_scale(m->amount);
    bool is_negative = bw_decimal_sign(m->amount) < 0;
    struct bw_decimal weight_total, units, unit = bw_decimal_from_int(1);
    struct share *shares;
    size_t count;

    luaL_checktype(L, 2, LUA_TTABLE);
    count = lua_rawlen(L, 2);
    if (count == 0 || count > ALLOCATE_PARTS_MAX)
        return bw_lua_raise(L, "money:allocate: a list of 1 to %d weights is expected",
                            ALLOCATE_PARTS_MAX);
    if (scale < bw_lua_currency_decimals(m->currency))
        scale = bw_lua_currency_decimals(m->currency);
    bw_lua_charge(L, count * count / 16 + count);
    shares =
        lua_newuserdatauv(L, count * sizeof *shares, 0); /* on the stack: an error cannot leak it */
    weight_total = read_weights(L, shares, count);

    units = bw_decimal_abs(m->amount);
    for (int i = 0; i < scale;
         i++) { /* shift the point: units = amount * 10^scale, unit = 10^-scale */
        if (bw_decimal_mul(units, bw_decimal_from_int(10), &units) != BW_ERR_OK ||
            bw_decimal_mul(unit, bw_decimal_from_int(10), &unit) != BW_ERR_OK)
            return push_amount(L, BW_ERR_LIMIT, units, m->currency);
    }
    if (share_out(units, weight_total, shares, count) != BW_ERR_OK)
        return push_amount(L, BW_ERR_LIMIT, units, m->currency);

    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        struct bw_decimal part;
        if (bw_decimal_div(shares[i].units, unit, &part) != BW_ERR_OK ||
            bw_decimal_round(part, scale, BW_ROUND_HALF_UP, &part, NULL) != BW_ERR_OK)
            return push_amount(L, BW_ERR_LIMIT, units, m->currency);
        bw_lua_push_money(L, is_negative ? bw_decimal_neg(part) : part, m->currency);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const luaL_Reg methods[] = {
    {"round", money_round},     {"abs", money_abs},           {"sign", money_sign},
    {"is_zero", money_is_zero}, {"allocate", money_allocate}, {NULL, NULL},
};

static int money_index(lua_State *L) /* upvalue 1: the methods */
{
    const struct bw_lua_money *m = check_money(L, 1);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";

    if (strcmp(key, "amount") == 0) {
        bw_lua_push_decimal(L, m->amount);
    } else if (strcmp(key, "currency") == 0) {
        lua_pushstring(L, m->currency);
    } else {
        lua_pushvalue(L, 2);
        lua_rawget(L, lua_upvalueindex(1));
    }
    return 1;
}

static int money_call(lua_State *L) /* money("12.50", "EUR"): self is the module */
{
    const char *currency = check_currency(L, 3);
    struct bw_decimal amount;

    if (lua_type(L, 2) == LUA_TSTRING) {
        struct bw_error error;
        size_t len;
        const char *text = lua_tolstring(L, 2, &len);
        if (bw_decimal_parse(bw_str(text, len), &amount, &error) != BW_ERR_OK)
            return bw_lua_raise(L, "%s", error.text);
    } else {
        amount = bw_lua_check_decimal(L, 2, "decimal");
    }
    bw_lua_push_money(L, amount, currency);
    return 1;
}

static int money_is(lua_State *L)
{
    lua_pushboolean(L, bw_lua_test_money(L, 1) != NULL);
    return 1;
}

static int money_decimals(lua_State *L)
{
    lua_pushinteger(L, bw_lua_currency_decimals(check_currency(L, 1)));
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__add", money_add}, {"__sub", money_sub}, {"__mul", money_mul},
    {"__div", money_div}, {"__unm", money_unm}, {"__eq", money_eq},
    {"__lt", money_lt},   {"__le", money_le},   {"__tostring", money_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"is", money_is},
    {"decimals", money_decimals},
    {NULL, NULL},
};

static void push_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &money_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    luaL_checkstack(L, 6, NULL);
    lua_createtable(L, 0, 16);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_pushcclosure(L, money_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "money");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &money_key);
}

int bw_lua_open_money(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, money_call);
    lua_setfield(L, -2, "__call");
    lua_setmetatable(L, -2);
    return 1;
}
