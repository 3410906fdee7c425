/* template.c - see template.h.
 *
 * The pointers of a state, and where they are: lobject.h and lstate.h of Lua 5.4.7. A pointer that
 * does not lead into the region (a C function, the empty node of all tables) stays.
 */
#include "lua/template.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#ifndef BW_LUA_SYSTEM

#include <lfunc.h>
#include <lgc.h>
#include <lobject.h>
#include <lstate.h>
#include <ltable.h>

_Static_assert(LUA_VERSION_RELEASE_NUM == 50407, "the layout that move_... knows");

struct bw_template {
    struct bw_budget budget; /* as of the moment it was taken; its pool owns the region */
    lua_State *L;
    size_t len;     /* of the region that is in use */
    size_t *tables; /* offsets of those to hash anew */
    size_t table_count;
};

/* --- moving */

struct move {
    uintptr_t from, len;
    ptrdiff_t distance;
};

static void *moved(const struct move *move, const void *pointer)
{
    uintptr_t at = (uintptr_t)pointer;

    return (void *)(at - move->from < move->len ? at + (uintptr_t)move->distance : at);
}

#define MOVE(field) ((field) = moved(move, (const void *)(field)))

static void move_value(const struct move *move, TValue *value)
{
    if (iscollectable(value))
        MOVE(value->value_.gc);
}

static void move_table(const struct move *move, Table *table)
{
    unsigned int array_len = luaH_realasize(table);

    MOVE(table->metatable);
    MOVE(table->array);
    for (unsigned int i = 0; i < array_len; i++)
        move_value(move, &table->array[i]);
    if (isdummy(table))
        return;
    MOVE(table->node);
    MOVE(table->lastfree);
    for (unsigned int i = 0; i < (unsigned int)sizenode(table); i++) {
        Node *node = gnode(table, i);
        move_value(move, gval(node));
        if (keyiscollectable(node))
            MOVE(node->u.key_val.gc);
    }
}

static void move_proto(const struct move *move, Proto *proto)
{
    MOVE(proto->k);
    MOVE(proto->code);
    MOVE(proto->p);
    MOVE(proto->upvalues);
    MOVE(proto->lineinfo);
    MOVE(proto->abslineinfo);
    MOVE(proto->locvars);
    MOVE(proto->source);
    for (int i = 0; i < proto->sizek; i++)
        move_value(move, &proto->k[i]);
    for (int i = 0; i < proto->sizep; i++)
        MOVE(proto->p[i]);
    for (int i = 0; i < proto->sizeupvalues; i++)
        MOVE(proto->upvalues[i].name);
    for (int i = 0; i < proto->sizelocvars; i++)
        MOVE(proto->locvars[i].varname);
}

static void move_object(const struct move *move, GCObject *object)
{
    MOVE(object->next);
    switch (object->tt) {
    case LUA_VSHRSTR:
        MOVE(gco2ts(object)->u.hnext);
        break;
    case LUA_VTABLE:
        move_table(move, gco2t(object));
        break;
    case LUA_VUSERDATA: {
        Udata *data = gco2u(object);
        MOVE(data->metatable);
        for (int i = 0; i < data->nuvalue; i++)
            move_value(move, &data->uv[i].uv);
        break;
    }
    case LUA_VUPVAL:
        MOVE(gco2upv(object)->v.p);
        move_value(move, &gco2upv(object)->u.value);
        break;
    case LUA_VLCL: {
        LClosure *closure = gco2lcl(object);
        MOVE(closure->p);
        for (int i = 0; i < closure->nupvalues; i++)
            MOVE(closure->upvals[i]);
        break;
    }
    case LUA_VCCL: {
        CClosure *closure = gco2ccl(object);
        for (int i = 0; i < closure->nupvalues; i++)
            move_value(move, &closure->upvalue[i]);
        break;
    }
    case LUA_VPROTO:
        move_proto(move, gco2p(object));
        break;
    default: /* a long string, which has no other pointer, or the thread, whose turn was before */
        break;
    }
}

static void move_thread(const struct move *move, lua_State *L)
{
    MOVE(L->top.p);
    MOVE(L->l_G);
    MOVE(L->ci);
    MOVE(L->stack_last.p);
    MOVE(L->stack.p);
    MOVE(L->tbclist.p);
    MOVE(L->twups);
    for (CallInfo *ci = &L->base_ci; ci; ci = ci->next) {
        MOVE(ci->func.p);
        MOVE(ci->top.p);
        MOVE(ci->previous);
        MOVE(ci->next);
    }
    for (StkId slot = L->stack.p; slot < L->stack_last.p + EXTRA_STACK; slot++)
        move_value(move, s2v(slot));
}

static void move_global(const struct move *move, global_State *g)
{
    GCObject **const lists[] = {&g->allgc, &g->finobj, &g->fixedgc};

    MOVE(g->strt.hash);
    for (int i = 0; i < g->strt.size; i++)
        MOVE(g->strt.hash[i]);
    move_value(move, &g->l_registry);
    MOVE(g->mainthread);
    MOVE(g->memerrmsg);
    MOVE(g->twups);
    for (int i = 0; i < TM_N; i++)
        MOVE(g->tmname[i]);
    for (int i = 0; i < LUA_NUMTYPES; i++)
        MOVE(g->mt[i]);
    for (int i = 0; i < STRCACHE_N; i++)
        for (int k = 0; k < STRCACHE_M; k++)
            MOVE(g->strcache[i][k]);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        MOVE(*lists[i]);
        for (GCObject *object = *lists[i]; object; object = object->next)
            move_object(move, object);
    }
}

/* --- taking */

