/* sched.c - see sched.h. */
#include "core/sched.h"

#include "base/assert.h"

struct bw_sched_tenant {
    struct bw_keyed keyed; /* the tenant's id */
    struct bw_list link;   /* in the rounds, while it has ready runs */
    struct bw_list ready;
};

void bw_sched_init(struct bw_sched *sched)
{
    bw_table_init(&sched->tenants);
    bw_list_init(&sched->rounds);
    bw_list_init(&sched->held);
    sched->ready_count = 0;
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
    bw_list_init(&tenant->link);
    bw_list_init(&tenant->ready);
    bw_table_put(&sched->tenants, &tenant->keyed);
    return tenant;
}

void bw_sched_add(struct bw_sched *sched, struct bw_run *run)
{
    BW_ASSERT(run->state == BW_RUN_STATE_READY);
    BW_ASSERT(bw_list_is_empty(&run->link));
    struct bw_sched_tenant *tenant = tenant_of(sched, run->tenant);
    if (bw_list_is_empty(&tenant->ready))
        bw_list_push_back(&sched->rounds, &tenant->link);
    bw_list_push_back(&tenant->ready, &run->link);
    sched->ready_count++;
}

struct bw_run *bw_sched_next(struct bw_sched *sched)
{
    struct bw_list *link = bw_list_pop_front(&sched->rounds);
    if (!link)
        return NULL;
    struct bw_sched_tenant *tenant = bw_container_of(link, struct bw_sched_tenant, link);
    struct bw_run *run = bw_container_of(bw_list_pop_front(&tenant->ready), struct bw_run, link);
    if (!bw_list_is_empty(&tenant->ready))
        bw_list_push_back(&sched->rounds, &tenant->link);
    sched->ready_count--;
    return run;
}

void bw_sched_hold(struct bw_sched *sched, struct bw_run *run)
{
    struct bw_sched_tenant *tenant = tenant_of(sched, run->tenant);
    BW_ASSERT(bw_list_is_empty(&run->link));
    if (!bw_list_is_empty(&tenant->ready))
        bw_list_remove(&tenant->link);
    bw_list_push_front(&tenant->ready, &run->link);
    bw_list_push_back(&sched->held, &tenant->link);
    sched->ready_count++;
}

void bw_sched_unhold(struct bw_sched *sched)
{
    bw_list_append_all(&sched->held, &sched->rounds);
    bw_list_append_all(&sched->rounds, &sched->held);
}

bool bw_sched_has_next(const struct bw_sched *sched)
{
    return !bw_list_is_empty(&sched->rounds);
}

void bw_sched_remove(struct bw_sched *sched, struct bw_run *run)
{
    struct bw_sched_tenant *tenant = tenant_of(sched, run->tenant);
    BW_ASSERT(!bw_list_is_empty(&run->link));
    bw_list_remove(&run->link);
    sched->ready_count--;
    if (bw_list_is_empty(&tenant->ready))
        bw_list_remove(&tenant->link);
}
