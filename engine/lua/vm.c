#include "lua/vm.h"
#include "base/assert.h"
#include "base/limits.h"
#include "lua/bridge.h"
#include "lua/sandbox.h"
#include "lua/vm_state.h"
#include "lua/warm.h"
#include <stdio.h>
#include <stdlib.h>

#define VALUE_BYTES_MAX (2u * BW_LIMIT_VALUE_BYTES)

/* --- create and destroy */

static bool find_zone(void *self, struct bw_str name, struct bw_str *bytes)
{
    const struct bw_vm *vm = self;
    char path[96];
    struct bw_buf text;
    bool is_found;

    bw_buf_init(&text, sizeof path);
    bw_buf_put_text(&text, "zoneinfo/");
    bw_buf_put_str(&text, name);
    is_found = !text.is_over && bw_release_find(vm->release, bw_buf_str(&text), bytes);
    bw_buf_deinit(&text);
    return is_found;
}

void bw_vm_open_sandbox(lua_State *L, struct bw_vm *vm)
{
    bw_sandbox_open(
        L, &(struct bw_sandbox_options){.require = bw_lua_require, .random = bw_lua_random});
    vm->zones = (struct bw_lua_zones){.find = find_zone, .self = vm};
    bw_lua_set_zones(L, &vm->zones);
}

static int open_sandbox(lua_State *L)
{
    bw_vm_open_sandbox(L, lua_touserdata(L, 1));
    return 0;
}

static int set_zones(lua_State *L)
{
    struct bw_vm *vm = lua_touserdata(L, 1);

    bw_lua_set_zones(L, &vm->zones);
    return 0;
}

/* A state with the sandbox: one that has also loaded what runs of this workflow load, if it may be
 * had. */
static bool open_state(struct bw_vm *vm, struct bw_error *error)
{
    vm->L = bw_warm_state(vm->release, bw_str_of(vm->workflow), &vm->budget);
    if (vm->L)
        return bw_lua_protected(vm->L, set_zones, vm, error) == LUA_OK;
    vm->L = bw_budget_newstate(&vm->budget);
    return vm->L && bw_lua_protected(vm->L, open_sandbox, vm, error) == LUA_OK;
}

struct bw_vm *bw_vm_create(const struct bw_vm_options *options, struct bw_error *error)
{
    struct bw_vm *vm = bw_xcalloc(1, sizeof *vm);

    vm->run = options->run;
    vm->tenant = options->tenant;
    vm->workflow = bw_xstrndup(options->workflow.ptr, options->workflow.len);
    vm->release = bw_release_retain(options->release);
    vm->zones = (struct bw_lua_zones){.find = find_zone, .self = vm};
    vm->own_steps = BW_LIMIT_TURN_STEPS_DEFAULT;
    vm->own_bytes = BW_LIMIT_VM_DEFAULT_BYTES;
    bw_vm_set_limits(vm, options->steps_max, options->memory_bytes_max, options->wall_us_max);
    bw_arena_init(&vm->arena);
    bw_arena_init(&vm->last_arena);
    bw_buf_init(&vm->value, VALUE_BYTES_MAX);
    bw_buf_init(&vm->logs, BW_LIMIT_ERROR_TEXT_BYTES * 8);
    bw_buf_init(&vm->logs_encoded, BW_LIMIT_ERROR_TEXT_BYTES * 9);
    bw_buf_init(&vm->modules, BW_VM_MODULES_BYTES_MAX);
    if (!open_state(vm, error)) {
        bw_vm_destroy(vm);
        (void)bw_fail(error, BW_ERR_MEMORY,
                      "the memory cap of %llu bytes is too small for an empty script",
                      (unsigned long long)options->memory_bytes_max);
        return NULL;
    }
    return vm;
}

