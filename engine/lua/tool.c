#include "lua/tool.h"
#include "base/mem.h"
#include "lua/budget.h"
#include "lua/lib.h"
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_BYTES_MAX (1024u * 1024u)
#define BUSTED_PATH "/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua"

static const char exit_key = 0; /* its address is what our os.exit raises */

struct zone {
    struct zone *next;
    char *name;
    char *bytes;
    size_t len;
};

struct bw_tool {
    lua_State *L;
    struct bw_tool_options options;
    struct bw_lua_zones zones;
    struct zone *zone_list; /* files read so far */
    int exit_code;          /* what os.exit was called with */
};

/* --- time zones from the machine */

static bool zone_name_is_safe(struct bw_str name)
{
    if (name.len == 0 || name.len > 64 || name.ptr[0] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '_' || c == '-' || c == '+';
        if (!is_fine) /* no dots: no way out of the folder */
            return false;
    }
    return true;
}

static bool find_zone(void *self, struct bw_str name, struct bw_str *bytes)
{
    struct bw_tool *tool = self;
    char path[1024];
    struct zone *zone;
    struct bw_buf content;
    FILE *file;
    size_t got;

    for (zone = tool->zone_list; zone; zone = zone->next) {
        if (bw_str_eq(bw_str_of(zone->name), name)) {
            *bytes = bw_str(zone->bytes, zone->len);
            return true;
        }
    }
    if (!zone_name_is_safe(name))
        return false;
    (void)snprintf(path, sizeof path, "%s/%.*s",
                   tool->options.zoneinfo_dir ? tool->options.zoneinfo_dir : "/usr/share/zoneinfo",
                   BW_STR_ARG(name));
    file = fopen(path, "rbe");
    if (!file)
        return false;
    bw_buf_init(&content, ZONE_BYTES_MAX);
    do {
        char block[4096];
        got = fread(block, 1, sizeof block, file);
        bw_buf_put(&content, block, got);
    } while (got > 0);
    (void)fclose(file);
    zone = bw_xcalloc(1, sizeof *zone);
    zone->name = bw_xstrndup(name.ptr, name.len);
    zone->bytes = bw_buf_take(&content, &zone->len);
    zone->next = tool->zone_list;
    tool->zone_list = zone;
    *bytes = bw_str(zone->bytes, zone->len);
    return true;
}

/* --- modules */

/* Searcher for billow.*. Upvalue 1: the stdlib folder. */
static int search_stdlib(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *dir = lua_tostring(L, lua_upvalueindex(1));
    static const char *const forms[] = {"%s/%s.lua", "%s/%s/init.lua"};
    const char *subject;

    if (strcmp(name, "billow") == 0)
        subject = "";
    else if (strncmp(name, "billow.", 7) == 0)
        subject = luaL_gsub(L, name + 7, ".", "/");
    else
        return 0;
    lua_pushliteral(L, "");
    for (size_t i = 0; i < 2; i++) {
        const char *path = *subject ? lua_pushfstring(L, forms[i], dir, subject)
                                    : lua_pushfstring(L, "%s/init.lua", dir);
        FILE *file = fopen(path, "re");
        if (file) {
            (void)fclose(file);
            if (luaL_loadfilex(L, path, "t") != LUA_OK)
                return luaL_error(L, "%s", lua_tostring(L, -1));
            lua_pushstring(L, path);
            return 2;
        }
        lua_pushfstring(L, "\n\tno file '%s'", path);
        lua_concat(L, 2);
    }
    return 1;
}

static void add_searcher(lua_State *L, const char *dir)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    for (lua_Integer i = luaL_len(L, -1); i >= 2; i--) { /* second place, behind preload */
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushstring(L, dir);
    lua_pushcclosure(L, search_stdlib, 1);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
}

static void set_path(lua_State *L, const char *const *lib_dirs)
{
    lua_getglobal(L, "package");
    lua_pushliteral(L, "");
    for (size_t i = 0; lib_dirs && lib_dirs[i]; i++) {
        lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;", lib_dirs[i], lib_dirs[i]);
        lua_concat(L, 2);
    }
    lua_pushliteral(L, BUSTED_PATH);
    lua_concat(L, 2);
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, ""); /* nothing can be loaded dynamically: do not look for it */
    lua_setfield(L, -2, "cpath");
    lua_pop(L, 1);
}

static void preload(lua_State *L, const char *name, lua_CFunction opener)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, opener);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

/* os.exit for scripts: raises a value of ours, so that the host keeps the process. Upvalue 1: the
 * tool. */
static int tool_exit(lua_State *L)
{
    struct bw_tool *tool = lua_touserdata(L, lua_upvalueindex(1));

    if (lua_isboolean(L, 1))
        tool->exit_code = lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        tool->exit_code = (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&exit_key);
    return lua_error(L);
}

