#include "lua/guard.h"
#include "base/mem.h"
#include "lua/budget.h"
#include <stdarg.h>
#include <stdio.h>

static const char guard_key = 0; /* its address keys the guards' metatable in the registry */

struct guard {
    struct bw_buf buf;
    size_t held;                  /* bytes counted in the budget */
    struct bw_budget *counted_by; /* NULL once it is dropped, and in states without budget */
};

void bw_lua_drop_buf(struct bw_buf *buf)
{
    struct guard *guard = bw_container_of(buf, struct guard, buf);

    bw_buf_deinit(buf); /* safe twice */
    if (guard->counted_by) {
        guard->counted_by->open_count--;
        guard->counted_by->bytes -= guard->held;
    }
    guard->held = 0;
    guard->counted_by = NULL;
}

static int guard_gc(lua_State *L)
{
    struct guard *guard = lua_touserdata(L, 1);

    bw_lua_drop_buf(&guard->buf);
    return 0;
}

struct bw_buf *bw_lua_push_buf(lua_State *L, size_t bytes_max)
{
    luaL_checkstack(L, 4, NULL);
    struct guard *guard = lua_newuserdatauv(L, sizeof *guard, 0);
    bw_buf_init(&guard->buf, bytes_max); /* empty: nothing is owned yet */
    guard->counted_by = NULL;
    guard->held = 0;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &guard_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 1);
        lua_pushcfunction(L, guard_gc);
        lua_setfield(L, -2, "__gc");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &guard_key);
    }
    lua_setmetatable(L, -2);
    guard->counted_by = bw_budget_of(L);
    if (guard->counted_by)
        guard->counted_by->open_count++;
    return &guard->buf;
}

void bw_lua_hold_buf(lua_State *L, struct bw_buf *buf)
{
    struct guard *guard = bw_container_of(buf, struct guard, buf);
    struct bw_budget *budget = guard->counted_by;

    if (!budget || guard->held == buf->capacity)
        return;
    budget->bytes += buf->capacity - guard->held;
    guard->held = buf->capacity;
    if (budget->bytes > budget->bytes_max)
        (void)bw_budget_kill(L, BW_FATAL_MEMORY);
}

/* Pushes "file:line: " of the code to blame: the first Lua frame that is not the standard
 * library's. */
static void push_where(lua_State *L)
{
    lua_Debug ar;

    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        (void)lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0 && strncmp(ar.source, "=stdlib/", 8) != 0) {
            lua_pushfstring(L, "%s:%d: ",
                            ar.source[0] == '=' || ar.source[0] == '@' ? ar.source + 1
                                                                       : ar.short_src,
                            ar.currentline);
            return;
        }
    }
    luaL_where(L, 1);
}

int bw_lua_raise(lua_State *L, const char *format, ...)
{
    char text[BW_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    push_where(L);
    lua_pushstring(L, text);
    lua_concat(L, 2);
    return lua_error(L);
}

void bw_lua_error_text(lua_State *L, int index, char *text, size_t text_max)
{
    int type = lua_type(L, index);

    if (type == LUA_TSTRING) {
        size_t len;
        const char *ptr = lua_tolstring(L, index, &len);
        if (len >= text_max)
            len = text_max - 1;
        memcpy(text, ptr, len);
        text[len] = '\0';
    } else {
        (void)snprintf(text, text_max, "(error object of type %s)", lua_typename(L, type));
    }
}

int bw_lua_protected(lua_State *L, lua_CFunction fn, void *ud, struct bw_error *error)
{
    int status;

    if (!lua_checkstack(L, 4)) {
        (void)bw_fail(error, BW_ERR_MEMORY, "no room on the Lua stack");
        return LUA_ERRMEM;
    }
    lua_pushcfunction(L, fn); /* a light C function: allocates nothing */
    lua_pushlightuserdata(L, ud);
    status = lua_pcall(L, 1, 0, 0);
    if (status != LUA_OK) {
        char text[BW_ERROR_TEXT_MAX];
        bw_lua_error_text(L, -1, text, sizeof text);
        (void)bw_fail(error, status == LUA_ERRMEM ? BW_ERR_MEMORY : BW_ERR_SCRIPT, "%s", text);
        lua_pop(L, 1);
    }
    return status;
}
