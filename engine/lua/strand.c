/* strand.c - the strands of a run and what they wait for. The only lua_resume on strands is here.
 *
 *   READY --run--> RUNNING --yield--> WAITING (outcome) --delivered--> READY
 *                     |  \--yield--> JOINING (any strand ends) -----> READY
 *                     \--returns--> DONE
 * First in, first out: the order is a function of deliveries and code, so a replay repeats it.
 */
#include "base/assert.h"
#include "lua/vm_state.h"

/* --- waits: few at a time, kept ascending by seq */

struct bw_wait *bw_wait_add(struct bw_vm *vm, uint64_t seq, uint32_t owner, bool is_sheltered)
{
    struct bw_wait *wait;

    BW_ASSERT(vm->wait_count == 0 || vm->waits[vm->wait_count - 1].seq < seq);
    if (vm->wait_count == vm->wait_capacity) {
        vm->wait_capacity = vm->wait_capacity ? 2 * vm->wait_capacity : 4;
        vm->waits = bw_xrealloc(vm->waits, vm->wait_capacity * sizeof *vm->waits);
    }
    wait = &vm->waits[vm->wait_count++];
    *wait = (struct bw_wait){.seq = seq, .owner = owner, .is_sheltered = is_sheltered};
    return wait;
}

struct bw_wait *bw_wait_find(struct bw_vm *vm, uint64_t seq)
{
    size_t low = 0, high = vm->wait_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (vm->waits[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < vm->wait_count && vm->waits[low].seq == seq ? &vm->waits[low] : NULL;
}

void bw_wait_remove(struct bw_vm *vm, struct bw_wait *wait)
{
    size_t at = (size_t)(wait - vm->waits);

    bw_free(wait->bytes);
    memmove(wait, wait + 1, (vm->wait_count - at - 1) * sizeof *wait);
    vm->wait_count--;
}

/* A handler that a cancel finds waiting for what was asked for before it began. */
static void fail_wait(struct bw_vm *vm, struct bw_wait *wait)
{
    struct bw_buf error;

    bw_buf_init(&error, 256);
    bw_value_put_map(&error, 4);
    bw_value_put_key(&error, "code");
    bw_value_put_text(&error, "CANCELLED");
    bw_value_put_key(&error, "detail");
    bw_value_put_nil(&error);
    bw_value_put_key(&error, "is_retryable");
    bw_value_put_bool(&error, false);
    bw_value_put_key(&error, "text");
    bw_value_put_text(&error, "a cancel gave up what the handler waited for; it was asked for "
                              "before the handler began");
    wait->is_delivered = wait->is_error = true;
    wait->bytes = bw_xstrndup(error.ptr, error.len);
    wait->len = error.len;
    bw_strand_enqueue(vm, wait->waiter);
    bw_buf_deinit(&error);
}

static bool is_awaited_by_a_handler(const struct bw_wait *wait)
{
    return wait->waiter && wait->waiter->closing > 0;
}

/* `is_told`: the engine knows it without a command. */
static void give_up(struct bw_vm *vm, struct bw_wait *wait, bool is_told, const char *file,
                    uint32_t line)
{
    bool is_delivered = wait->is_delivered;
    uint64_t seq = wait->seq;
    struct bw_buf args;

    if (!is_awaited_by_a_handler(wait))
        bw_wait_remove(vm, wait);
    else if (!is_delivered)
        fail_wait(vm, wait);
    if (is_told)
        return;
    bw_buf_init(&args, 64);
    bw_value_put_map(&args, 1);
    bw_value_put_key(&args, "seq");
    bw_value_put_int(&args, (int64_t)seq);
    if (!is_delivered && !bw_vm_record(vm, 0, BW_STR("cancel"), bw_buf_str(&args), file, line))
        vm->budget.fatal = BW_FATAL_DIVERGED; /* the next thing that runs, ends */
    bw_buf_deinit(&args);
}

void bw_wait_give_up(struct bw_vm *vm, struct bw_wait *wait, const char *file, uint32_t line)
{
    give_up(vm, wait, false, file, line);
}

/* --- strands */

struct bw_strand *bw_strand_spawn(lua_State *L, struct bw_vm *vm)
{
    lua_State *co = lua_newthread(L); /* stack: f co */
    struct bw_strand *strand;
    int ref;

    lua_pushvalue(L, -2);
    lua_xmove(L, co, 1);
    ref = luaL_ref(L, LUA_REGISTRYINDEX); /* may throw: nothing of ours is held yet */
    lua_pop(L, 1);
    strand = bw_xcalloc(1, sizeof *strand);
    strand->id = ++vm->strand_count;
    strand->co = co;
    strand->ref = ref;
    strand->is_sheltered = vm->running && (vm->running->is_sheltered || vm->budget.closing > 0);
    if (vm->strands_len == vm->strands_capacity) {
        vm->strands_capacity = vm->strands_capacity ? 2 * vm->strands_capacity : 4;
        vm->strands = bw_xrealloc(vm->strands, vm->strands_capacity * sizeof(struct bw_strand *));
    }
    vm->strands[vm->strands_len++] = strand;
    bw_strand_enqueue(vm, strand);
    return strand;
}

/* A period's close joins thousands of strands, each time one of them ends: no walk through all. */
size_t bw_strand_place(const struct bw_vm *vm, lua_Integer id)
{
    size_t low = 0, high = vm->strands_len;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((lua_Integer)vm->strands[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct bw_strand *bw_strand_find(const struct bw_vm *vm, lua_Integer id)
{
    size_t place = bw_strand_place(vm, id);

    if (place == vm->strands_len || (lua_Integer)vm->strands[place]->id != id)
        return NULL;
    return vm->strands[place];
}

void bw_strand_forget(struct bw_vm *vm, struct bw_strand *strand)
{
    size_t place = bw_strand_place(vm, strand->id);

    BW_ASSERT(strand->state == BW_STRAND_DONE && vm->strands[place] == strand);
    vm->strands_len--;
    memmove(vm->strands + place, vm->strands + place + 1,
            (vm->strands_len - place) * sizeof(struct bw_strand *));
    bw_free(strand);
}

void bw_strand_enqueue(struct bw_vm *vm, struct bw_strand *strand)
{
    strand->state = BW_STRAND_READY;
    strand->queue_next = NULL;
    if (vm->queue_last)
        vm->queue_last->queue_next = strand;
    else
        vm->queue = strand;
    vm->queue_last = strand;
}

static struct bw_strand *dequeue(struct bw_vm *vm)
{
    struct bw_strand *strand = vm->queue;

    vm->queue = strand->queue_next;
    if (!vm->queue)
        vm->queue_last = NULL;
    strand->queue_next = NULL;
    return strand;
}

static void end_strand(struct bw_vm *vm, struct bw_strand *strand)
{
    strand->state = BW_STRAND_DONE;
    strand->ended_at = ++vm->ended_count;
    luaL_unref(vm->L, LUA_REGISTRYINDEX,
               strand->ref); /* puts an integer into a slot that exists: does not throw */
    strand->ref = LUA_NOREF;
    strand->co = NULL;
    for (size_t i = 0; i < vm->strands_len; i++) {
        if (vm->strands[i]->state == BW_STRAND_JOINING)
            bw_strand_enqueue(vm, vm->strands[i]);
    }
}

/* An error out of a strand's body: the standard library's own wrapper failed, since it catches what
 * scripts raise. */
static void fail_strand(struct bw_vm *vm, struct bw_strand *strand, int status)
{
    char text[BW_ERROR_TEXT_MAX];

    if (status == LUA_ERRMEM && !vm->budget.fatal)
        vm->budget.fatal = BW_FATAL_MEMORY;
    if (vm->budget.fatal || vm->end != BW_VM_RUNS)
        return;
    if (bw_budget_is_cancel(strand->co, -1)) {
        end_strand(vm, strand);
        return;
    }
    bw_lua_error_text(strand->co, -1, text, sizeof text);
    vm->end = BW_VM_FAILED;
    bw_buf_clear(&vm->value);
    bw_value_put_map(&vm->value, 2);
    bw_value_put_key(&vm->value, "code");
    bw_value_put_text(&vm->value, "SCRIPT");
    bw_value_put_key(&vm->value, "text");
    bw_value_put_text(&vm->value, text);
}

static void resume(struct bw_vm *vm, struct bw_strand *strand)
{
    int result_count = 0;
    int status;

    if (strand->is_cancel_requested && !strand->has_started) { /* nothing to unwind */
        end_strand(vm, strand);
        return;
    }
    strand->has_started = true;
    strand->state = BW_STRAND_RUNNING;
    vm->running = strand;
    vm->budget.strand = strand->co;
    vm->budget.is_cancelling = strand->is_cancelling;
    vm->budget.is_cancel_due = strand->is_cancel_requested;
    vm->budget.closing = strand->closing;
    /* Nothing is pushed from out here: the continuation pushes what was delivered, inside, where
     * running out of memory ends the run and not the process. */
    status = lua_resume(strand->co, NULL, 0, &result_count);
    vm->running = NULL;
    strand->is_cancelling = vm->budget.is_cancelling;
    strand->is_cancel_requested = vm->budget.is_cancel_due;
    strand->closing = vm->budget.closing;
    vm->budget.strand = NULL;
    vm->budget.is_cancelling = vm->budget.is_cancel_due = false;
    vm->budget.closing = 0;
    if (status == LUA_YIELD) {
        BW_ASSERT(result_count == 0);
        BW_ASSERT(strand->state == BW_STRAND_WAITING || strand->state == BW_STRAND_JOINING ||
                  vm->end == BW_VM_CHECKPOINT);
    } else if (status == LUA_OK) {
        end_strand(vm, strand);
    } else {
        fail_strand(vm, strand, status);
    }
}

void bw_strand_run_all(struct bw_vm *vm)
{
    while (vm->queue && vm->end == BW_VM_RUNS && !vm->budget.fatal)
        resume(vm, dequeue(vm));
}

bool bw_strand_unwind(struct bw_vm *vm, struct bw_strand *strand)
{
    if (strand->state == BW_STRAND_DONE || strand->is_cancel_requested || strand->is_cancelling)
        return false;
    strand->is_cancel_requested = true;
    if (strand->closing > 0)
        return true; /* the handler comes to its end before */
    if (strand->state == BW_STRAND_WAITING || strand->state == BW_STRAND_JOINING)
        bw_strand_enqueue(vm, strand);
    return true;
}

void bw_strand_cancel(struct bw_vm *vm, struct bw_strand *strand, const char *file, uint32_t line)
{
    if (!bw_strand_unwind(vm, strand))
        return;
    for (size_t i = 0; i < vm->wait_count;) {
        size_t count = vm->wait_count;
        struct bw_wait *wait = &vm->waits[i];
        bool is_kept = wait->owner != strand->id || (wait->is_sheltered && strand->closing > 0);
        if (!is_kept)
            give_up(vm, wait, false, file, line);
        i += vm->wait_count == count;
    }
}

/* The strand with the largest id below `id`; NULL when there is none. */
static struct bw_strand *strand_below(const struct bw_vm *vm, uint32_t id)
{
    size_t place = bw_strand_place(vm, id);

    return place ? vm->strands[place - 1] : NULL;
}

/* Is it asked for by a handler that still is at work? */
static bool is_needed(const struct bw_vm *vm, const struct bw_wait *wait)
{
    const struct bw_strand *owner = bw_strand_find(vm, wait->owner);

    return wait->is_sheltered && owner && owner->state != BW_STRAND_DONE &&
           (owner->closing > 0 || owner->is_sheltered);
}

void bw_strand_cancel_all(struct bw_vm *vm)
{
    struct bw_strand *strand;

    /* The latest strand first, the workflow itself last: those who wait for others find them ended.
     */
    for (uint32_t last = UINT32_MAX; (strand = strand_below(vm, last)) != NULL; last = strand->id) {
        if (!strand->is_sheltered)
            (void)bw_strand_unwind(vm, strand);
    }
    /* What the turn has asked for meanwhile the engine cannot tell from what the unwinding asks
     * for.
     */
    for (size_t i = 0; i < vm->wait_count;) {
        size_t count = vm->wait_count;
        struct bw_wait *wait = &vm->waits[i];
        if (!is_needed(vm, wait))
            give_up(vm, wait, !wait->is_sheltered && wait->seq <= vm->seq_before, "", 0);
        i += vm->wait_count == count;
    }
}

void bw_strand_free_all(struct bw_vm *vm)
{
    while (vm->strands_len)
        bw_free(vm->strands[--vm->strands_len]);
    bw_free(vm->strands);
    while (vm->wait_count)
        bw_wait_remove(vm, &vm->waits[vm->wait_count - 1]);
    bw_free(vm->waits);
}
