/* vm_state.h - what a VM is made of; shared by vm.c, strand.c, lib_effect.c, load.c and report.c,
 * and nobody else. */
#ifndef BW_LUA_VM_STATE_H
#define BW_LUA_VM_STATE_H

#include "base/entropy.h"
#include "lua/budget.h"
#include "lua/chunk.h"
#include "lua/lib.h"
#include "lua/vm.h"

enum bw_strand_state {
    BW_STRAND_READY,   /* in the queue */
    BW_STRAND_RUNNING, /* inside lua_resume */
    BW_STRAND_WAITING, /* for the outcome `seq` */
    BW_STRAND_JOINING, /* for any strand to end; looks again when one does */
    BW_STRAND_DONE,
};

/* One line of execution of a run: the workflow itself, or a function given to effect.spawn. */
struct bw_strand {
    uint32_t id;   /* counts from 1; 1 is the workflow itself */
    lua_State *co; /* anchored by `ref` */
    int ref;
    enum bw_strand_state state;
    uint64_t seq; /* WAITING: what for */
    bool has_started;
    bool is_cancel_requested;     /* raise when it is resumed next, or when its handlers ended */
    bool is_cancelling;           /* raised; it unwinds */
    bool is_sheltered;            /* begun by a handler: the run's cancel leaves it to that */
    unsigned closing;             /* handlers at work (lua/closing.h) */
    uint32_t ended_at;            /* DONE: order of ending, from 1 */
    struct bw_strand *queue_next; /* READY */
};

/* A command whose outcome the script will take: from effect.call or effect.start until it is taken
 * or cancelled. */
struct bw_wait {
    uint64_t seq;
    uint32_t owner;           /* strand that asked */
    bool is_sheltered;        /* BW_COMMAND_CLEANS_UP */
    struct bw_strand *waiter; /* NULL while nobody waits yet */
    bool is_delivered;
    bool is_error;
    char *bytes; /* DELIVERED: encoded value; heap, owned */
    size_t len;
};

enum bw_vm_end {
    BW_VM_RUNS,
    BW_VM_DONE,
    BW_VM_FAILED,
    BW_VM_CANCELLED,
    BW_VM_CHECKPOINT,
};

struct bw_vm {
    struct bw_budget budget; /* first: the state's extra space points here */
    lua_State *L;
    struct bw_release *release;
    struct bw_lua_zones zones; /* zoneinfo/... of the release */
    struct bw_buf modules;     /* names of the library's that it loaded, each ended by a zero */
    bool is_nobodys;    /* it loads for all runs; false again when something asked whose it is */
    uint64_t steps_max; /* that the workflow may state; replayed turns have all of it */
    uint64_t memory_bytes_max;
    uint64_t own_steps; /* that it states, or the default */
    uint64_t own_bytes;
    bool has_own; /* it states something */
    struct bw_id run, tenant;
    char *workflow;
    char *started_by; /* who started the run; NULL when the start does not say */

    uint64_t turn;       /* number of the last turn played */
    struct bw_stamp at;  /* its time */
    uint64_t seq;        /* of the last command */
    uint64_t seq_before; /* of the last command before this turn */
    struct bw_rng rng;
    int pure_depth; /* > 0: a policy is deciding; no effects, no clock */

    struct bw_strand **strands; /* that were not forgotten, ascending by id */
    size_t strands_len, strands_capacity;
    struct bw_strand *queue, *queue_last;
    struct bw_strand *running;
    uint32_t strand_count, ended_count;
    bool is_cancelled; /* a cancel was delivered */

    struct bw_wait *waits; /* ascending by seq */
    size_t wait_count, wait_capacity;

    /* Of the turn being played. */
    struct bw_arena arena;
    struct bw_command *commands;
    size_t command_count, command_capacity;
    size_t command_bytes;
    const struct bw_turn_record *expected; /* replay: what the journal has; NULL when live */
    struct bw_buf logs;                    /* encoded items */
    size_t log_count;
    size_t log_dropped;         /* over the limit */
    struct bw_buf logs_encoded; /* the array made of them, for the result */
    uint64_t *pending;
    size_t pending_capacity;

