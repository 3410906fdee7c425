/* lib_text.c - billow.text: the few text functions that billing needs exactly the same everywhere.
 * Bytes, not locale. */
#include "codec/crypto.h"
#include "codec/utf8.h"
#include "lua/lib.h"

#define TEXT_BYTES_MAX (8u * 1024u * 1024u)

/* How many bytes of white space start at `at`: space, tab, CR, LF, and U+00A0 in UTF-8. 0 = none.
 */
static size_t space_len(const char *at, const char *end)
{
    if (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
        return 1;
    return end - at >= 2 && at[0] == '\xC2' && at[1] == '\xA0' ? 2 : 0;
}

static bool is_ascii_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int text_trim(lua_State *L)
{
    size_t len;
    const char *start = luaL_checklstring(L, 1, &len);
    const char *end = start + len;

    bw_lua_charge(L, len / 64);
    while (start < end && is_ascii_space(*start))
        start++;
    while (end > start && is_ascii_space(end[-1]))
        end--;
    lua_pushlstring(L, start, (size_t)(end - start));
    return 1;
}

static int text_collapse(lua_State *L)
{
    size_t len;
    const char *at = luaL_checklstring(L, 1, &len);
    const char *end = at + len;
    bool is_pending = false; /* a run of space was seen, and something stands before it */
    luaL_Buffer out;
    char *text = luaL_buffinitsize(L, &out, len + 1);
    size_t written = 0;

    while (at < end) {
        size_t space = space_len(at, end);
        if (space) {
            is_pending = written > 0;
            at += space;
            continue;
        }
        if (is_pending)
            text[written++] = ' ';
        is_pending = false;
        text[written++] = *at++;
    }
    luaL_pushresultsize(&out, written);
    bw_lua_charge(L, len / 16);
    return 1;
}

static int text_split(lua_State *L)
{
    size_t len, sep_len;
    const char *at = luaL_checklstring(L, 1, &len);
    const char *sep = luaL_checklstring(L, 2, &sep_len);
    const char *end = at + len;
    lua_Integer count = 0;

    if (sep_len == 0)
        return bw_lua_raise(L, "text.split: the separator is empty");
    bw_lua_charge(L, len / 16);
    lua_newtable(L);
    for (;;) {
        const char *hit = memmem(at, (size_t)(end - at), sep, sep_len);
        lua_pushlstring(L, at, (size_t)((hit ? hit : end) - at));
        lua_rawseti(L, -2, ++count);
        if (!hit)
            return 1;
        at = hit + sep_len;
    }
}

static int text_html(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_Buffer out;

    bw_lua_charge(L, len / 16);
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '&':
            luaL_addstring(&out, "&amp;");
            break;
        case '<':
            luaL_addstring(&out, "&lt;");
            break;
        case '>':
            luaL_addstring(&out, "&gt;");
            break;
        case '"':
            luaL_addstring(&out, "&quot;");
            break;
        case '\'':
            luaL_addstring(&out, "&#39;");
            break;
        default:
            luaL_addchar(&out, text[i]);
        }
    }
    luaL_pushresult(&out);
    return 1;
}

static int text_sha256_hex(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    char hex[BW_SHA256_HEX_LEN + 1];

    bw_lua_charge(L, len / 16 + 16);
    bw_sha256_hex(bw_str(text, len), hex);
    lua_pushlstring(L, hex, BW_SHA256_HEX_LEN);
    return 1;
}

static int text_is_utf8(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);

    bw_lua_charge(L, len / 16);
    lua_pushboolean(L, bw_utf8_is_valid(bw_str(text, len)));
    return 1;
}

static const luaL_Reg functions[] = {
    {"trim", text_trim}, {"collapse", text_collapse},     {"split", text_split},
    {"html", text_html}, {"sha256_hex", text_sha256_hex}, {"is_utf8", text_is_utf8},
    {NULL, NULL},
};

int bw_lua_open_text(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
