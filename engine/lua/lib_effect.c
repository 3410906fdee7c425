/* lib_effect.c - billow.effect.core: the only functions between Lua and the engine. They make a
 * command and yield, nothing else; the world is the engine's. For the standard library only (load.c
 * refuses it to scripts).
 *
 *   call(kind, args) -> true, outcome | false, error     waits
 *   start(kind, args) -> seq;  await(seq) -> as call;  cancel(seq)
 *   post(kind, args) -> seq                               no outcome
 *   spawn(fn) -> strand;  join(strands) -> position of the one that ended first;  kill(strand)
 *   checkpoint(state), finish(how, value)                 end the VM
 *   protect(fn, ...) -> "ok", ... | "cancelled" | "error", info;  pure(fn, ...) -> ...
 *   limits(steps, bytes)                          ceilings of the workflow; 0 = the default
 *   shelter(fn, ...) -> ...;  problems() -> infos          lua/closing.h
 *   now, random_u64, run, derive_id, position, log, is_cancelled, run_file, file
 *
 * Yields are the last statement of a function; what was delivered is pushed by the continuation,
 * inside the resume.
 */
#include "base/assert.h"
#include "base/limits.h"
#include "lua/bridge.h"
#include "lua/closing.h"
#include "lua/vm_state.h"
#include <stdio.h>

#define KIND_BYTES_MAX 64
#define LOG_TEXT_BYTES_MAX (BW_LIMIT_ERROR_TEXT_BYTES / 2)

const char *bw_lua_script_frame(lua_State *L, uint32_t *line)
{
    lua_Debug ar;

    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || ar.currentline <= 0 || ar.source[0] != '=' ||
            strncmp(ar.source, "=stdlib/", 8) == 0)
            continue;
        *line = (uint32_t)ar.currentline;
        return ar.source + 1;
    }
    *line = 0;
    return "";
}

/* --- may an effect be called here? */

static struct bw_vm *check_place(lua_State *L, const char *kind)
{
    struct bw_vm *vm = bw_vm_of(L);

    if (vm->pure_depth)
        bw_lua_raise(
            L, "%s: a policy has no effects; it decides from its subject and settings alone", kind);
    if (!vm->running)
        bw_lua_raise(L, "%s: effects cannot be called before the run has started", kind);
    if (L != vm->running->co)
        bw_lua_raise(
            L,
            "%s: effects cannot be called from a coroutine that the script made; use billow.all, "
            "billow.race or billow.first to do several things at once",
            kind);
    if (!lua_isyieldable(L))
        bw_lua_raise(L,
                     "%s: effects cannot be called while a file is being loaded, nor in the "
                     "function given to "
                     "table.sort or string.gsub, nor in __tostring; call them from the workflow's "
                     "run function",
                     kind);
    if (vm->command_count >= BW_LIMIT_TURN_COMMANDS || vm->command_bytes >= BW_LIMIT_TURN_BYTES / 2)
        bw_lua_raise(L, "%s: more than %u effects, or %u bytes of arguments, in one turn", kind,
                     BW_LIMIT_TURN_COMMANDS, BW_LIMIT_TURN_BYTES / 2);
    return vm;
}

/* A handler brings to its end what it has begun: the cancel of the run passes by what it waits for.
 * Of a run that is cancelled already nothing is given up any more. */
static uint8_t shelter(const struct bw_vm *vm)
{
    bool is_sheltered = vm->budget.closing > 0 || vm->running->is_sheltered;

    return is_sheltered && !vm->is_cancelled ? BW_COMMAND_CLEANS_UP : 0;
}

/* Makes the command that arguments 1 (kind) and 2 (args) describe. Owns nothing afterwards. */
static struct bw_vm *make_command(lua_State *L, uint8_t flags)
{
    size_t len;
    const char *kind = luaL_checklstring(L, 1, &len);
    struct bw_vm *vm = check_place(L, kind);
    uint32_t line;
    const char *file = bw_lua_script_frame(L, &line);
    struct bw_buf *args;
    bool agrees;

