#include "lua/budget.h"
#include "base/assert.h"
#include "base/fault.h"
#include "lua/lib.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WALL_STEPS 4096 /* between two looks at the clock */

static void (*on_exhausted)(void);

static const char fatal_key = 0;  /* its address is the value that kills raise */
static const char cancel_key = 0; /* its address is the value that a cancel raises */

static void count_hook(lua_State *L, lua_Debug *ar);

struct bw_budget *bw_budget_of(lua_State *L)
{
    return *(struct bw_budget **)lua_getextraspace(L);
}

void bw_budget_set_none(lua_State *L)
{
    *(struct bw_budget **)lua_getextraspace(L) = NULL;
}

/* Lua's allocator. It does not use base/mem.h: running out is the script's problem here. What is
 * counted are the bytes asked for, so that the cap is reached in the same place everywhere. */
static void *allocate(void *ud, void *ptr, size_t size_old, size_t size_new)
{
    struct bw_budget *budget = ud;
    size_t before = ptr ? size_old : 0; /* without a block, size_old is a type tag */
    size_t cap = budget->bytes_max + (budget->fatal ? BW_BUDGET_HEADROOM_BYTES : 0);
    void *result;

    if (size_new == 0) {
        (void)bw_pool_resize(&budget->pool, ptr, before, 0);
        budget->bytes -= before;
        return NULL;
    }
    if (size_new > before) {
        if (BW_FAULT(LUA_MEMORY))
            return NULL;
        if (size_new - before > cap || budget->bytes > cap - (size_new - before))
            return NULL; /* Lua collects garbage and asks again; then it raises LUA_ERRMEM */
        budget->bytes_uncharged += size_new - before;
    }
    result = bw_pool_resize(&budget->pool, ptr, before, size_new);
    if (result)
        budget->bytes = budget->bytes - before + size_new;
    else if (on_exhausted)
        on_exhausted();
    return result;
}

static int panic(lua_State *L)
{
    (void)L;
    BW_UNREACHABLE(); /* a Lua error outside any protected call */
    return 0;
}

lua_State *bw_budget_newstate(struct bw_budget *budget)
{
    lua_State *L = lua_newstate(allocate, budget);

    if (!L) {
        bw_pool_drop(&budget->pool);
        return NULL;
    }
    (void)lua_atpanic(L, panic);
    (void)lua_gc(L, LUA_GCSTOP);
    *(struct bw_budget **)lua_getextraspace(L) = budget;
    /* On the main state before any coroutine exists: they inherit the hook. */
    lua_sethook(L, count_hook, LUA_MASKCOUNT, BW_BUDGET_PERIOD);
    return L;
}

void bw_budget_adopt(struct bw_budget *budget, const struct bw_budget *from, lua_State *L)
{
    struct bw_pool pool = budget->pool;

    *budget = *from;
    budget->pool = pool;
    *(struct bw_budget **)lua_getextraspace(L) = budget;
}

void bw_budget_close(lua_State *L)
{
    struct bw_budget *budget = bw_budget_of(L);

    budget->fatal = BW_FATAL_STOP; /* should anything of the script still run, it ends at once */
    if (budget->open_count > 0)
        lua_close(L);
    bw_pool_drop(&budget->pool);
    budget->bytes = 0;
}

/* For the people who read why: the first frame outside stdlib/. */
static void note_where(lua_State *L, struct bw_budget *budget)
{
    lua_Debug ar;

    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || ar.currentline <= 0 || ar.source[0] != '=' ||
            strncmp(ar.source, "=stdlib/", 8) == 0)
            continue;
        (void)snprintf(budget->where, sizeof budget->where, "%s", ar.source + 1);
        budget->where_line = (uint32_t)ar.currentline;
        return;
    }
}

int bw_budget_kill(lua_State *L, enum bw_fatal fatal)
{
    struct bw_budget *budget = bw_budget_of(L);

    BW_ASSERT(budget);
    if (!budget->fatal) {
        budget->fatal = fatal;
        if (fatal == BW_FATAL_STEPS || fatal == BW_FATAL_WALL)
            note_where(L, budget);
    }
    lua_sethook(L, count_hook, LUA_MASKCOUNT,
                1); /* nothing of the script goes on, not even a <close> handler */
    lua_pushlightuserdata(L, (void *)(uintptr_t)&fatal_key);
    return lua_error(L);
}

void bw_budget_push_cancel(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&cancel_key);
}

bool bw_budget_is_cancel(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == (const void *)&cancel_key;
}

