#include "lua/tool_call.h"
#include "lua/bridge.h"
#include "lua/tool.h"
#include <string.h>

#define ANSWER_BYTES_MAX (64u * 1024u * 1024u)

struct binding {
    bw_tool_call_fn fn;
    void *ud;
};

/* call(op, value). Upvalue 1: the binding. */
static int tool_call(lua_State *L)
{
    const struct binding *binding = lua_touserdata(L, lua_upvalueindex(1));
    struct bw_error error = {0};
    struct bw_buf *value, *answer;
    size_t len;
    const char *op = luaL_checklstring(L, 1, &len);

    lua_settop(L, 2);
    value = bw_lua_push_buf(L, ANSWER_BYTES_MAX);
    answer = bw_lua_push_buf(L, ANSWER_BYTES_MAX);
    bw_lua_encode(L, 2, op, value);
    if (binding->fn(binding->ud, bw_str(op, len), bw_buf_str(value), answer, &error) != BW_ERR_OK) {
        lua_pushboolean(L, 0);
        lua_pushstring(L, bw_err_name(error.code));
        lua_pushstring(L, error.text);
        return 3;
    }
    if (answer->is_over)
        return bw_lua_raise(L, "%s: the answer is over %u bytes", op, ANSWER_BYTES_MAX);
    lua_pushboolean(L, 1);
    bw_lua_decode(L, bw_buf_str(answer));
    bw_lua_drop_buf(value);
    bw_lua_drop_buf(answer);
    return 2;
}

struct addition {
    const char *module;
    struct binding binding;
};

static int add(lua_State *L)
{
    const struct addition *addition = lua_touserdata(L, 1);
    struct binding *binding;

    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    binding = lua_newuserdatauv(L, sizeof *binding, 0);
    *binding = addition->binding;
    lua_pushcclosure(L, tool_call, 1);
    lua_setfield(L, -2, addition->module);
    return 0;
}

enum bw_err bw_tool_add_call(struct bw_tool *tool, const char *module, bw_tool_call_fn fn, void *ud,
                             struct bw_error *error)
{
    struct addition addition = {.module = module, .binding = {.fn = fn, .ud = ud}};

    return bw_lua_protected(bw_tool_state(tool), add, &addition, error) == LUA_OK ? BW_ERR_OK
                                                                                  : BW_ERR_MEMORY;
}

struct application {
    const char *module;
    const char *name;
    struct bw_str args;
    struct bw_buf *results; /* the caller's: nothing is lost when Lua leaves */
};

static int apply(lua_State *L)
{
    const struct application *application = lua_touserdata(L, 1);
    struct bw_value args = bw_value_read(application->args), arg;
    struct bw_str rest = args.items;

    lua_getglobal(L, "require");
    lua_pushstring(L, application->module);
    lua_call(L, 1, 1);
    lua_getfield(L, -1, application->name);
    int base = lua_gettop(L);
    while (bw_value_next(&rest, &arg)) {
        luaL_checkstack(L, 4, "arguments");
        bw_lua_decode_value(L, &arg);
    }
    lua_call(L, lua_gettop(L) - base, LUA_MULTRET);
    int count = lua_gettop(L) - base + 1;
    bw_value_put_arr(application->results, (size_t)count);
    for (int i = 0; i < count; i++)
        bw_lua_encode(L, base + i, application->name, application->results);
    return 0;
}

enum bw_err bw_tool_apply(struct bw_tool *tool, const char *module, const char *name,
                          struct bw_str args, struct bw_buf *results, struct bw_error *error)
{
    struct application application = {module, name, args, results};
    int status = bw_lua_protected(bw_tool_state(tool), apply, &application, error);

    return status == LUA_OK ? BW_ERR_OK : status == LUA_ERRMEM ? BW_ERR_MEMORY : BW_ERR_SCRIPT;
}