static int open_all(lua_State *L)
{
    struct bw_tool *tool = lua_touserdata(L, 1);

    luaL_openlibs(L);
    for (const luaL_Reg *lib = bw_lua_libs; lib->name; lib++) {
        lua_pushfstring(L, "billow.%s", lib->name);
        preload(L, lua_tostring(L, -1), lib->func);
        lua_pop(L, 1);
    }
    preload(L, "lfs", bw_lua_open_fs);
    preload(L, "term.core", bw_lua_open_term);
    preload(L, "system.core", bw_lua_open_system);
    bw_lua_set_zones(L, &tool->zones);
    lua_pushcfunction(L, bw_lua_pairs_lenient);
    lua_setglobal(L, "pairs");
    lua_getglobal(L, "table");
    lua_pushcfunction(L, bw_lua_sort);
    lua_setfield(L, -2, "sort");
    lua_getglobal(L, "os");
    lua_pushlightuserdata(L, tool);
    lua_pushcclosure(L, tool_exit, 1);
    lua_setfield(L, -2, "exit");
    lua_pop(L, 2);
    if (tool->options.stdlib_dir)
        add_searcher(L, tool->options.stdlib_dir);
    set_path(L, tool->options.lib_dirs);
    return 0;
}

struct bw_tool *bw_tool_create(const struct bw_tool_options *options, struct bw_error *error)
{
    struct bw_tool *tool = bw_xcalloc(1, sizeof *tool);

    tool->options = *options;
    tool->zones = (struct bw_lua_zones){.find = find_zone, .self = tool};
    tool->L = luaL_newstate();
    if (tool->L)
        bw_budget_set_none(tool->L);
    else
        (void)bw_fail(error, BW_ERR_MEMORY, "no memory for a Lua state");
    if (!tool->L || bw_lua_protected(tool->L, open_all, tool, error) != LUA_OK) {
        bw_tool_destroy(tool);
        return NULL;
    }
    return tool;
}

void bw_tool_destroy(struct bw_tool *tool)
{
    if (!tool)
        return;
    if (tool->L)
        lua_close(tool->L);
    while (tool->zone_list) {
        struct zone *zone = tool->zone_list;
        tool->zone_list = zone->next;
        bw_free(zone->name);
        bw_free(zone->bytes);
        bw_free(zone);
    }
    bw_free(tool);
}

lua_State *bw_tool_state(struct bw_tool *tool)
{
    return tool->L;
}

/* --- running */

static int add_traceback(lua_State *L)
{
    if (lua_touserdata(L, 1) == (const void *)&exit_key)
        return 1;
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* What a protected run needs; `path` NULL: busted. */
struct call {
    const char *path;
    const char *const *args;
};

static void set_arg(lua_State *L, const struct call *call)
{
    lua_newtable(L);
    lua_pushstring(L, call->path ? call->path : "busted");
    lua_rawseti(L, -2, 0);
    for (int i = 0; call->args && call->args[i]; i++) {
        lua_pushstring(L, call->args[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setglobal(L, "arg");
}

static int run_call(lua_State *L)
{
    const struct call *call = lua_touserdata(L, 1);
    int count = 0;

    set_arg(L, call);
    if (call->path) {
        if (luaL_loadfilex(L, call->path, "t") != LUA_OK)
            return lua_error(L);
        for (; call->args && call->args[count]; count++) {
            luaL_checkstack(L, 4, "arguments");
            lua_pushstring(L, call->args[count]);
        }
    } else if (luaL_loadbufferx(L, "require('busted.runner')({ standalone = false })",
                                strlen("require('busted.runner')({ standalone = false })"),
                                "@busted", "t") != LUA_OK) {
        return lua_error(L);
    }
    lua_call(L, count, 0);
    return 0;
}

static int run(struct bw_tool *tool, const struct call *call)
{
    lua_State *L = tool->L;
    int base = lua_gettop(L);
    int status;

    tool->exit_code = EXIT_SUCCESS;
    lua_pushcfunction(L, add_traceback);
    lua_pushcfunction(L, run_call);
    lua_pushlightuserdata(L, (void *)(uintptr_t)call);
    status = lua_pcall(L, 1, 0, base + 1);
    if (status != LUA_OK && lua_touserdata(L, -1) != (const void *)&exit_key) {
        const char *text = lua_tostring(L, -1);
        (void)fprintf(stderr, "billow-lua: %s\n", text ? text : "(an error without text)");
        tool->exit_code = EXIT_FAILURE;
    }
    lua_settop(L, base);
    (void)fflush(stdout);
    return tool->exit_code;
}

int bw_tool_run(struct bw_tool *tool, const char *path, const char *const *args)
{
    return run(tool, &(struct call){.path = path, .args = args});
}

static int has_busted(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchpath");
    lua_pushliteral(L, "busted.runner");
    lua_getfield(L, -3, "path");
    lua_call(L, 2, 1);
    if (lua_isnil(L, -1))
        return luaL_error(L, "busted is not installed: install Debian's lua-busted");
    return 0;
}

int bw_tool_busted(struct bw_tool *tool, const char *const *args)
{
    struct bw_error error;

    if (bw_lua_protected(tool->L, has_busted, NULL, &error) != LUA_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 69;
    }
    return run(tool, &(struct call){.path = NULL, .args = args});
}
