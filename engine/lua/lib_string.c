/* lib_string.c - the sandbox's string library: Lua's functions with every cost counted and every
 * result the same in each process. find, match, gmatch and gsub run on match.c; format
 * (lib_format.c) knows no addresses.
 */
#include "lua/lib_string.h"
#include "lua/budget.h"
#include "lua/lib.h"
#include "lua/match.h"
#include <lualib.h>
#include <stdio.h>

#define PATTERN_BYTES_MAX 1024
#define REP_BYTES_MAX (1024u * 1024u)
#define RESULTS_MAX 4096

/* --- patterns */

static void begin_match(lua_State *L, struct bw_match *match, struct bw_str subject,
                        struct bw_str pattern)
{
    struct bw_budget *budget = bw_budget_of(L);

    if (pattern.len > PATTERN_BYTES_MAX)
        bw_lua_raise(L, "the pattern is longer than %d bytes", PATTERN_BYTES_MAX);
    *match = (struct bw_match){.subject = subject, .pattern = pattern, .steps_max = UINT64_MAX};
    if (budget)
        match->steps_max =
            budget->steps_max > budget->steps ? budget->steps_max - budget->steps : 0;
}

/* One attempt, with its price. Raises when the pattern is malformed. */
static bool try_match(lua_State *L, struct bw_match *match, const char *at, const char **end)
{
    uint64_t before = match->steps;
    enum bw_match_status status = bw_match_at(match, at, end);

    bw_lua_charge(L, match->steps - before + 1);
    if (status == BW_MATCH_STEPS)
        bw_lua_charge(L, 1); /* the allowance was all there was: this kills */
    if (status == BW_MATCH_BAD)
        bw_lua_raise(L, "%s", match->problem);
    return status == BW_MATCH_YES;
}

static void push_capture(lua_State *L, const struct bw_match *match, int at, const char *start,
                         const char *end)
{
    const struct bw_capture *capture = &match->captures[at];

    if (at >= match->capture_count)
        lua_pushlstring(L, start, (size_t)(end - start)); /* no captures: the whole match */
    else if (capture->len == BW_CAPTURE_POSITION)
        lua_pushinteger(L, capture->ptr - match->subject.ptr + 1);
    else
        lua_pushlstring(L, capture->ptr, (size_t)capture->len);
}

/* `start` NULL: only real captures (string.find). */
static int push_captures(lua_State *L, const struct bw_match *match, const char *start,
                         const char *end)
{
    int count = match->capture_count == 0 && start ? 1 : match->capture_count;

    luaL_checkstack(L, count, "too many captures");
    for (int i = 0; i < count; i++)
        push_capture(L, match, i, start, end);
    return count;
}

/* The start offset that argument `index` names; SIZE_MAX when behind the end. */
static size_t start_offset(lua_State *L, int index, size_t len)
{
    lua_Integer init = luaL_optinteger(L, index, 1);

    if (init > 0)
        return (lua_Unsigned)init - 1 > len ? SIZE_MAX : (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)len)
        return 0;
    return len - (size_t)(-init);
}

static bool has_specials(struct bw_str pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] != '\0' && strchr("^$*+?.([%-", pattern.ptr[i]))
            return true;
    }
    return false;
}

static struct bw_str check_str(lua_State *L, int index)
{
    size_t len;
    const char *ptr = luaL_checklstring(L, index, &len);

    return bw_str(ptr, len);
}

static int find_plain(lua_State *L, struct bw_str subject, struct bw_str needle, size_t from)
{
    const char *hit;

    bw_lua_charge(L, (subject.len - from) / 16);
    hit = needle.len ? memmem(subject.ptr + from, subject.len - from, needle.ptr, needle.len)
                     : subject.ptr + from;
    if (!hit) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, hit - subject.ptr + 1);
    lua_pushinteger(L, hit - subject.ptr + (ptrdiff_t)needle.len);
    return 2;
}

static int find_or_match(lua_State *L, bool is_find)
{
    struct bw_str subject = check_str(L, 1), pattern = check_str(L, 2);
    size_t from = start_offset(L, 3, subject.len);
    bool is_anchored = pattern.len > 0 && pattern.ptr[0] == '^';
    struct bw_match match;
    const char *end;

    if (from == SIZE_MAX) {
        lua_pushnil(L);
        return 1;
    }
    if (is_find && (lua_toboolean(L, 4) || !has_specials(pattern)))
        return find_plain(L, subject, pattern, from);
    if (is_anchored)
        pattern = bw_str(pattern.ptr + 1, pattern.len - 1);
    begin_match(L, &match, subject, pattern);
    for (const char *at = subject.ptr + from; at <= subject.ptr + subject.len; at++) {
        if (try_match(L, &match, at, &end)) {
            if (!is_find)
                return push_captures(L, &match, at, end);
            lua_pushinteger(L, at - subject.ptr + 1);
            lua_pushinteger(L, end - subject.ptr);
            return push_captures(L, &match, NULL, NULL) + 2;
        }
        if (is_anchored)
            break;
    }
    lua_pushnil(L);
    return 1;
}

