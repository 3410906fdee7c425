/* lib_list.c - the list of C libraries that every state offers to `require`. */
#include "lua/lib.h"

const luaL_Reg bw_lua_libs[] = {
    {"date", bw_lua_open_date},   {"decimal", bw_lua_open_decimal}, {"json", bw_lua_open_json},
    {"money", bw_lua_open_money}, {"text", bw_lua_open_text},       {NULL, NULL},
};
