/* fuzz_bridge.c - a value that is well-formed goes into Lua and comes out as the same bytes; one
 * whose nils are lost on the way is refused or shorter, never something else. */
#include "fuzz.h"

#include "lua/bridge.h"
#include "lua/budget.h"
#include "lua/sandbox.h"
#include "lua/show.h"

struct job {
    struct bw_str in;
    struct bw_buf *out;
    bool is_same;
};

static int open_state(lua_State *L)
{
    bw_sandbox_open(L, &(struct bw_sandbox_options){.require = NULL});
    return 0;
}

static int through_lua(lua_State *L)
{
    struct job *job = lua_touserdata(L, 1);
    struct bw_buf *out;

    lua_settop(L, 0);
    bw_lua_decode(L, job->in);
    out = bw_lua_push_buf(L, BW_LUA_VALUE_BYTES_MAX);
    bw_lua_encode(L, 1, "value", out);
    job->is_same = bw_str_eq(bw_buf_str(out), job->in);
    FUZZ_CHECK(bw_value_check(bw_buf_str(out), NULL));
    bw_buf_clear(out);
    bw_lua_show_json(L, 1, out);
    bw_buf_clear(out);
    bw_lua_show_text(L, 1, out);
    return 0;
}

/* nil items of lists and maps do not live in Lua's tables. */
static bool has_inner_nil(const struct bw_value *value)
{
    struct bw_str rest = value->items, key;
    struct bw_value item;

    if (value->tag == BW_VALUE_ARR) {
        while (bw_value_next(&rest, &item)) {
            if (item.tag == BW_VALUE_NIL || has_inner_nil(&item))
                return true;
        }
    } else if (value->tag == BW_VALUE_MAP) {
        while (bw_value_next_pair(&rest, &key, &item)) {
            if (item.tag == BW_VALUE_NIL || has_inner_nil(&item))
                return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bw_budget budget = {.steps_max = 5000000, .bytes_max = (size_t)16 * 1024 * 1024};
    struct job job = {.in = fuzz_str(bytes, len)};
    struct bw_error error;
    lua_State *L;
    int status;

    if (!len || !bw_value_check(job.in, &error))
        return 0;
    struct bw_value value = bw_value_read(job.in);
    L = bw_budget_newstate(&budget);
    FUZZ_CHECK(L);
    FUZZ_CHECK(bw_lua_protected(L, open_state, NULL, &error) == LUA_OK);
    status = bw_lua_protected(L, through_lua, &job, &error);
    if (status == LUA_OK && !has_inner_nil(&value))
        FUZZ_CHECK(job.is_same);
    lua_close(L);
    return 0;
}