void bw_vm_destroy(struct bw_vm *vm)
{
    if (!vm)
        return;
    if (vm->L)
        bw_budget_close(vm->L);
    bw_strand_free_all(vm);
    bw_release_drop(vm->release);
    bw_arena_deinit(&vm->arena);
    bw_arena_deinit(&vm->last_arena);
    bw_buf_deinit(&vm->value);
    bw_buf_deinit(&vm->logs);
    bw_buf_deinit(&vm->logs_encoded);
    bw_buf_deinit(&vm->modules);
    bw_free(vm->commands);
    bw_free(vm->pending);
    bw_free(vm->workflow);
    bw_free(vm->started_by);
    bw_free(vm);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A turn that is replayed came to its end under the ceilings of its day; a later build or release
 * may have lower ones. */
static void apply_limits(struct bw_vm *vm)
{
    bool is_live = !vm->expected;

    vm->budget.steps_max = is_live ? least(vm->steps_max, vm->own_steps) : vm->steps_max;
    vm->budget.bytes_max =
        (size_t)(is_live ? least(vm->memory_bytes_max, vm->own_bytes) : vm->memory_bytes_max);
}

uint64_t bw_vm_turn_number(const struct bw_vm *vm)
{
    return vm->turn;
}

void bw_vm_set_limits(struct bw_vm *vm, uint64_t steps_max, uint64_t memory_bytes_max,
                      uint64_t wall_us_max)
{
    vm->steps_max = steps_max;
    vm->memory_bytes_max = least(memory_bytes_max, BW_LIMIT_VM_BYTES);
    vm->budget.wall_us_max = wall_us_max;
    apply_limits(vm);
}

void bw_vm_state_limits(struct bw_vm *vm, uint64_t steps, uint64_t memory_bytes)
{
    vm->has_own = true;
    vm->own_steps = steps ? steps : BW_LIMIT_TURN_STEPS_DEFAULT;
    vm->own_bytes = memory_bytes ? memory_bytes : BW_LIMIT_VM_DEFAULT_BYTES;
    apply_limits(vm);
}

/* --- the first turn */

/* Pushes a function that runs runtime.main(workflow, input, state) on the new strand. */
static int start_main(lua_State *L)
{
    const struct bw_delivery *start = lua_touserdata(L, 1);
    struct bw_vm *vm = bw_vm_of(L);
    struct bw_value value = bw_value_read(start->value);
    static const char *const members[] = {"input", "state"};

    lua_settop(L, 0);
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, bw_lua_require, 1);
    lua_pushliteral(L, "billow.runtime");
    lua_call(L, 1, 1); /* stack: runtime */
    lua_getfield(L, 1, "start");
    lua_pushstring(L, vm->workflow);
    for (size_t i = 0; i < 2; i++) {
        struct bw_value member = bw_value_get(&value, members[i]);
        bw_lua_decode_value(L, &member);
    }
    lua_call(L, 3, 1); /* stack: runtime body */
    if (lua_type(L, -1) != LUA_TFUNCTION)
        return bw_lua_raise(L, "billow.runtime: start gave no function");
    (void)bw_strand_spawn(L, vm);
    return 0;
}

static void fail_plain(struct bw_vm *vm, const char *text)
{
    vm->end = BW_VM_FAILED;
    bw_buf_clear(&vm->value);
    bw_value_put_map(&vm->value, 2);
    bw_value_put_key(&vm->value, "code");
    bw_value_put_text(&vm->value, "SCRIPT");
    bw_value_put_key(&vm->value, "text");
    bw_value_put_text(&vm->value, text);
}

static void start_run(struct bw_vm *vm, const struct bw_delivery *start)
{
    struct bw_value value = bw_value_read(start->value);
    int64_t last_seq = bw_value_get_int(&value, "last_seq", 0);
    struct bw_error error;
    int status;

    if (vm->strands_len)
        return; /* started already: a second start changes nothing */
    vm->seq = last_seq > 0 ? (uint64_t)last_seq
                           : 0; /* after a checkpoint, seqs and random numbers go on */
    bw_free(vm->started_by);
    vm->started_by = NULL;
    if (bw_value_get(&value, "started_by").tag == BW_VALUE_STR) {
        struct bw_str by = bw_value_get_str(&value, "started_by", BW_STR_NONE);
        vm->started_by = bw_xstrndup(by.ptr, by.len);
    }
    bw_rng_seed(&vm->rng, bw_id_hash(vm->run) ^ (vm->seq * UINT64_C(0x9e3779b97f4a7c15)));
    status = bw_lua_protected(vm->L, start_main, (void *)(uintptr_t)start, &error);
    if (status == LUA_ERRMEM && !vm->budget.fatal)
        vm->budget.fatal = BW_FATAL_MEMORY;
    if (status != LUA_OK && !vm->budget.fatal)
        fail_plain(vm, error.text);
}

/* --- deliveries */

static void deliver_outcome(struct bw_vm *vm, const struct bw_delivery *delivery)
{
    struct bw_wait *wait = bw_wait_find(vm, delivery->seq);

    if (!wait || wait->is_delivered)
        return; /* given up meanwhile (a cancelled loser), or told twice */
    wait->is_delivered = true;
    wait->is_error = delivery->kind == BW_DELIVERY_ERROR;
    wait->bytes = bw_xstrndup(delivery->value.ptr, delivery->value.len);
    wait->len = delivery->value.len;
    if (wait->waiter)
        bw_strand_enqueue(vm, wait->waiter);
}