    luaL_argcheck(L, len > 0 && len <= KIND_BYTES_MAX, 1, "bad effect kind");
    lua_settop(L, 2);
    args = bw_lua_push_buf(L, BW_LIMIT_VALUE_BYTES);
    bw_lua_encode(L, 2, kind, args);
    agrees = bw_vm_record(vm, flags | shelter(vm), bw_str(kind, len), bw_buf_str(args), file, line);
    bw_lua_drop_buf(args);
    if (!agrees)
        (void)bw_budget_kill(L, BW_FATAL_DIVERGED);
    return vm;
}

static int core_post(lua_State *L)
{
    struct bw_vm *vm = make_command(L, 0);

    lua_pushinteger(L, (lua_Integer)vm->seq);
    return 1;
}

static int core_start(lua_State *L)
{
    struct bw_vm *vm = make_command(L, BW_COMMAND_BLOCKS);

    (void)bw_wait_add(vm, vm->seq, vm->running->id, shelter(vm));
    lua_pushinteger(L, (lua_Integer)vm->seq);
    return 1;
}

/* --- waiting */

/* Pushes what was delivered for `seq`: true, outcome or false, error. */
static int take_outcome(lua_State *L, uint64_t seq)
{
    struct bw_vm *vm = bw_vm_of(L);
    struct bw_wait *wait = bw_wait_find(vm, seq);

    BW_ASSERT(wait && wait->is_delivered);
    luaL_checkstack(L, 4, NULL);
    lua_pushboolean(L, !wait->is_error);
    bw_lua_decode(L, bw_str(wait->bytes, wait->len));
    bw_wait_remove(vm, wait);
    return 2;
}

static int outcome_k(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    bw_budget_raise_due(L); /* a strand that was cancelled while it waited unwinds from here */
    return take_outcome(L, (uint64_t)ctx);
}

static int wait_for(lua_State *L, struct bw_vm *vm, struct bw_wait *wait)
{
    wait->waiter = vm->running;
    vm->running->state = BW_STRAND_WAITING;
    vm->running->seq = wait->seq;
    return lua_yieldk(L, 0, (lua_KContext)wait->seq, outcome_k);
}

static int core_call(lua_State *L)
{
    struct bw_vm *vm = make_command(L, BW_COMMAND_BLOCKS);

    return wait_for(L, vm, bw_wait_add(vm, vm->seq, vm->running->id, shelter(vm)));
}

static int core_await(lua_State *L)
{
    lua_Integer seq = luaL_checkinteger(L, 1);
    struct bw_vm *vm = check_place(L, "await");
    struct bw_wait *wait = bw_wait_find(vm, (uint64_t)seq);

    if (!wait)
        return bw_lua_raise(
            L, "await: effect %lld is not under way; it was awaited or cancelled before",
            (long long)seq);
    if (wait->waiter)
        return bw_lua_raise(L, "await: another strand already waits for effect %lld",
                            (long long)seq);
    if (wait->is_delivered)
        return take_outcome(L, wait->seq);
    wait->owner = vm->running->id; /* who waits gives it up when cancelled */
    return wait_for(L, vm, wait);
}

static int core_cancel(lua_State *L)
{
    lua_Integer seq = luaL_checkinteger(L, 1);
    struct bw_vm *vm = check_place(L, "cancel");
    struct bw_wait *wait = bw_wait_find(vm, (uint64_t)seq);
    uint32_t line;
    const char *file = bw_lua_script_frame(L, &line);

    if (!wait)
        return 0; /* its outcome was taken already: nothing to cancel */
    if (wait->waiter)
        return bw_lua_raise(L, "cancel: a strand waits for effect %lld; cancel the strand",
                            (long long)seq);
    bw_wait_give_up(vm, wait, file, line);
    bw_budget_check(L, LUA_OK, true);
    return 0;
}

/* --- strands */

static int core_spawn(lua_State *L)
{
    struct bw_vm *vm = check_place(L, "spawn");
    struct bw_strand *strand;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    bw_lua_charge(L, BW_BUDGET_PERIOD);
    strand = bw_strand_spawn(L, vm);
    lua_pushinteger(L, (lua_Integer)strand->id);
    return 1;
}

