/* sched.c - see sched.h. */
#include "core/sched.h"

#include "base/assert.h"

struct bw_sched_tenant {
    struct bw_keyed keyed; /* the tenant's id */
    struct bw_list link;   /* in the rounds or held, while it has ready runs */
    bool is_held;
    struct bw_list ready[BW_CLASS_COUNT][2]; /* [1]: those that have a VM */
    bool is_vm_next[BW_CLASS_COUNT];         /* the two of a class take turns */
    size_t ready_count, executing_count, committing_count;
    int64_t weight;
    int64_t deficit; /* what it may spend before the next one's turn */
    unsigned credits[BW_CLASS_COUNT];
};

/* Of 21 runs of a tenant with enough of each class so many are of each. */
static const unsigned CREDITS[BW_CLASS_COUNT] = {
    [BW_CLASS_INTERACTIVE] = 16, [BW_CLASS_EVENT] = 4, [BW_CLASS_BATCH] = 1};

void bw_sched_init(struct bw_sched *sched, size_t executing_max)
{
    *sched = (struct bw_sched){0};
    bw_table_init(&sched->tenants);
    bw_list_init(&sched->rounds);
    bw_list_init(&sched->held);
    sched->executing_max = executing_max - executing_max / 4;
}

void bw_sched_deinit(struct bw_sched *sched)
{
    struct bw_keyed *keyed;
    for (size_t at = 0; (keyed = bw_table_next(&sched->tenants, &at));)
        bw_free(bw_container_of(keyed, struct bw_sched_tenant, keyed));
    bw_table_deinit(&sched->tenants);
}

static struct bw_sched_tenant *tenant_of(struct bw_sched *sched, struct bw_id id)
{
    struct bw_keyed *keyed = bw_table_find(&sched->tenants, id);
    if (keyed)
        return bw_container_of(keyed, struct bw_sched_tenant, keyed);
    struct bw_sched_tenant *tenant = bw_xcalloc(1, sizeof *tenant);
    tenant->keyed.id = id;
    tenant->weight = BW_WEIGHT_NORMAL;
    bw_list_init(&tenant->link);
    for (size_t i = 0; i < BW_CLASS_COUNT; i++)
        for (size_t has_vm = 0; has_vm < 2; has_vm++)
            bw_list_init(&tenant->ready[i][has_vm]);
    bw_table_put(&sched->tenants, &tenant->keyed);
    return tenant;
}

static bool has_of_class(const struct bw_sched_tenant *tenant, size_t class, bool with_new)
{
    return !bw_list_is_empty(&tenant->ready[class][1]) ||
           (with_new && !bw_list_is_empty(&tenant->ready[class][0]));
}

static bool has_any(const struct bw_sched_tenant *tenant, bool with_new)
{
    for (size_t i = 0; i < BW_CLASS_COUNT; i++) {
        if (has_of_class(tenant, i, with_new))
            return true;
    }
    return false;
}

static bool has_ready(const struct bw_sched_tenant *tenant)
{
    return has_any(tenant, true);
}

/* --- Classes. */

static bool is_by_person(struct bw_str key)
{
    return bw_str_starts(key, BW_STR("task:")) || bw_str_starts(key, BW_STR("skip:")) ||
           bw_str_starts(key, BW_STR("kept:"));
}

static enum bw_sched_class class_of_item(const struct bw_run *run, const struct bw_item *item)
{
    if (item->kind == BW_DELIVERY_CANCEL || is_by_person(item->key))
        return BW_CLASS_INTERACTIVE;
    if (item->kind == BW_DELIVERY_START) {
        struct bw_value start = bw_value_read(item->value);
        struct bw_str by = bw_value_get_str(&start, "started_by", BW_STR_NONE);
        bool is_by_itself =
            bw_str_starts(by, BW_STR("run:")) || bw_str_starts(by, BW_STR("schedule:"));
        return is_by_itself ? BW_CLASS_BATCH : BW_CLASS_EVENT;
    }
    const struct bw_effect *effect = bw_run_find_effect(run, item->seq);
    bool is_late = bw_str_starts(item->key, BW_STR("child:")) ||
                   (item->key.len == 0 && effect && effect->due_us);
    return is_late ? BW_CLASS_BATCH : BW_CLASS_EVENT;
}

enum bw_sched_class bw_sched_class_of(const struct bw_run *run)
{
    enum bw_sched_class best = BW_CLASS_BATCH;
    for (size_t i = 0; i < run->inbox.count; i++) {
        enum bw_sched_class class = class_of_item(run, &run->inbox.items[i]);
        best = class < best ? class : best;
    }
    return best;
}

static struct bw_run *take_of_class(struct bw_sched_tenant *tenant, size_t class, bool with_new)
{
    struct bw_list *ready = tenant->ready[class];
    bool has_vm = tenant->is_vm_next[class] ? !bw_list_is_empty(&ready[1])
                                            : !with_new || bw_list_is_empty(&ready[0]);
    tenant->is_vm_next[class] = !has_vm;
    return bw_container_of(bw_list_pop_front(&ready[has_vm]), struct bw_run, link);
}

static struct bw_run *take(struct bw_sched_tenant *tenant, bool with_new)
{
    for (;;) {
        for (size_t i = 0; i < BW_CLASS_COUNT; i++) {
            if (tenant->credits[i] > 0 && has_of_class(tenant, i, with_new)) {
                tenant->credits[i]--;
                return take_of_class(tenant, i, with_new);
            }
        }
        memcpy(tenant->credits, CREDITS, sizeof CREDITS);
    }
}

/* --- Rounds. */