    enum bw_vm_end end;
    struct bw_buf value;          /* what the end comes with, or the report of a divergence */
    struct bw_command last_equal; /* replay: the last command that agreed (kind, file, line, seq) */
    struct bw_arena last_arena;   /* holds its strings */
};

#define BW_VM_MODULES_BYTES_MAX 16384u

static inline struct bw_vm *bw_vm_of(lua_State *L)
{
    return (struct bw_vm *)(void *)bw_budget_of(L);
}

/* --- vm.c */
/* What the workflow states: counts from here on. 0 = the default. */
void bw_vm_state_limits(struct bw_vm *vm, uint64_t steps, uint64_t memory_bytes);
MAY_THROW void bw_vm_open_sandbox(lua_State *L, struct bw_vm *vm);

/* --- strand.c */
/* Makes a strand of the function at the top of `L` (pops it) and puts it behind the queue. */
MAY_THROW struct bw_strand *bw_strand_spawn(lua_State *L, struct bw_vm *vm);
/* The place of the first strand with this id or a higher one; `strands_len` when there is none. */
size_t bw_strand_place(const struct bw_vm *vm, lua_Integer id);
struct bw_strand *bw_strand_find(const struct bw_vm *vm, lua_Integer id);
/* Frees a strand that has ended and was joined: long runs race thousands of times. */
void bw_strand_forget(struct bw_vm *vm, struct bw_strand *strand);
void bw_strand_enqueue(struct bw_vm *vm, struct bw_strand *strand);
/* Runs ready strands, first in first out, until none is ready or the VM has ended. */
void bw_strand_run_all(struct bw_vm *vm);
/* Asks a strand to unwind: it raises where it waits, or when the handler that it is in has ended.
 * False when it has ended or unwinds already. */
bool bw_strand_unwind(struct bw_vm *vm, struct bw_strand *strand);
/* The same, and gives up what the strand waits for. */
void bw_strand_cancel(struct bw_vm *vm, struct bw_strand *strand, const char *file, uint32_t line);
/* The same with all strands, for the cancel of the run: the engine gives up by itself what was
 * asked for before this turn. */
void bw_strand_cancel_all(struct bw_vm *vm);
void bw_strand_free_all(struct bw_vm *vm);
struct bw_wait *bw_wait_add(struct bw_vm *vm, uint64_t seq, uint32_t owner, bool is_sheltered);
struct bw_wait *bw_wait_find(struct bw_vm *vm, uint64_t seq);
void bw_wait_remove(struct bw_vm *vm, struct bw_wait *wait);
/* Gives up a wait: if its outcome has not come, the engine is told by a "cancel" command. A handler
 * that waits for it goes on with an error. */
void bw_wait_give_up(struct bw_vm *vm, struct bw_wait *wait, const char *file, uint32_t line);

/* --- report.c */
/* Notes a command, or compares it with the journal. False when it differs; the report is then in
 * vm->value. */
bool bw_vm_record(struct bw_vm *vm, uint8_t flags, struct bw_str kind, struct bw_str args,
                  const char *file, uint32_t line);
/* Replay: the journal has commands that the script did not give. Fills vm->value. */
void bw_vm_report_missing(struct bw_vm *vm);
/* Replay: the script ended though the journal goes on. Fills vm->value. */
void bw_vm_report_early_end(struct bw_vm *vm, const char *how);

/* --- lib_effect.c */
MAY_THROW int bw_lua_open_effect_core(lua_State *L);
MAY_THROW int bw_lua_random(lua_State *L); /* math.random of the sandbox */
/* The first frame outside stdlib/: file name (valid while the chunk lives) and line; "" and 0 when
 * there is none. */
const char *bw_lua_script_frame(lua_State *L, uint32_t *line);

/* --- lib_script.c */
MAY_THROW int bw_lua_open_script_core(lua_State *L);

/* --- load.c */
MAY_THROW int bw_lua_require(lua_State *L);
/* Pushes what the file gives when it is run in the scripts' environment. NOT_FOUND raises too. */
MAY_THROW void bw_lua_run_file(lua_State *L, struct bw_str name);

#endif
