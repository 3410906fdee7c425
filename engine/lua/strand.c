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

struct bw_wait *bw_wait_add(struct bw_vm *vm, uint64_t seq, uint32_t owner)
{
    struct bw_wait *wait;

    BW_ASSERT(vm->wait_count == 0 || vm->waits[vm->wait_count - 1].seq < seq);
    if (vm->wait_count == vm->wait_capacity) {
        vm->wait_capacity = vm->wait_capacity ? 2 * vm->wait_capacity : 4;
        vm->waits = bw_xrealloc(vm->waits, vm->wait_capacity * sizeof *vm->waits);
    }
    wait = &vm->waits[vm->wait_count++];
    *wait = (struct bw_wait){.seq = seq, .owner = owner};
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

void bw_wait_give_up(struct bw_vm *vm, struct bw_wait *wait, const char *file, uint32_t line)
{
    bool is_delivered = wait->is_delivered;
    struct bw_buf args;

    bw_buf_init(&args, 64);
    bw_value_put_map(&args, 1);
    bw_value_put_key(&args, "seq");
    bw_value_put_int(&args, (int64_t)wait->seq);
    bw_wait_remove(vm, wait);
    if (!is_delivered && !bw_vm_record(vm, 0, BW_STR("cancel"), bw_buf_str(&args), file, line))
        vm->budget.fatal = BW_FATAL_DIVERGED; /* the next thing that runs, ends */
    bw_buf_deinit(&args);
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
    /* Nothing is pushed from out here: the continuation pushes what was delivered, inside, where
     * running out of memory ends the run and not the process. */
    status = lua_resume(strand->co, NULL, 0, &result_count);
    vm->running = NULL;
    vm->budget.strand = NULL;
    vm->budget.is_cancelling = false;
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
    if (strand->state == BW_STRAND_WAITING || strand->state == BW_STRAND_JOINING)
        bw_strand_enqueue(vm, strand);
    return true;
}

void bw_strand_cancel(struct bw_vm *vm, struct bw_strand *strand, const char *file, uint32_t line)
{
    if (!bw_strand_unwind(vm, strand))
        return;
    for (size_t i = 0; i < vm->wait_count;) {
        if (vm->waits[i].owner == strand->id)
            bw_wait_give_up(vm, &vm->waits[i], file, line);
        else
            i++;
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