void bw_sched_add(struct bw_sched *sched, struct bw_run *run)
{
    BW_ASSERT(run->state == BW_RUN_STATE_READY);
    BW_ASSERT(bw_list_is_empty(&run->link));
    struct bw_sched_tenant *tenant = tenant_of(sched, run->tenant);
    if (!has_ready(tenant)) {
        bw_list_push_back(&sched->rounds, &tenant->link);
        sched->round_count++;
    }
    bw_list_push_back(&tenant->ready[bw_sched_class_of(run)][run->is_resident], &run->link);
    tenant->ready_count++;
    sched->ready_count++;
}

static void leave_rounds(struct bw_sched *sched, struct bw_sched_tenant *tenant)
{
    bw_list_remove(&tenant->link);
    sched->round_count -= !tenant->is_held;
    tenant->is_held = false;
    tenant->deficit = 0; /* what was not spent is not kept for later */
}

static void to_back(struct bw_sched *sched, struct bw_sched_tenant *tenant)
{
    bw_list_remove(&tenant->link);
    bw_list_push_back(&sched->rounds, &tenant->link);
}

static bool is_full(const struct bw_sched *sched, const struct bw_sched_tenant *tenant)
{
    return tenant->executing_count >= sched->executing_max;
}

bool bw_sched_has_next(const struct bw_sched *sched, bool with_new)
{
    for (const struct bw_list *at = sched->rounds.next; at != &sched->rounds; at = at->next) {
        const struct bw_sched_tenant *tenant = bw_container_of(at, struct bw_sched_tenant, link);
        if (!is_full(sched, tenant) && has_any(tenant, with_new))
            return true;
    }
    return false;
}

struct bw_run *bw_sched_next(struct bw_sched *sched, bool with_new)
{
    for (size_t full_count = 0; full_count < sched->round_count;) {
        struct bw_sched_tenant *tenant =
            bw_container_of(sched->rounds.next, struct bw_sched_tenant, link);
        if (is_full(sched, tenant) || !has_any(tenant, with_new)) {
            to_back(sched, tenant);
            full_count++;
            continue;
        }
        full_count = 0;
        if (tenant->deficit < BW_WEIGHT_NORMAL)
            tenant->deficit += tenant->weight;
        if (tenant->deficit < BW_WEIGHT_NORMAL) { /* it gives one in every second round, or third */
            to_back(sched, tenant);
            continue;
        }
        tenant->deficit -= BW_WEIGHT_NORMAL;
        struct bw_run *run = take(tenant, with_new);
        tenant->ready_count--;
        sched->ready_count--;
        if (!has_ready(tenant))
            leave_rounds(sched, tenant);
        else if (tenant->deficit < BW_WEIGHT_NORMAL)
            to_back(sched, tenant);
        return run;
    }
    return NULL;
}

void bw_sched_hold(struct bw_sched *sched, struct bw_run *run)
{
    struct bw_sched_tenant *tenant = tenant_of(sched, run->tenant);
    enum bw_sched_class class = bw_sched_class_of(run);
    int64_t deficit = tenant->deficit + BW_WEIGHT_NORMAL; /* it was not spent after all */
    BW_ASSERT(bw_list_is_empty(&run->link) && !tenant->is_held);
    if (has_ready(tenant))
        leave_rounds(sched, tenant);
    bw_list_push_front(&tenant->ready[class][run->is_resident], &run->link);
    bw_list_push_back(&sched->held, &tenant->link);
    tenant->is_held = true;
    tenant->deficit = deficit;
    tenant->credits[class]++;
    tenant->ready_count++;
    sched->ready_count++;
}

void bw_sched_unhold(struct bw_sched *sched)
{
    BW_LIST_EACH(&sched->held, link) {
        bw_container_of(link, struct bw_sched_tenant, link)->is_held = false;
        sched->round_count++;
    }
    bw_list_append_all(&sched->held, &sched->rounds);
    bw_list_append_all(&sched->rounds, &sched->held);
}

void bw_sched_remove(struct bw_sched *sched, struct bw_run *run)
{
    struct bw_sched_tenant *tenant = tenant_of(sched, run->tenant);
    BW_ASSERT(!bw_list_is_empty(&run->link));
    bw_list_remove(&run->link);
    tenant->ready_count--;
    sched->ready_count--;
    if (!has_ready(tenant))
        leave_rounds(sched, tenant);
}

/* --- Tenants. */

void bw_sched_begun(struct bw_sched *sched, const struct bw_run *run)
{
    tenant_of(sched, run->tenant)->executing_count++;
}

void bw_sched_ended(struct bw_sched *sched, const struct bw_run *run)
{
    struct bw_sched_tenant *tenant = tenant_of(sched, run->tenant);
    BW_ASSERT(tenant->executing_count > 0);
    tenant->executing_count--;
}

void bw_sched_committing(struct bw_sched *sched, const struct bw_run *run, bool has_begun)
{
    struct bw_sched_tenant *tenant = tenant_of(sched, run->tenant);
    BW_ASSERT(has_begun || tenant->committing_count > 0);
    tenant->committing_count += has_begun ? 1 : (size_t)-1;
}

bool bw_sched_is_at_work(struct bw_sched *sched, struct bw_id id)
{
    const struct bw_sched_tenant *tenant = tenant_of(sched, id);
    return tenant->ready_count + tenant->executing_count + tenant->committing_count > 0;
}

void bw_sched_weigh(struct bw_sched *sched, struct bw_id tenant, int64_t weight)
{
    weight = weight < BW_WEIGHT_MIN ? BW_WEIGHT_MIN : weight;
    tenant_of(sched, tenant)->weight = weight > BW_WEIGHT_MAX ? BW_WEIGHT_MAX : weight;
}
