/* fuzz_script.c - any bytes as a source file: they compile or are refused with a text, and what
 * compiles runs in the sandbox to some end, within its steps and its memory. */
#include "fuzz.h"

#include "lua/budget.h"
#include "lua/chunk.h"
#include "lua/sandbox.h"

#define STEPS_MAX 20000

static struct bw_release *release;

static int open_state(lua_State *L)
{
    bw_sandbox_open(L, &(struct bw_sandbox_options){.require = NULL});
    return 0;
}

static int run(lua_State *L)
{
    lua_settop(L, 0);
    bw_sandbox_push_env(L, BW_ENV_PLAIN);
    FUZZ_CHECK(bw_release_push_chunk(L, release, BW_STR("f.lua")));
    lua_call(L, 0, LUA_MULTRET);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bw_release_file file = {BW_STR("f.lua"), fuzz_str(bytes, len)};
    struct bw_release_set set = {.files = &file, .count = 1};
    struct bw_budget budget = {.steps_max = STEPS_MAX, .bytes_max = (size_t)2 * 1024 * 1024};
    struct bw_str bytecode;
    struct bw_error error;

    bw_wire_release_hash(&file, 1, set.hash);
    release = bw_release_create(&set);
    if (bw_release_compile(release, file.name, &bytecode, &error) == BW_ERR_OK) {
        lua_State *L = bw_budget_newstate(&budget);
        FUZZ_CHECK(bw_lua_protected(L, open_state, NULL, &error) == LUA_OK);
        bw_budget_begin(&budget);
        int status = bw_lua_protected(L, run, NULL, &error);
        FUZZ_CHECK(status == LUA_OK || budget.fatal || error.code != BW_ERR_OK);
        FUZZ_CHECK(budget.bytes <= budget.bytes_max + BW_BUDGET_HEADROOM_BYTES);
        FUZZ_CHECK(!budget.fatal || budget.fatal == BW_FATAL_STEPS ||
                   budget.fatal == BW_FATAL_MEMORY);
        lua_close(L);
    } else {
        FUZZ_CHECK(error.code == BW_ERR_SCRIPT && error.text[0]);
    }
    bw_release_drop(release);
    return 0;
}