static int join_k(lua_State *L, int status, lua_KContext ctx)
{
    struct bw_vm *vm = bw_vm_of(L);
    struct bw_strand *first = NULL;
    lua_Integer position = 0;
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);

    (void)status, (void)ctx;
    bw_budget_raise_due(L);
    for (lua_Integer i = 1; i <= count; i++) {
        struct bw_strand *strand;
        lua_rawgeti(L, 1, i);
        strand = bw_strand_find(vm, lua_tointeger(L, -1));
        lua_pop(L, 1);
        if (!strand)
            return bw_lua_raise(L, "join: there is no such strand, or it was joined before");
        if (strand->state == BW_STRAND_DONE && (!first || strand->ended_at < first->ended_at)) {
            first = strand;
            position = i;
        }
    }
    if (first) {
        bw_strand_forget(vm, first);
        lua_pushinteger(L, position);
        return 1;
    }
    vm->running->state = BW_STRAND_JOINING;
    return lua_yieldk(L, 0, 0, join_k);
}

static int core_join(lua_State *L)
{
    (void)check_place(L, "join");
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, lua_rawlen(L, 1) > 0, 1, "no strands");
    lua_settop(L, 1);
    return join_k(L, LUA_OK, 0);
}

/* Also allowed while its caller is being cancelled, in a <close> handler: nothing goes on alone. */
static int core_kill(lua_State *L)
{
    struct bw_vm *vm = bw_vm_of(L);
    struct bw_strand *strand = bw_strand_find(vm, luaL_checkinteger(L, 1));
    uint32_t line;
    const char *file = bw_lua_script_frame(L, &line);

    if (!vm->running || L != vm->running->co || strand == vm->running)
        return bw_lua_raise(L, "kill: a strand ends others, not itself");
    if (!strand)
        return 0; /* it has ended and was joined */
    bw_strand_cancel(vm, strand, file, line);
    bw_budget_check(L, LUA_OK, true); /* the cancel commands may differ from the journal */
    return 0;
}

/* --- protected calls of the standard library */

/* Stack: describe_error "ok" results..., or describe_error "ok" info. */
static int finish_protect(lua_State *L, int status, lua_KContext mark)
{
    struct bw_budget *budget = bw_budget_of(L);
    bool was_cancelling = bw_budget_mark_is_cancelling(mark);
    bool is_strand = budget->strand == L;

    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - 1;
    bw_budget_check(L, status, true);
    if (is_strand)
        budget->closing = bw_budget_mark_closing(mark);
    if (bw_budget_is_cancel(L, -1) || (is_strand && budget->is_cancelling && !was_cancelling)) {
        budget->is_cancelling = was_cancelling;
        lua_pushliteral(L, "cancelled");
        return 1;
    }
    if (is_strand && budget->is_cancel_due && budget->closing == 0) {
        budget->is_cancel_due = false;
        bw_lua_keep_problem(L); /* what was raised on the way to the cancel */
        lua_pushliteral(L, "cancelled");
        return 1;
    }
    lua_pushliteral(L, "error");
    lua_insert(L, -2);
    return 2;
}

static int core_protect(lua_State *L)
{
    lua_KContext mark = bw_budget_mark(L);

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_pushcfunction(L, bw_lua_describe_error);
    lua_insert(L, 1);
    lua_pushliteral(L, "ok");
    lua_insert(L, 2); /* stack: describe_error "ok" f args... */
    return finish_protect(L, lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 1, mark, finish_protect),
                          mark);
}

/* core.shelter(fn, ...): a cancel that comes while it runs is raised behind it. */
static int core_shelter(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    return bw_lua_call_sheltered(L, lua_gettop(L) - 1);
}

static int core_problems(lua_State *L)
{
    bw_lua_push_problems(L);
    return 1;
}

static int core_pure(lua_State *L)
{
    struct bw_vm *vm = bw_vm_of(L);
    int status;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    vm->pure_depth++;
    status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    vm->pure_depth--;
    if (status != LUA_OK) {
        bw_budget_check(L, status, true);
        return lua_error(L);
    }
    return lua_gettop(L);
}

/* --- ends */