static int string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* Upvalues: subject, pattern, next offset, end of the last match (offset + 1; 0 = none). */
static int gmatch_step(lua_State *L)
{
    struct bw_str subject = check_str(L, lua_upvalueindex(1)),
                  pattern = check_str(L, lua_upvalueindex(2));
    size_t from = (size_t)lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct bw_match match;
    const char *end;

    begin_match(L, &match, subject, pattern);
    for (; from <= subject.len; from++) {
        const char *at = subject.ptr + from;
        if (try_match(L, &match, at, &end) && end - subject.ptr + 1 != last) {
            lua_pushinteger(L, end - subject.ptr);
            lua_replace(L, lua_upvalueindex(3));
            lua_pushinteger(L, end - subject.ptr + 1);
            lua_replace(L, lua_upvalueindex(4));
            return push_captures(L, &match, at, end);
        }
    }
    lua_pushinteger(L, (lua_Integer)subject.len + 1);
    lua_replace(L, lua_upvalueindex(3));
    return 0;
}

static int string_gmatch(lua_State *L)
{
    struct bw_str subject = check_str(L, 1);
    size_t from = start_offset(L, 3, subject.len);

    (void)check_str(L, 2);
    lua_settop(L, 2);
    lua_pushinteger(L, from == SIZE_MAX ? (lua_Integer)subject.len + 1 : (lua_Integer)from);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, gmatch_step, 4);
    return 1;
}

/* Expands "%1", "%0" and "%%" of the replacement text (argument 3) for one match into `out`. */
static void expand_replacement(lua_State *L, struct bw_buf *out, const struct bw_match *match,
                               const char *start, const char *end)
{
    struct bw_str text = check_str(L, 3);

    for (size_t i = 0; i < text.len; i++) {
        size_t len;
        const char *piece;
        if (text.ptr[i] != '%') {
            bw_buf_put_char(out, text.ptr[i]);
            continue;
        }
        i++;
        if (i < text.len && text.ptr[i] == '%') {
            bw_buf_put_char(out, '%');
        } else if (i < text.len && text.ptr[i] == '0') {
            bw_buf_put(out, start, (size_t)(end - start));
        } else if (i < text.len && text.ptr[i] >= '1' && text.ptr[i] <= '9') {
            int at = text.ptr[i] - '1';
            if (at >= match->capture_count && !(at == 0 && match->capture_count == 0))
                bw_lua_raise(L, "invalid capture index %%%d in replacement string", at + 1);
            push_capture(L, match, at, start, end);
            piece = lua_tolstring(L, -1, &len);
            bw_buf_put(out, piece, len);
            lua_pop(L, 1);
        } else {
            bw_lua_raise(L, "invalid use of '%%' in replacement string");
        }
    }
    bw_lua_charge(L, text.len / 8);
}

