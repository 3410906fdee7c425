/* load.c - require over the modules of a release, and running workflow and policy files.
 *
 * billow.<lib> is a C library, billow.x.y is stdlib/x/y.lua or stdlib/x/y/init.lua, x.y is
 * lib/x/y.lua or lib/x/y/init.lua. Modules of billow.* are frozen: a script cannot change what the
 * standard library relies on.
 */
#include "lua/sandbox.h"
#include "lua/vm_state.h"
#include <stdio.h>

#define MODULE_NAME_MAX 128

static const char loaded_key = 0;  /* keys the table of loaded modules in the registry */
static const char loading_key = 0; /* its address marks a module that is being loaded */

/* For the standard library only: with them a script could catch a cancel, or forge a command. */
static const char *const trusted_modules[] = {"billow.effect",      "billow.effect.core",
                                              "billow.runtime",     "billow.script_runtime",
                                              "billow.script.core", NULL};

static void push_loaded(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
}

static bool is_name(const char *name, size_t len)
{
    if (len == 0 || len > MODULE_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
        bool is_dot = c == '.' && i > 0 && i + 1 < len && name[i - 1] != '.';
        if (!is_word && !is_dot)
            return false;
    }
    return true;
}

static void refuse_untrusted(lua_State *L, const char *name)
{
    for (size_t i = 0; trusted_modules[i]; i++) {
        if (strcmp(trusted_modules[i], name) == 0)
            bw_lua_raise(L,
                         "module '%s' is for the standard library: use billow.http, billow.event, "
                         "billow.timer, ...",
                         name);
    }
}

/* Pushes the opened C library, or nothing (false). */
static bool open_library(lua_State *L, const char *name)
{
    lua_CFunction opener = NULL;

    if (strcmp(name, "billow.effect.core") == 0)
        opener = bw_lua_open_effect_core;
    if (strcmp(name, "billow.script.core") == 0)
        opener = bw_lua_open_script_core;
    for (const luaL_Reg *lib = bw_lua_libs; !opener && lib->name; lib++) {
        if (strncmp(name, "billow.", 7) == 0 && strcmp(name + 7, lib->name) == 0)
            opener = lib->func;
    }
    if (!opener)
        return false;
    lua_pushcfunction(L, opener);
    lua_call(L, 0, 1);
    return true;
}

/* Pushes the chunk of a file with the environment its place gives it, or nothing (false). */
static bool push_chunk(lua_State *L, struct bw_vm *vm, struct bw_str name)
{
    bool is_trusted = bw_str_starts(name, BW_STR("stdlib/"));

    luaL_checkstack(L, 6, NULL);
    bw_sandbox_push_env(L, is_trusted ? BW_ENV_TRUSTED : BW_ENV_SCRIPT);
    if (bw_release_push_chunk(L, vm->release, name))
        return true;
    lua_pop(L, 1);
    return false;
}

/* Lua's own libraries: `require "string"` gives what the global has, as in any Lua. */
static bool is_standard(const char *name)
{
    static const char *const names[] = {"coroutine", "math", "string", "table", "utf8", NULL};

    for (size_t i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void refuse_module(lua_State *L, const char *name, const char *first, const char *second)
{
    const char *hint = bw_sandbox_hint(bw_str_of(name));

    if (hint)
        bw_lua_raise(L, "'%s' is not available: %s", name, hint);
    bw_lua_raise(L, "module '%s' not found: the release has neither %s nor %s", name, first,
                 second);
}

/* Pushes the chunk of module `name`, or nothing (false) for one of Lua's own that no file has;
 * raises when no file has another. */
static bool push_module_chunk(lua_State *L, struct bw_vm *vm, const char *name)
{
    char subject[MODULE_NAME_MAX + 1], first[MODULE_NAME_MAX + 32], second[MODULE_NAME_MAX + 32];
    bool is_billow = strncmp(name, "billow.", 7) == 0;
    size_t len;

    if (strcmp(name, "billow") == 0) {
        if (push_chunk(L, vm, BW_STR("stdlib/init.lua")))
            return true;
        bw_lua_raise(L, "module 'billow' not found: the release has no stdlib/init.lua");
    }
    len = (size_t)snprintf(subject, sizeof subject, "%s", is_billow ? name + 7 : name);
    for (size_t i = 0; i < len; i++) {
        if (subject[i] == '.')
            subject[i] = '/';
    }
    (void)snprintf(first, sizeof first, "%s/%s.lua", is_billow ? "stdlib" : "lib", subject);
    (void)snprintf(second, sizeof second, "%s/%s/init.lua", is_billow ? "stdlib" : "lib", subject);
    if (push_chunk(L, vm, bw_str_of(first)) || push_chunk(L, vm, bw_str_of(second)))
        return true;
    if (is_standard(name))
        return false;
    refuse_module(L, name, first, second);
    return false;
}

/* Runs the chunk at the top, of the module whose name is at index 1 and the loaded ones at 2;
 * leaves what it returns. */
static void run_module_chunk(lua_State *L)
{
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&loading_key);
    lua_rawset(L, 2);
    lua_pushvalue(L, 1);
    int status = lua_pcall(L, 1, 1, 0);
    if (status != LUA_OK) {
        bw_budget_check(L, status, true);
        lua_pushvalue(L, 1);
        lua_pushnil(L);
        lua_rawset(L, 2); /* it may be tried again */
        lua_error(L);
    }
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
}

/* The next run of this workflow may have the module from the start (lua/warm.h), and is to have as
 * many steps left as this one: loading the library costs none. */
static void note_module(struct bw_vm *vm, const struct bw_budget *before, struct bw_str name)
{
    bw_buf_put_str(&vm->modules, name);
    bw_buf_put_u8(&vm->modules, 0);
    vm->budget.steps = before->steps;
    vm->budget.bytes_uncharged = before->bytes_uncharged;
    vm->budget.wall_steps = before->wall_steps;
}

int bw_lua_require(lua_State *L)
{
    struct bw_vm *vm = bw_vm_of(L);
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);

    if (!is_name(name, len))
        return bw_lua_raise(L, "require: '%.64s' is not a module name", name);
    if (!lua_toboolean(L, lua_upvalueindex(1)))
        refuse_untrusted(L, name);
    lua_settop(L, 1);
    push_loaded(L); /* stack: name loaded */
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) != LUA_TNIL) {
        if (lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == (const void *)&loading_key)
            return bw_lua_raise(L, "module '%s' requires itself, perhaps through others", name);
        return 1;
    }
    lua_pop(L, 1);
    if (!open_library(L, name)) {
        if (push_module_chunk(L, vm, name)) {
            struct bw_budget before = vm->budget;
            run_module_chunk(L);
            if (strncmp(name, "billow", 6) == 0)
                note_module(vm, &before, bw_str(name, len));
        } else {
            bw_sandbox_push_env(L, BW_ENV_SCRIPT);
            lua_getfield(L, -1, name);
            lua_remove(L, -2);
        }
    }
    if (strncmp(name, "billow", 6) == 0)
        bw_sandbox_freeze(L);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}

void bw_lua_run_file(lua_State *L, struct bw_str name)
{
    if (!push_chunk(L, bw_vm_of(L), name))
        bw_lua_raise(L, "the release has no file %.*s", BW_STR_ARG(name));
    lua_call(L, 0, 1); /* not yieldable: effects are refused while a file loads */
}