static int core_checkpoint(lua_State *L)
{
    struct bw_vm *vm = check_place(L, "checkpoint");
    struct bw_buf *state, *args;
    uint32_t line;
    const char *file = bw_lua_script_frame(L, &line);
    bool agrees;

    lua_settop(L, 1);
    if (vm->is_cancelled || vm->budget.closing > 0)
        return bw_lua_raise(L, "checkpoint: not in a handler, nor while the run is being "
                               "cancelled: what is being undone cannot begin anew");
    if (vm->running->id != 1 || vm->ended_count + 1 != vm->strand_count)
        return bw_lua_raise(
            L, "checkpoint: only the workflow itself can make one, while nothing runs beside it");
    if (vm->wait_count)
        return bw_lua_raise(
            L, "checkpoint: %zu effects are still under way; await or cancel them before",
            vm->wait_count);
    state = bw_lua_push_buf(L, BW_LIMIT_VALUE_BYTES);
    args = bw_lua_push_buf(L, BW_LIMIT_VALUE_BYTES + 64);
    bw_lua_encode(L, 1, "state", state);
    bw_value_put_map(args, 1);
    bw_value_put_key(args, "state");
    bw_buf_put_str(args, bw_buf_str(state));
    agrees = bw_vm_record(vm, 0, BW_STR("checkpoint"), bw_buf_str(args), file, line);
    if (agrees) {
        vm->end = BW_VM_CHECKPOINT;
        bw_buf_clear(&vm->value);
        bw_buf_put_str(&vm->value, bw_buf_str(state));
    }
    bw_lua_drop_buf(state);
    bw_lua_drop_buf(args);
    if (!agrees)
        return bw_budget_kill(L, BW_FATAL_DIVERGED);
    return lua_yieldk(L, 0, 0, NULL); /* never resumed */
}

static int core_finish(lua_State *L)
{
    static const char *const names[] = {"done", "failed", "cancelled", NULL};
    static const enum bw_vm_end ends[] = {BW_VM_DONE, BW_VM_FAILED, BW_VM_CANCELLED};
    struct bw_vm *vm = bw_vm_of(L);
    int how = luaL_checkoption(L, 1, NULL, names);
    struct bw_buf *value;

    if (!vm->running || vm->running->id != 1)
        return bw_lua_raise(L, "finish: only the workflow's own strand ends the run");
    lua_settop(L, 2);
    value = bw_lua_push_buf(L, BW_LIMIT_VALUE_BYTES);
    bw_lua_encode(L, 2, "result", value);
    vm->end = ends[how];
    bw_buf_clear(&vm->value);
    bw_buf_put_str(&vm->value, bw_buf_str(value));
    bw_lua_drop_buf(value);
    return 0;
}

/* What the workflow states, from its definition: the same in each replay, as that is of the
 * release.
 */
static int core_limits(lua_State *L)
{
    struct bw_vm *vm = bw_vm_of(L);
    lua_Integer steps = luaL_checkinteger(L, 1), bytes = luaL_checkinteger(L, 2);

    luaL_argcheck(L, steps >= 0, 1, "a number of steps is expected");
    luaL_argcheck(L, bytes >= 0, 2, "a number of bytes is expected");
    bw_vm_state_limits(vm, (uint64_t)steps, (uint64_t)bytes);
    return 0;
}

/* --- what a script may know */

static int core_now(lua_State *L)
{
    struct bw_vm *vm = bw_vm_of(L);

    if (vm->pure_depth)
        return bw_lua_raise(L, "now: a policy has no clock; pass the date in its subject");
    vm->is_nobodys = false;
    lua_pushinteger(L, vm->at.us);
    return 1;
}

static uint64_t next_random(lua_State *L)
{
    struct bw_vm *vm = bw_vm_of(L);

    if (vm->pure_depth)
        bw_lua_raise(L, "random: a policy decides the same way each time");
    vm->is_nobodys = false;
    return bw_rng_next(&vm->rng);
}

static int core_random_u64(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)next_random(L));
    return 1;
}

int bw_lua_random(lua_State *L)
{
    uint64_t bits = next_random(L), range, limit;
    lua_Integer low = 1, high;

    switch (lua_gettop(L)) {
    case 0:
        lua_pushnumber(L, (lua_Number)(bits >> 11) * 0x1p-53);
        return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        break;
    default:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
    }
    luaL_argcheck(L, low <= high, lua_gettop(L) == 1 ? 1 : 2, "interval is empty");
    range = (uint64_t)high - (uint64_t)low + 1; /* 0: all 2^64 */
    if (range) {
        limit = UINT64_MAX -
                (UINT64_MAX % range + 1) % range; /* numbers above it would favour the low ones */
        while (bits > limit)
            bits = next_random(L);
        bits %= range;
    }
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + bits));
    return 1;
}