static void put_replacement(lua_State *L, struct bw_buf *out, const struct bw_match *match,
                            const char *start, const char *end)
{
    size_t len;
    const char *text;

    bw_lua_hold_buf(L, out);
    switch (lua_type(L, 3)) {
    case LUA_TFUNCTION:
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, match, start, end), 1);
        break;
    case LUA_TTABLE:
        push_capture(L, match, 0, start, end);
        lua_gettable(L, 3);
        break;
    default:
        expand_replacement(L, out, match, start, end);
        return;
    }
    if (!lua_toboolean(L, -1)) {
        bw_buf_put(out, start, (size_t)(end - start)); /* keeps what was there */
    } else if (lua_isstring(L, -1)) {
        text = lua_tolstring(L, -1, &len);
        bw_buf_put(out, text, len);
    } else {
        bw_lua_raise(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    lua_pop(L, 1);
}

static int string_gsub(lua_State *L)
{
    struct bw_str subject = check_str(L, 1), pattern = check_str(L, 2);
    int type = lua_type(L, 3);
    lua_Integer count_max = luaL_optinteger(L, 4, (lua_Integer)subject.len + 1), count = 0;
    bool is_anchored = pattern.len > 0 && pattern.ptr[0] == '^';
    const char *at = subject.ptr, *last_end = NULL, *end;
    struct bw_match match;
    struct bw_buf *out;

    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    if (is_anchored)
        pattern = bw_str(pattern.ptr + 1, pattern.len - 1);
    begin_match(L, &match, subject, pattern);
    out = bw_lua_push_buf(L, BW_LUA_STRING_BYTES_MAX);
    while (count < count_max) {
        if (try_match(L, &match, at, &end) && end != last_end) {
            count++;
            put_replacement(L, out, &match, at, end);
            at = last_end = end;
        } else if (at < subject.ptr + subject.len) {
            bw_buf_put_char(out, *at++);
        } else {
            break;
        }
        if (is_anchored)
            break;
    }
    bw_buf_put(out, at, (size_t)(subject.ptr + subject.len - at));
    if (out->is_over)
        return bw_lua_raise(L, "the result is longer than %u bytes", BW_LUA_STRING_BYTES_MAX);
    lua_pushlstring(L, out->ptr, out->len);
    bw_lua_drop_buf(out);
    lua_pushinteger(L, count);
    return 2;
}

/* --- the rest */

static int string_rep(lua_State *L)
{
    struct bw_str text = check_str(L, 1);
    lua_Integer count = luaL_checkinteger(L, 2);
    size_t sep_len, total;
    const char *sep = luaL_optlstring(L, 3, "", &sep_len);
    luaL_Buffer out;
    char *at;

    if (count <= 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (text.len + sep_len > 0 && (lua_Unsigned)count > REP_BYTES_MAX / (text.len + sep_len))
        return bw_lua_raise(L, "string.rep: the result is longer than %u bytes", REP_BYTES_MAX);
    if (text.len + sep_len == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    total = (size_t)count * text.len + ((size_t)count - 1) * sep_len;
    bw_lua_charge(L, total / 64 + (size_t)count / 4);
    at = luaL_buffinitsize(L, &out, total);
    for (lua_Integer i = 0; i < count; i++) {
        memcpy(at, text.ptr, text.len);
        at += text.len;
        if (i + 1 < count && sep_len) {
            memcpy(at, sep, sep_len);
            at += sep_len;
        }
    }
    luaL_pushresultsize(&out, total);
    return 1;
}

static int string_byte(lua_State *L)
{
    struct bw_str text = check_str(L, 1);
    lua_Integer len = (lua_Integer)text.len;
    lua_Integer first = luaL_optinteger(L, 2, 1), last;

    first = first < 0 ? (first < -len ? 1 : len + first + 1) : first == 0 ? 1 : first;
    last = luaL_optinteger(L, 3, first);
    last = last < 0 ? (last < -len ? 0 : len + last + 1) : last > len ? len : last;
    if (first > last)
        return 0;
    if (last - first >= RESULTS_MAX)
        return bw_lua_raise(L, "string.byte: at most %d results", RESULTS_MAX);
    luaL_checkstack(L, (int)(last - first + 1), "string slice too long");
    for (lua_Integer i = first; i <= last; i++)
        lua_pushinteger(L, (unsigned char)text.ptr[i - 1]);
    return (int)(last - first + 1);
}

int bw_lua_charged_by_length(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        bw_lua_charge(L, lua_rawlen(L, 1) / 64);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Lua's own codepoint, with as many results as string.byte. */
static int utf8_codepoint(lua_State *L)
{
    struct bw_str text = check_str(L, 1);
    lua_Integer len = (lua_Integer)text.len, first = luaL_optinteger(L, 2, 1);
    lua_Integer last = luaL_optinteger(L, 3, first);

    first = first < 0 ? len + first + 1 : first;
    last = last < 0 ? len + last + 1 : last;
    if (first >= 1 && last <= len && last - first >= 4 * RESULTS_MAX)
        return bw_lua_raise(L, "utf8.codepoint: at most %d results", RESULTS_MAX);
    bw_lua_charge(L, last > first && last <= len ? (size_t)(last - first) / 8 : 0);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

int bw_lua_open_utf8(lua_State *L)
{
    static const char *const by_length[] = {"codes", "len", "offset"};
    static const char *const plain[] = {"char", "charpattern"};

    lua_createtable(L, 0, 8); /* stack: ours */
    lua_pushcfunction(L, luaopen_utf8);
    lua_call(L, 0, 1); /* stack: ours theirs */
    for (size_t i = 0; i < sizeof by_length / sizeof by_length[0]; i++) {
        lua_getfield(L, -1, by_length[i]);
        lua_pushcclosure(L, bw_lua_charged_by_length, 1);
        lua_setfield(L, -3, by_length[i]);
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        lua_getfield(L, -1, plain[i]);
        lua_setfield(L, -3, plain[i]);
    }
    lua_getfield(L, -1, "codepoint");
    lua_pushcclosure(L, utf8_codepoint, 1);
    lua_setfield(L, -3, "codepoint");
    lua_pop(L, 1);
    return 1;
}

static const char *const lua_own[] = {"char",    "len", "lower",  "pack", "packsize",
                                      "reverse", "sub", "unpack", "upper"};

static const luaL_Reg functions[] = {
    {"byte", string_byte},     {"find", string_find}, {"format", bw_lua_format},
    {"gmatch", string_gmatch}, {"gsub", string_gsub}, {"match", string_match},
    {"rep", string_rep},       {NULL, NULL},
};

int bw_lua_open_string(lua_State *L)
{
    lua_createtable(L, 0, 16); /* stack: ours */
    luaL_setfuncs(L, functions, 0);
    lua_pushcfunction(L, luaopen_string);
    lua_call(
        L, 0,
        1); /* stack: ours theirs; it also sets a metatable for strings, which sandbox.c replaces */
    for (size_t i = 0; i < sizeof lua_own / sizeof lua_own[0]; i++) {
        lua_getfield(L, -1, lua_own[i]);
        lua_pushcclosure(L, bw_lua_charged_by_length, 1);
        lua_setfield(L, -3, lua_own[i]);
    }
    lua_pop(L, 1);
    return 1;
}