static bool is_hashed_by_address(const Table *table)
{
    if (isdummy(table))
        return false;
    for (unsigned int i = 0; i < (unsigned int)sizenode(table); i++) {
        const Node *node = gnode(table, i);
        if (keyiscollectable(node) && keytt(node) != ctb(LUA_VSHRSTR) &&
            keytt(node) != ctb(LUA_VLNGSTR))
            return true;
    }
    return false;
}

static void note_table(struct bw_template *template, const Table *table)
{
    size_t count = template->table_count;

    if ((count & (count - 1)) == 0)
        template->tables =
            bw_xrealloc(template->tables, (count ? 2 * count : 1) * sizeof *template->tables);
    template->tables[template->table_count++] =
        (size_t)((const char *)table - template->budget.pool.region);
}

/* Can be copied by its kind? Content of userdata is ours, and bytes only. */
static bool check_object(struct bw_template *template, lua_State *L, GCObject *object)
{
    const struct bw_pool *pool = &template->budget.pool;

    if (!bw_pool_is_in_region(pool, object))
        return false;
    switch (object->tt) {
    case LUA_VTHREAD:
        return object == obj2gco(L);
    case LUA_VUPVAL:
        return !upisopen(gco2upv(object));
    case LUA_VTABLE:
        if (is_hashed_by_address(gco2t(object)))
            note_table(template, gco2t(object));
        return true;
    case LUA_VUSERDATA: {
        Udata *data = gco2u(object);
        for (size_t i = 0; i + sizeof(void *) <= data->len; i += sizeof(void *)) {
            void *word;
            memcpy(&word, getudatamem(data) + i, sizeof word);
            if (bw_pool_is_in_region(pool, word))
                return false;
        }
        return true;
    }
    default:
        return true;
    }
}

static bool check(struct bw_template *template, lua_State *L)
{
    const global_State *g = G(L);
    GCObject *const lists[] = {g->allgc, g->finobj, g->fixedgc};

    if (L != g->mainthread || L->openupval || L->ci != &L->base_ci || L->errorJmp ||
        L->top.p != L->stack.p + 1 || L->tbclist.p != L->stack.p || (g->twups && g->twups != L) ||
        g->tobefnz || g->gcstate != GCSpause || g->sweepgc || g->gckind != KGC_INC)
        return false;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (GCObject *object = lists[i]; object; object = object->next) {
            if (!check_object(template, L, object))
                return false;
        }
    }
    return true;
}

lua_State *bw_template_newstate(struct bw_budget *budget, size_t bytes_max)
{
    return bw_pool_reserve(&budget->pool, bytes_max) ? bw_budget_newstate(budget) : NULL;
}

struct bw_template *bw_template_take(lua_State *L)
{
    struct bw_budget *budget = bw_budget_of(L);
    struct bw_template *template = bw_xcalloc(1, sizeof *template);

    template->L = L;
    template->budget = *budget;
    if (budget->fatal || budget->open_count || budget->pool.chunks || budget->pool.large ||
        !check(template, L)) {
        bw_free(template->tables);
        bw_free(template);
        return NULL;
    }
    template->len = bw_pool_region_len(&budget->pool);
    budget->pool = (struct bw_pool){.region = NULL};
    return template;
}

void bw_template_drop(struct bw_template *template)
{
    if (!template)
        return;
    bw_pool_drop(&template->budget.pool);
    bw_free(template->tables);
    bw_free(template);
}

const struct bw_budget *bw_template_budget(const struct bw_template *template)
{
    return &template->budget;
}

/* --- copying */

static int hash_anew(lua_State *L)
{
    const struct bw_template *template = lua_touserdata(L, 1);
    char *region = bw_budget_of(L)->pool.region;

    for (size_t i = 0; i < template->table_count; i++) {
        Table *table = (Table *)(void *)(region + template->tables[i]);
        luaH_resize(L, table, luaH_realasize(table), (unsigned int)allocsizenode(table));
    }
    return 0;
}

lua_State *bw_template_copy(const struct bw_template *template, struct bw_budget *budget)
{
    const struct bw_budget *from = &template->budget;
    struct bw_budget limits = *budget;

    if (!bw_pool_copy_region(&budget->pool, &from->pool, template->len))
        return NULL;
    const struct move move = {.from = (uintptr_t)from->pool.region,
                              .len = template->len,
                              .distance = budget->pool.region - from->pool.region};
    lua_State *L = moved(&move, template->L);
    global_State *g = moved(&move, G(template->L));
    bw_budget_adopt(budget, from, L);
    g->ud = budget;
    move_thread(&move, L);
    move_global(&move, g);
    if (template->table_count &&
        bw_lua_protected(L, hash_anew, (void *)(uintptr_t) template, NULL) != LUA_OK) {
        bw_budget_close(L);
        return NULL;
    }
    /* The new places of tables are not the run's doing. */
    budget->steps = from->steps;
    budget->bytes_uncharged = from->bytes_uncharged;
    budget->steps_max = limits.steps_max;
    budget->bytes_max = limits.bytes_max;
    budget->wall_us_max = limits.wall_us_max;
    return L;
}

#else

lua_State *bw_template_newstate(struct bw_budget *budget, size_t bytes_max)
{
    (void)budget, (void)bytes_max;
    return NULL;
}

struct bw_template *bw_template_take(lua_State *L)
{
    (void)L;
    return NULL;
}

void bw_template_drop(struct bw_template *template)
{
    (void)template;
}

const struct bw_budget *bw_template_budget(const struct bw_template *template)
{
    (void)template;
    return NULL;
}

lua_State *bw_template_copy(const struct bw_template *template, struct bw_budget *budget)
{
    (void)template, (void)budget;
    return NULL;
}

#endif
