/* lib_script.c - billow.script.core: what stdlib/script_runtime.lua needs to run a plain Lua file.
 * For the standard library only.
 *
 *   load(name, is_strict) -> function | nil, problem    the file, ready to be called
 *   show(...) -> text, json                             values for people and for machines
 */
#include "lua/sandbox.h"
#include "lua/show.h"
#include "lua/vm_state.h"

/* Unlike modules and workflows it is called by the strand itself, so that an effect in it is a
 * command the engine can refuse by name. */
static int script_load(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    struct bw_vm *vm = bw_vm_of(L);
    struct bw_str bytecode;
    struct bw_error error;

    if (bw_release_compile(vm->release, bw_str(name, len), &bytecode, &error) != BW_ERR_OK) {
        lua_pushnil(L);
        lua_pushstring(L, error.text);
        return 2;
    }
    bw_sandbox_push_env(L, lua_toboolean(L, 2) ? BW_ENV_SCRIPT : BW_ENV_PLAIN);
    (void)bw_release_push_chunk(L, vm->release, bw_str(name, len));
    return 1;
}

static int script_show(lua_State *L)
{
    int count = lua_gettop(L);
    struct bw_buf *text, *json;

    luaL_checkstack(L, 4, NULL);
    text = bw_lua_push_buf(L, BW_SHOW_BYTES_MAX);
    json = bw_lua_push_buf(L, 4 * BW_SHOW_BYTES_MAX);
    bw_buf_put_char(json, '[');
    for (int i = 1; i <= count; i++) {
        if (i > 1) {
            bw_buf_put_char(text, '\n');
            bw_buf_put_char(json, ',');
        }
        bw_lua_show_text(L, i, text);
        bw_lua_show_json(L, i, json);
    }
    bw_buf_put_char(json, ']');
    lua_pushlstring(L, text->ptr, text->len);
    lua_pushlstring(L, json->ptr, json->len);
    bw_lua_drop_buf(text);
    bw_lua_drop_buf(json);
    return 2;
}

static const luaL_Reg functions[] = {
    {"load", script_load},
    {"show", script_show},
    {NULL, NULL},
};

int bw_lua_open_script_core(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
