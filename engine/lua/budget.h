/* budget.h - what one script may use: steps and memory. A limit that is reached ends the script; it
 * is no error that the script could catch.
 *
 * Offers:  a Lua state with a counting allocator, the step hook, the tariff (bw_lua_charge), the
 * fatal flag. Relies on: lua.h, base/mem.h.
 *
 * Wall: a turn that takes longer than `wall_us_max` (when that is not 0) ends too, for what steps
 * cannot price, such as comparing long texts. It is looked at with the steps, and counts only when
 * the thread was at work that long as well: a machine under load kills nobody.
 *
 * Steps: one per VM instruction (counted in periods of BW_BUDGET_PERIOD), what C functions charge
 * by bw_lua_charge, and one per BW_BUDGET_BYTES_PER_STEP bytes allocated. Steps, not seconds,
 * decide: a replay must end in the same place. When a limit is reached `fatal` is set and stays;
 * the hook then fires at every instruction, and every function of the sandbox that catches errors
 * raises again (bw_budget_check). The fatal value has no text and no traceback.
 *
 * The budget is found from any coroutine of the state through lua_getextraspace.
 */
#ifndef BW_LUA_BUDGET_H
#define BW_LUA_BUDGET_H

#include "lua/guard.h"
#include "lua/pool.h"

#define BW_BUDGET_PERIOD 1000
#define BW_BUDGET_BYTES_PER_STEP 256
/* No garbage is collected in a smaller heap: most runs load their modules, wait, and end. */
#define BW_BUDGET_COLLECT_BYTES (192u * 1024u)
#define BW_BUDGET_HEADROOM_BYTES (64u * 1024u) /* for unwinding after the cap was reached */

#define BW_BUDGET_WHERE_MAX 128

enum bw_fatal {
    BW_FATAL_NONE,
    BW_FATAL_STEPS,
    BW_FATAL_MEMORY,
    BW_FATAL_WALL,
    BW_FATAL_DIVERGED, /* a replay differs from the journal */
    BW_FATAL_STOP,     /* the state is being closed */
};

struct bw_budget {
    struct bw_pool pool; /* the state's memory */
    size_t open_count;   /* userdata that hold something outside of it, until their __gc */
    uint64_t steps;      /* used in this turn */
    uint64_t steps_max;  /* of one turn */
    size_t bytes;        /* heap now */
    size_t bytes_max;
    size_t bytes_uncharged; /* allocated since the hook last looked */
    bool is_collecting;     /* the heap was larger than BW_BUDGET_COLLECT_BYTES */
    enum bw_fatal fatal;
    char where[BW_BUDGET_WHERE_MAX]; /* the script's file at that moment; "" when not known */
    uint32_t where_line;
    uint64_t wall_us_max;   /* of one turn; 0: none */
    uint64_t wall_began_us; /* monotonic clock at its begin */
    uint64_t cpu_began_us;  /* of this thread */
    uint64_t wall_steps;    /* looked at when `steps` gets here */
    /* Kept by vm.c for the strand that is running; sandboxes without a VM leave them alone. */
    lua_State *strand;  /* its coroutine: must not be yielded from by scripts */
    bool is_cancelling; /* it is unwinding from a cancel, which pcall does not stop */
    bool is_cancel_due; /* a cancel is to be raised in it, as soon as `closing` is 0 */
    unsigned closing;   /* handlers of to-be-closed variables at work in it (closing.h) */
};

/* A state whose memory and steps are counted by `budget`, which must outlive it. NULL when memory
 * is out. */
lua_State *bw_budget_newstate(struct bw_budget *budget);
/* The copy `L` of a state counted by `from` is counted by `budget` from now on, which keeps its
 * pool. */
void bw_budget_adopt(struct bw_budget *budget, const struct bw_budget *from, lua_State *L);
/* Ends a state made by bw_budget_newstate: its memory goes at once. Nothing of the script runs,
 * finalizers of our own only if something is open. */
void bw_budget_close(lua_State *L);
/* The budget of the state that `L` belongs to; NULL in trusted states. */
struct bw_budget *bw_budget_of(lua_State *L);
/* Marks a trusted state as one without budget. Must be called on every state not made by
 * bw_budget_newstate. */
void bw_budget_set_none(lua_State *L);

/* What is called while scripts are at work, every few thousand steps: one function for the process,
 * which says that it still lives (given the
 * monotonic clock). NULL: none. It must not touch Lua. */
void bw_budget_set_on_look(void (*fn)(void *ud, uint64_t now_us), void *ud);
/* What is called when the process has no memory left for a block that the script's own cap would
 * have allowed: no fault of the script, and nothing it may notice, so `fn` should end the process.
 * NULL: the script sees that memory is out. */
void bw_budget_set_on_exhausted(void (*fn)(void));
void bw_budget_look(void); /* calls it: for work between turns */
/* The clock that it is given; only for when to say something, never seen by scripts. */
uint64_t bw_budget_now_us(void);
/* A turn begins: steps and clock count from here. */
void bw_budget_begin(struct bw_budget *budget);

/* Sets `fatal` (the first one stays) and leaves by the fatal error. Never returns. */
MAY_THROW int bw_budget_kill(lua_State *L, enum bw_fatal fatal);
/* After a protected call came back with the error `status` and its value on the top: goes on
 * unwinding when the script is to end, or when a cancel is being raised that began inside the call
 * (`was_cancelling`: before it). */
MAY_THROW void bw_budget_check(lua_State *L, int status, bool was_cancelling);
/* What a protected call remembers of the strand at its entry, and brings back when an error ends
 * it: bw_budget_check, and what was asked for meanwhile. */
intptr_t bw_budget_mark(lua_State *L);
MAY_THROW void bw_budget_caught(lua_State *L, int status, intptr_t mark);
bool bw_budget_mark_is_cancelling(intptr_t mark);
unsigned bw_budget_mark_closing(intptr_t mark);
/* Raises the cancel that is due, unless a handler is at work. */
MAY_THROW void bw_budget_raise_due(lua_State *L);
/* The value that a cancel raises: a light userdata that scripts never get to see. */
void bw_budget_push_cancel(lua_State *L);
bool bw_budget_is_cancel(lua_State *L, int index);

#endif
