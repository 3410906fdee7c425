/* lib_fs.c - stand-ins for three C modules that busted and penlight load: lfs, term.core,
 * system.core.
 *
 * Our Lua is linked statically and cannot load shared objects, so the subset these programs use is
 * here. Only for trusted states (tool.c): scripts of tenants never see it.
 */
#include "lua/tool.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int push_failure(lua_State *L, const char *what)
{
    int code = errno;

    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", what, strerror(code));
    lua_pushinteger(L, code);
    return 3;
}

static int push_outcome(lua_State *L, int result, const char *what)
{
    if (result != 0)
        return push_failure(L, what);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- lfs */

static const char *mode_name(mode_t mode)
{
    if (S_ISREG(mode))
        return "file";
    if (S_ISDIR(mode))
        return "directory";
    if (S_ISLNK(mode))
        return "link";
    if (S_ISSOCK(mode))
        return "socket";
    if (S_ISFIFO(mode))
        return "named pipe";
    if (S_ISCHR(mode))
        return "char device";
    return S_ISBLK(mode) ? "block device" : "other";
}

static void push_attributes(lua_State *L, const struct stat *info)
{
    const struct {
        const char *name;
        lua_Integer value;
    } numbers[] = {
        {"dev", (lua_Integer)info->st_dev},
        {"ino", (lua_Integer)info->st_ino},
        {"nlink", (lua_Integer)info->st_nlink},
        {"uid", (lua_Integer)info->st_uid},
        {"gid", (lua_Integer)info->st_gid},
        {"access", (lua_Integer)info->st_atime},
        {"modification", (lua_Integer)info->st_mtime},
        {"change", (lua_Integer)info->st_ctime},
        {"size", (lua_Integer)info->st_size},
    };

    lua_createtable(L, 0, 10);
    lua_pushstring(L, mode_name(info->st_mode));
    lua_setfield(L, -2, "mode");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        lua_pushinteger(L, numbers[i].value);
        lua_setfield(L, -2, numbers[i].name);
    }
}

static int attributes_with(lua_State *L, int (*get)(const char *, struct stat *))
{
    const char *path = luaL_checkstring(L, 1);
    struct stat info;

    if (get(path, &info) != 0)
        return push_failure(L, path);
    push_attributes(L, &info);
    if (lua_type(L, 2) == LUA_TSTRING) {
        lua_pushvalue(L, 2);
        lua_rawget(L, -2);
    }
    return 1;
}

static int fs_attributes(lua_State *L)
{
    return attributes_with(L, stat);
}

static int fs_symlinkattributes(lua_State *L)
{
    return attributes_with(L, lstat);
}

static int fs_currentdir(lua_State *L)
{
    char path[4096];

    if (!getcwd(path, sizeof path))
        return push_failure(L, "currentdir");
    lua_pushstring(L, path);
    return 1;
}

static int fs_chdir(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);

    return push_outcome(L, chdir(path), path);
}

static int fs_mkdir(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);

    return push_outcome(L, mkdir(path, 0777), path);
}

static int fs_rmdir(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);

    return push_outcome(L, rmdir(path), path);
}

/* The directory is read whole at once: no handle outlives the call. */
static int dir_next(lua_State *L) /* upvalues: list, position */
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(2)) + 1;

    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(2));
    lua_rawgeti(L, lua_upvalueindex(1), at);
    return 1;
}

struct dir_guard {
    DIR *dir;
};

static int dir_guard_gc(lua_State *L)
{
    struct dir_guard *guard = lua_touserdata(L, 1);

    if (guard->dir)
        (void)closedir(guard->dir);
    guard->dir = NULL;
    return 0;
}

static int fs_dir(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct dir_guard *guard = lua_newuserdatauv(L, sizeof *guard, 0);
    struct dirent *entry;
    lua_Integer count = 0;

    guard->dir = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, dir_guard_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_newtable(L);
    guard->dir = opendir(path);
    if (!guard->dir)
        return luaL_error(L, "cannot open %s: %s", path, strerror(errno));
    while ((entry = readdir(guard->dir)) != NULL) {
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -2, ++count);
    }
    (void)closedir(guard->dir);
    guard->dir = NULL;
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, dir_next, 2);
    return 1;
}

static const luaL_Reg fs_functions[] = {
    {"attributes", fs_attributes},
    {"symlinkattributes", fs_symlinkattributes},
    {"currentdir", fs_currentdir},
    {"chdir", fs_chdir},
    {"mkdir", fs_mkdir},
    {"rmdir", fs_rmdir},
    {"dir", fs_dir},
    {NULL, NULL},
};

int bw_lua_open_fs(lua_State *L)
{
    luaL_newlib(L, fs_functions);
    return 1;
}

/* --- term.core */

static int term_isatty(lua_State *L)
{
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);

    lua_pushboolean(L, stream->f && isatty(fileno(stream->f)));
    return 1;
}

int bw_lua_open_term(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, term_isatty);
    lua_setfield(L, -2, "isatty");
    return 1;
}

/* --- system.core */

static int push_clock(lua_State *L, clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
    return 1;
}

static int system_gettime(lua_State *L)
{
    return push_clock(L, CLOCK_REALTIME);
}

static int system_monotime(lua_State *L)
{
    return push_clock(L, CLOCK_MONOTONIC);
}

static int system_sleep(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);
    struct timespec pause;

    if (seconds <= 0)
        return 0;
    pause.tv_sec = (time_t)seconds;
    pause.tv_nsec = (long)((seconds - (lua_Number)pause.tv_sec) * 1e9);
    (void)nanosleep(&pause, NULL);
    return 0;
}

static const luaL_Reg system_functions[] = {
    {"gettime", system_gettime},
    {"monotime", system_monotime},
    {"sleep", system_sleep},
    {NULL, NULL},
};

int bw_lua_open_system(lua_State *L)
{
    luaL_newlib(L, system_functions);
    return 1;
}