static void deliver_cancel(struct bw_vm *vm)
{
    if (vm->is_cancelled)
        return;
    vm->is_cancelled = true;
    if (!vm->strands_len) { /* cancelled before it began */
        vm->end = BW_VM_CANCELLED;
        bw_buf_clear(&vm->value);
        return;
    }
    bw_strand_cancel_all(vm);
}

static void deliver(struct bw_vm *vm, const struct bw_delivery *delivery)
{
    switch (delivery->kind) {
    case BW_DELIVERY_START:
        start_run(vm, delivery);
        break;
    case BW_DELIVERY_OUTCOME:
    case BW_DELIVERY_ERROR:
        deliver_outcome(vm, delivery);
        break;
    case BW_DELIVERY_CANCEL:
        deliver_cancel(vm);
        break;
    }
    bw_strand_run_all(vm);
}

/* --- one turn */

static void begin_turn(struct bw_vm *vm, uint64_t turn, struct bw_stamp at,
                       const struct bw_turn_record *expected)
{
    BW_ASSERT(vm->end == BW_VM_RUNS);
    BW_ASSERT(!vm->budget.fatal);
    vm->turn = turn;
    vm->at = at;
    vm->expected = expected;
    vm->seq_before = vm->seq;
    apply_limits(vm);
    bw_budget_begin(&vm->budget);
    bw_arena_reset(&vm->arena);
    vm->command_count = 0;
    vm->command_bytes = 0;
    bw_buf_clear(&vm->logs);
    bw_buf_clear(&vm->logs_encoded);
    vm->log_count = vm->log_dropped = 0;
    bw_buf_clear(&vm->value);
}

static void play(struct bw_vm *vm, const struct bw_delivery *deliveries, size_t count)
{
    for (size_t i = 0; i < count && vm->end == BW_VM_RUNS && !vm->budget.fatal; i++)
        deliver(vm, &deliveries[i]);
    if (vm->end == BW_VM_RUNS && !vm->budget.fatal && !vm->strands_len)
        fail_plain(vm, "the first turn of a run has no start delivery");
    if (vm->end == BW_VM_RUNS && !vm->budget.fatal && vm->wait_count == 0)
        fail_plain(vm, "the run waits for nothing: its strands wait for each other");
}

static enum bw_turn_status status_of(const struct bw_vm *vm)
{
    switch (vm->budget.fatal) {
    case BW_FATAL_STEPS:
    case BW_FATAL_STOP:
        return BW_TURN_BUDGET;
    case BW_FATAL_MEMORY:
        return BW_TURN_MEMORY;
    case BW_FATAL_WALL:
        return BW_TURN_WALL;
    case BW_FATAL_DIVERGED:
        return BW_TURN_NONDETERMINISM;
    case BW_FATAL_NONE:
        break;
    }
    switch (vm->end) {
    case BW_VM_DONE:
        return BW_TURN_DONE;
    case BW_VM_FAILED:
        return BW_TURN_FAILED;
    case BW_VM_CANCELLED:
        return BW_TURN_CANCELLED;
    case BW_VM_CHECKPOINT:
        return BW_TURN_CHECKPOINT;
    case BW_VM_RUNS:
        break;
    }
    return BW_TURN_WAITING;
}

static void fill_pending(struct bw_vm *vm, struct bw_turn_result *result)
{
    if (vm->pending_capacity < vm->wait_count) {
        vm->pending_capacity = vm->wait_count + 8;
        vm->pending = bw_xrealloc(vm->pending, vm->pending_capacity * sizeof *vm->pending);
    }
    result->pending = vm->pending;
    result->pending_count = 0;
    for (size_t i = 0; i < vm->wait_count; i++) {
        if (!vm->waits[i].is_delivered)
            vm->pending[result->pending_count++] = vm->waits[i].seq;
    }
}