void bw_budget_check(lua_State *L, int status, bool was_cancelling)
{
    struct bw_budget *budget = bw_budget_of(L);

    if (!budget)
        return;
    if (status == LUA_ERRMEM && !budget->fatal)
        budget->fatal = BW_FATAL_MEMORY;
    if (budget->fatal)
        (void)bw_budget_kill(L, budget->fatal);
    if (budget->is_cancelling && !was_cancelling) {
        bw_budget_push_cancel(L);
        (void)lua_error(L);
    }
}

/* Coroutines of the script go their own ways between the handlers of the strand that resumes them:
 * what they catch says nothing about those. */
static bool is_strand(lua_State *L, const struct bw_budget *budget)
{
    return budget && budget->strand == L;
}

intptr_t bw_budget_mark(lua_State *L)
{
    const struct bw_budget *budget = bw_budget_of(L);

    if (!is_strand(L, budget))
        return 1;
    return (intptr_t)budget->closing << 1 | budget->is_cancelling;
}

bool bw_budget_mark_is_cancelling(intptr_t mark)
{
    return mark & 1;
}

unsigned bw_budget_mark_closing(intptr_t mark)
{
    return (unsigned)(mark >> 1);
}

void bw_budget_caught(lua_State *L, int status, intptr_t mark)
{
    struct bw_budget *budget = bw_budget_of(L);

    bw_budget_check(L, status, bw_budget_mark_is_cancelling(mark));
    if (!is_strand(L, budget))
        return;
    budget->closing = bw_budget_mark_closing(mark);
    bw_budget_raise_due(L);
}

void bw_budget_raise_due(lua_State *L)
{
    struct bw_budget *budget = bw_budget_of(L);

    if (!budget->is_cancel_due || budget->closing > 0)
        return;
    budget->is_cancel_due = false;
    budget->is_cancelling = true;
    bw_budget_push_cancel(L);
    (void)lua_error(L);
}

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void (*on_look)(void *ud, uint64_t now_us);
static void *on_look_ud;

void bw_budget_set_on_look(void (*fn)(void *ud, uint64_t now_us), void *ud)
{
    on_look = fn;
    on_look_ud = ud;
}

void bw_budget_set_on_exhausted(void (*fn)(void))
{
    on_exhausted = fn;
}

uint64_t bw_budget_now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

void bw_budget_look(void)
{
    if (on_look)
        on_look(on_look_ud, bw_budget_now_us());
}

void bw_budget_begin(struct bw_budget *budget)
{
    budget->steps = 0;
    budget->bytes_uncharged = 0;
    budget->wall_steps = WALL_STEPS;
    if (!budget->wall_us_max)
        return;
    budget->wall_began_us = clock_us(CLOCK_MONOTONIC);
    budget->cpu_began_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
}

/* The clock decides nothing that a script could see: the turn it ends never happened. */
static bool is_wall_over(const struct bw_budget *budget)
{
    return budget->wall_us_max &&
           clock_us(CLOCK_MONOTONIC) - budget->wall_began_us > budget->wall_us_max &&
           clock_us(CLOCK_THREAD_CPUTIME_ID) - budget->cpu_began_us > budget->wall_us_max;
}

static void look(lua_State *L, struct bw_budget *budget)
{
    budget->wall_steps = budget->steps + WALL_STEPS;
    bw_budget_look();
    if (is_wall_over(budget))
        (void)bw_budget_kill(L, BW_FATAL_WALL);
}

static void spend(lua_State *L, struct bw_budget *budget, uint64_t steps)
{
    budget->steps += steps + budget->bytes_uncharged / BW_BUDGET_BYTES_PER_STEP;
    budget->bytes_uncharged %= BW_BUDGET_BYTES_PER_STEP;
    if (budget->fatal || budget->steps > budget->steps_max)
        (void)bw_budget_kill(L, BW_FATAL_STEPS);
    if (budget->steps >= budget->wall_steps)
        look(L, budget);
    if (!budget->is_collecting && budget->bytes > BW_BUDGET_COLLECT_BYTES) {
        budget->is_collecting = true;
        (void)lua_gc(L, LUA_GCRESTART);
    }
}

static void count_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    spend(L, bw_budget_of(L), BW_BUDGET_PERIOD);
}

void bw_lua_charge(lua_State *L, size_t steps)
{
    struct bw_budget *budget = bw_budget_of(L);

    if (budget)
        spend(L, budget, steps);
}