static void set_id(lua_State *L, const char *key, struct bw_id id)
{
    char text[BW_ID_TEXT_LEN + 1];

    bw_id_print(id, text);
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

static int core_run(lua_State *L)
{
    struct bw_vm *vm = bw_vm_of(L);

    vm->is_nobodys = false;
    lua_createtable(L, 0, 4);
    set_id(L, "id", vm->run);
    set_id(L, "tenant", vm->tenant);
    lua_pushstring(L, vm->workflow);
    lua_setfield(L, -2, "workflow");
    lua_pushstring(L, vm->started_by); /* nil when it is not known */
    lua_setfield(L, -2, "started_by");
    return 1;
}

static int core_derive_id(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    char text[BW_ID_TEXT_LEN + 1];

    luaL_argcheck(L, n >= 0, 1, "a seq is expected");
    bw_vm_of(L)->is_nobodys = false;
    bw_id_print(bw_id_derive(bw_vm_of(L)->run, (uint64_t)n), text);
    lua_pushstring(L, text);
    return 1;
}

static int core_position(lua_State *L)
{
    uint32_t line;

    lua_pushstring(L, bw_lua_script_frame(L, &line));
    lua_pushinteger(L, (lua_Integer)line);
    return 2;
}

static int core_is_cancelled(lua_State *L)
{
    bw_vm_of(L)->is_nobodys = false;
    lua_pushboolean(L, bw_vm_of(L)->is_cancelled);
    return 1;
}

static int core_log(lua_State *L)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    struct bw_vm *vm = bw_vm_of(L);
    int level = luaL_checkoption(L, 1, NULL, levels);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    struct bw_buf *item;

    if (vm->expected)
        return 0; /* a replay says nothing twice */
    vm->is_nobodys = false;
    lua_settop(L, 3);
    item = bw_lua_push_buf(L, BW_LIMIT_ERROR_TEXT_BYTES);
    bw_value_put_map(item, 3);
    bw_value_put_key(item, "fields");
    bw_lua_encode(L, 3, "fields", item);
    bw_value_put_key(item, "level");
    bw_value_put_text(item, levels[level]);
    bw_value_put_key(item, "text");
    bw_value_put_str(item, bw_str(text, len < LOG_TEXT_BYTES_MAX ? len : LOG_TEXT_BYTES_MAX));
    bw_lua_charge(L, item->len / 64 + 1);
    if (!item->is_over &&
        vm->logs.len + item->len <= vm->logs.bytes_max) { /* over the limit: left out */
        bw_buf_put_str(&vm->logs, bw_buf_str(item));
        vm->log_count++;
    } else {
        vm->log_dropped++;
    }
    bw_lua_drop_buf(item);
    return 0;
}

/* --- files of the release */

static int core_run_file(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);

    lua_settop(L, 1);
    bw_lua_run_file(L, bw_str(name, len));
    return 1;
}

static int core_file(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    struct bw_str bytes;

    if (bw_release_find(bw_vm_of(L)->release, bw_str(name, len), &bytes))
        lua_pushlstring(L, bytes.ptr, bytes.len);
    else
        lua_pushnil(L);
    return 1;
}

static const luaL_Reg functions[] = {
    {"await", core_await},
    {"call", core_call},
    {"cancel", core_cancel},
    {"checkpoint", core_checkpoint},
    {"derive_id", core_derive_id},
    {"file", core_file},
    {"finish", core_finish},
    {"is_cancelled", core_is_cancelled},
    {"join", core_join},
    {"kill", core_kill},
    {"limits", core_limits},
    {"log", core_log},
    {"now", core_now},
    {"position", core_position},
    {"post", core_post},
    {"problems", core_problems},
    {"protect", core_protect},
    {"pure", core_pure},
    {"random_u64", core_random_u64},
    {"run", core_run},
    {"run_file", core_run_file},
    {"shelter", core_shelter},
    {"spawn", core_spawn},
    {"start", core_start},
    {NULL, NULL},
};

int bw_lua_open_effect_core(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