/* Where a turn was when it was ended, and by which ceiling, as the value of its result. */
static void put_limit(struct bw_vm *vm)
{
    uint64_t limit = vm->budget.fatal == BW_FATAL_MEMORY ? vm->budget.bytes_max
                     : vm->budget.fatal == BW_FATAL_WALL ? vm->budget.wall_us_max / 1000
                                                         : vm->budget.steps_max;

    bw_buf_clear(&vm->value);
    bw_value_put_map(&vm->value, 4);
    bw_value_put_key(&vm->value, "file");
    bw_value_put_text(&vm->value, vm->budget.where);
    bw_value_put_key(&vm->value, "is_stated");
    bw_value_put_bool(&vm->value, vm->has_own);
    bw_value_put_key(&vm->value, "limit");
    bw_value_put_int(&vm->value, (int64_t)limit);
    bw_value_put_key(&vm->value, "line");
    bw_value_put_int(&vm->value, vm->budget.where_line);
}

/* What was left out is said in a line of its own. */
static void put_logs(struct bw_vm *vm)
{
    char text[96];

    if (!vm->log_count && !vm->log_dropped)
        return;
    bw_value_put_arr(&vm->logs_encoded, vm->log_count + (vm->log_dropped > 0));
    bw_buf_put(&vm->logs_encoded, vm->logs.ptr, vm->logs.len);
    if (!vm->log_dropped)
        return;
    (void)snprintf(text, sizeof text, "%zu lines more were left out: a turn may log %zu bytes",
                   vm->log_dropped, vm->logs.bytes_max);
    bw_value_put_map(&vm->logs_encoded, 3);
    bw_value_put_key(&vm->logs_encoded, "fields");
    bw_value_put_nil(&vm->logs_encoded);
    bw_value_put_key(&vm->logs_encoded, "level");
    bw_value_put_text(&vm->logs_encoded, "warn");
    bw_value_put_key(&vm->logs_encoded, "text");
    bw_value_put_text(&vm->logs_encoded, text);
}

/* What the first turn loaded, the next runs of the workflow will have. */
static void learn_modules(struct bw_vm *vm)
{
    if (vm->modules.len && !vm->modules.is_over && !vm->budget.fatal)
        bw_warm_learn(vm->release, bw_str_of(vm->workflow), bw_buf_str(&vm->modules));
    bw_buf_clear(&vm->modules);
}

static void fill_result(struct bw_vm *vm, struct bw_turn_result *result)
{
    enum bw_turn_status status = status_of(vm);
    /* A turn that was killed never happened: its commands do not count. */
    bool counts = !vm->budget.fatal;
    bool has_value = status == BW_TURN_NONDETERMINISM || (counts && status != BW_TURN_WAITING);

    if (status == BW_TURN_BUDGET || status == BW_TURN_WALL || status == BW_TURN_MEMORY) {
        put_limit(vm);
        has_value = true;
    }
    put_logs(vm);
    learn_modules(vm);
    *result = (struct bw_turn_result){
        .run = vm->run,
        .turn = vm->turn,
        .status = status,
        .commands = vm->commands,
        .command_count = counts ? vm->command_count : 0,
        .value = has_value ? bw_buf_str(&vm->value) : BW_STR_NONE,
        .logs = bw_buf_str(&vm->logs_encoded),
        .steps = vm->budget.steps,
        .memory_bytes = vm->budget.bytes,
    };
    if (status == BW_TURN_WAITING)
        fill_pending(vm, result);
}

void bw_vm_turn(struct bw_vm *vm, uint64_t turn, struct bw_stamp at,
                const struct bw_delivery *deliveries, size_t count, struct bw_turn_result *result)
{
    begin_turn(vm, turn, at, NULL);
    play(vm, deliveries, count);
    fill_result(vm, result);
}

void bw_vm_replay(struct bw_vm *vm, uint64_t turn, const struct bw_turn_record *record,
                  struct bw_turn_result *result)
{
    begin_turn(vm, turn, record->at, record);
    play(vm, record->deliveries, record->delivery_count);
    if (!vm->budget.fatal && vm->end != BW_VM_RUNS) {
        static const char *const how[] = {[BW_VM_DONE] = "is done",
                                          [BW_VM_FAILED] = "fails",
                                          [BW_VM_CANCELLED] = "has ended its cancellation",
                                          [BW_VM_CHECKPOINT] = "makes a checkpoint"};
        bw_vm_report_early_end(vm, how[vm->end]);
        vm->budget.fatal = BW_FATAL_DIVERGED;
    } else if (!vm->budget.fatal && vm->command_count < record->command_count) {
        bw_vm_report_missing(vm);
        vm->budget.fatal = BW_FATAL_DIVERGED;
    }
    vm->expected = NULL;
    fill_result(vm, result);
    result->command_count = 0; /* the journal has them */
    result->logs = BW_STR_NONE;
}
