#include "lua/warm.h"
#include "base/mem.h"
#include "lua/sandbox.h"
#include "lua/template.h"

enum {
    WORKFLOWS_MAX = 8, /* of a release; what comes later is loaded anew each time */
    REGION_BYTES_MAX = 2 * 1024 * 1024,
};

struct bw_warm {
    struct bw_warm *next;
    struct bw_str workflow; /* heap, owned, as is `modules` */
    struct bw_str modules;
    bool is_tried; /* whether there is a template is known */
    struct bw_template *template;
};

static struct bw_warm *find(struct bw_release *release, struct bw_str workflow, size_t *count)
{
    *count = 0;
    for (struct bw_warm *warm = *bw_release_warm(release); warm; warm = warm->next) {
        if (bw_str_eq(warm->workflow, workflow))
            return warm;
        (*count)++;
    }
    return NULL;
}

static struct bw_str keep(struct bw_str text)
{
    return bw_str(bw_xstrndup(text.ptr, text.len), text.len);
}

void bw_warm_drop(struct bw_warm *warm)
{
    while (warm) {
        struct bw_warm *next = warm->next;
        bw_template_drop(warm->template);
        bw_free((void *)(uintptr_t)warm->workflow.ptr);
        bw_free((void *)(uintptr_t)warm->modules.ptr);
        bw_free(warm);
        warm = next;
    }
}

void bw_warm_learn(struct bw_release *release, struct bw_str workflow, struct bw_str modules)
{
    struct bw_warm **first = bw_release_warm(release), *warm;
    size_t count;

    if (find(release, workflow, &count) || count >= WORKFLOWS_MAX)
        return;
    warm = bw_xcalloc(1, sizeof *warm);
    *warm = (struct bw_warm){.next = *first, .workflow = keep(workflow), .modules = keep(modules)};
    *first = warm;
}

/* --- making the template */

static int load_modules(lua_State *L)
{
    const struct bw_warm *warm = lua_touserdata(L, 1);
    struct bw_str rest = warm->modules;

    bw_vm_open_sandbox(L, bw_vm_of(L));
    while (rest.len) {
        size_t len = strlen(rest.ptr);
        lua_settop(L, 0);
        lua_pushboolean(L, 1);
        lua_pushcclosure(L, bw_lua_require, 1);
        lua_pushlstring(L, rest.ptr, len);
        lua_call(L, 1, 0);
        rest = bw_str(rest.ptr + len + 1, rest.len - len - 1);
    }
    return 0;
}

static struct bw_template *make_template(struct bw_release *release, const struct bw_warm *warm)
{
    struct bw_vm *vm = bw_xcalloc(1, sizeof *vm); /* nobody's: it only loads */
    struct bw_template *template = NULL;

    vm->release = release;
    vm->is_nobodys = true;
    bw_buf_init(&vm->modules, BW_VM_MODULES_BYTES_MAX);
    vm->budget.steps_max = UINT64_MAX;
    vm->budget.bytes_max = REGION_BYTES_MAX;
    vm->budget.is_collecting = true; /* that is: does not begin to */
    vm->L = bw_template_newstate(&vm->budget, REGION_BYTES_MAX);
    if (vm->L && bw_lua_protected(vm->L, load_modules, (void *)(uintptr_t)warm, NULL) == LUA_OK &&
        vm->is_nobodys) {
        (void)lua_gc(vm->L, LUA_GCCOLLECT); /* what loading left behind is not copied */
        template = bw_template_take(vm->L);
    }
    if (vm->L && !template)
        bw_budget_close(vm->L);
    bw_buf_deinit(&vm->modules);
    bw_free(vm);
    return template;
}

lua_State *bw_warm_state(struct bw_release *release, struct bw_str workflow,
                         struct bw_budget *budget)
{
    size_t count;
    struct bw_warm *warm = find(release, workflow, &count);

    if (!warm)
        return NULL;
    if (!warm->is_tried) {
        warm->is_tried = true;
        warm->template = make_template(release, warm);
    }
    if (!warm->template || bw_template_budget(warm->template)->bytes >= budget->bytes_max)
        return NULL;
    return bw_template_copy(warm->template, budget);
}
