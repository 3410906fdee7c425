/* sim_standby.c - a standby that falls behind, and the failover to it: the database forgets what it
 * acknowledged last, and the nodes' memory and the world outside do not.
 *
 * What may be lost is what was committed after the standby stopped following. The oracle begins
 * anew with the rows that are left, and holds them against all its rules. Beyond that:
 *   - a request that changes something, whose row is lost, is not sent again by a node that had
 *     been told of that row's commit, unless its run has stopped for a person (FAILOVER);
 *   - it leaves at most once more for each such loss, even then;
 *   - every node that lived through the failover has noticed it, and what was lost is in the audit.
 *
 * A seed of its own: worlds without a failover take the way that they took before there were any.
 */
#include "sim.h"

#include "store/mem_store.h"

#include <stdio.h>
#include <string.h>

enum { REMEMBERED_S = 10 }; /* well within what an engine looks up after it was stopped, too */

/* A commit that a node was told of. */
struct acked {
    struct bw_id run;
    uint64_t turn;
    int64_t at_us;
    const struct sim_node *node;
    uint64_t life;
};

/* A request that was sent, and whose row is gone. */
struct lost {
    char key[96];
    struct bw_id run;
    const struct sim_node *node; /* whose life knows of it; NULL = nobody's */
    uint64_t life;
    unsigned fall;
    bool is_told;  /* its run has stopped for a person */
    bool is_again; /* sent again */
};

struct sim_standby {
    struct bw_rng dice;
    bool is_wanted; /* in this seed */
    struct bw_mem_snapshot *rows;
    uint64_t fall_step;
    int64_t fall_at_us;
    unsigned falls;
    struct acked *acked;
    size_t acked_count;
    struct lost *lost;
    size_t lost_count;
};

static uint64_t draw(struct sim_standby *standby, uint64_t below)
{
    return bw_rng_next(&standby->dice) % below;
}

/* --- Who knows what. */

void sim_standby_acked(struct sim *sim, const struct sim_node *node,
                       const struct bw_turn_commit *commit)
{
    struct sim_standby *standby = sim->standby;
    if (!standby->is_wanted)
        return;
    MEM_PUSH(standby->acked, standby->acked_count,
             (struct acked){commit->run, commit->expected_head + 1, sim->clock.utc.us, node,
                            node->life});
}

static const struct acked *find_acked(const struct sim *sim, struct bw_id run, uint64_t turn)
{
    const struct sim_standby *standby = sim->standby;
    for (size_t i = standby->acked_count; i > 0; i--) {
        const struct acked *acked = &standby->acked[i - 1];
        bool is_it = bw_id_eq(acked->run, run) && acked->turn == turn;
        if (is_it && acked->node->is_up && acked->node->life == acked->life &&
            sim->clock.utc.us - acked->at_us < REMEMBERED_S * BW_US_PER_S)
            return acked;
    }
    return NULL;
}

static struct lost *find_lost(const struct sim *sim, const char *key)
{
    const struct sim_standby *standby = sim->standby;
    for (size_t i = standby->lost_count; i > 0; i--) {
        if (strcmp(standby->lost[i - 1].key, key) == 0)
            return &standby->lost[i - 1];
    }
    return NULL;
}

size_t sim_standby_losses(const struct sim *sim, const char *key)
{
    const struct sim_standby *standby = sim->standby;
    size_t count = 0;
    for (size_t i = 0; i < standby->lost_count; i++)
        count += strcmp(standby->lost[i].key, key) == 0;
    return count;
}

void sim_standby_check_sent(struct sim *sim, const struct sim_node *node, const char *key)
{
    struct lost *lost = find_lost(sim, key);
    if (!lost || lost->is_again)
        return;
    if (!lost->is_told && lost->node == node && lost->life == node->life)
        sim_fail(sim, "request %s was sent again by %s, which knew that its row is lost", key,
                 node->name);
    sim_mark(sim, lost->is_told ? SIM_TAIL_ASKED : SIM_TAIL_REPEATED);
    lost->is_again = true;
}

/* It is, when the reason that people read names this very request. */
void sim_standby_parked(struct sim *sim, const struct bw_run_row *row)
{
    struct sim_standby *standby = sim->standby;
    for (size_t i = 0; i < standby->lost_count; i++) {
        struct lost *lost = &standby->lost[i];
        bool is_it = bw_id_eq(lost->run, row->id) && !lost->is_told && row->error.len > 0;
        if (is_it && memmem(row->error.ptr, row->error.len, lost->key, strlen(lost->key)))
            lost->is_told = true;
    }
}

bool sim_standby_has_fallen(const struct sim *sim)
{
    return sim->standby->falls > 0;
}

/* --- The failover. */

static void note(struct sim *sim, const struct sim_request *request)
{
    struct sim_standby *standby = sim->standby;
    const struct acked *acked = find_acked(sim, request->run, request->turn);
    struct lost lost = {.run = request->run, .fall = standby->falls};
    if (!sim_outside_has_seen(sim, request->key))
        return;
    snprintf(lost.key, sizeof lost.key, "%s", request->key);
    if (acked) {
        lost.node = acked->node;
        lost.life = acked->life;
    }
    MEM_PUSH(standby->lost, standby->lost_count, lost);
    sim_mark(sim, SIM_TAIL_SENT);
}

/* What a node that lives had acknowledged at the door, and the rows have no more. */
static void note_door(struct sim *sim)
{
    for (size_t i = 0; i < sim->wish_count; i++) {
        struct sim_wish *wish = &sim->wishes[i];
        bool is_door =
            wish->kind == SIM_EVENT || wish->kind == SIM_ANSWER || wish->kind == SIM_CANCEL;
        if (!is_door || wish->state != SIM_WISH_DONE || !wish->node->is_up ||
            wish->node->life != wish->life ||
            sim->clock.utc.us - wish->granted_at_us >= REMEMBERED_S * BW_US_PER_S ||
            sim_wish_is_kept(sim, wish))
            continue;
        wish->lost_by = sim->standby->falls;
        sim_mark(sim, SIM_DOOR_DROPPED);
    }
}

static void fall(struct sim *sim)
{
    struct sim_standby *standby = sim->standby;
    struct bw_mem_snapshot *rows = standby->rows;
    standby->rows = NULL;
    standby->falls++;
    sim_trace(sim, "the standby takes over, and lacks the tail");
    sim_mark(sim, SIM_TAIL_DROPPED);
    sim_oracle_step(sim); /* it has seen what is lost now */
    sim_store_break(sim);
    sim_wish_doubt(sim);
    sim->work_count = 0;
    struct sim_requests *before = sim_oracle_requests(sim);
    bw_store_mem_fall_back(&sim->store, rows);
    sim_oracle_begin_anew(sim);
    for (size_t i = 0; i < before->count; i++) {
        const struct sim_request *request = &before->items[i];
        if (!sim_oracle_knows(sim, request->run, request->seq, "http"))
            note(sim, request);
    }
    sim_requests_free(before);
    note_door(sim);
}

void sim_standby_step(struct sim *sim)
{
    struct sim_standby *standby = sim->standby;
    bool is_due = sim->step >= standby->fall_step || sim->clock.utc.us >= standby->fall_at_us;
    if (!standby->is_wanted || sim->is_calm)
        return;
    if (standby->rows && is_due) {
        fall(sim);
    } else if (!standby->rows && draw(standby, 250) == 0) {
        standby->rows = bw_store_mem_snapshot(&sim->store);
        standby->fall_step = sim->step + 1 + draw(standby, 80);
        standby->fall_at_us = sim->clock.utc.us + (int64_t)draw(standby, 6) * BW_US_PER_S;
        if (standby->rows)
            sim_trace(sim, "the standby follows no further");
    }
}

/* --- The end. */

static bool is_in_audit(const struct sim *sim, struct bw_id run)
{
    const struct mem_store *store = sim->store.self;
    char id[BW_ID_TEXT_LEN + 1];
    bw_id_print(run, id);
    for (size_t i = 0; i < store->audit_count; i++) {
        if (bw_str_eq(store->audits[i].action, BW_STR("failover.lost")) &&
            bw_str_eq(store->audits[i].subject, bw_str_of(id)))
            return true;
    }
    return false;
}

/* It came back, or people were told: not one of them is just gone. */
static void check_door(struct sim *sim)
{
    for (size_t i = 0; i < sim->wish_count; i++) {
        const struct sim_wish *wish = &sim->wishes[i];
        if (wish->lost_by == 0 || wish->node->life != wish->life)
            continue;
        bool is_told = wish->kind != SIM_EVENT && is_in_audit(sim, wish->id);
        sim_mark(sim, is_told ? SIM_DOOR_TOLD : SIM_DOOR_AGAIN);
        if (!is_told && !sim_wish_is_kept(sim, wish))
            sim_fail(sim, "wish %d was acknowledged, a failover dropped it, and nobody tells",
                     (int)wish->kind);
    }
}

void sim_standby_end(struct sim *sim)
{
    const struct sim_standby *standby = sim->standby;
    for (size_t i = 0; i < sim->node_count; i++) {
        struct bw_engine_stats stats;
        const struct sim_node *node = &sim->nodes[i];
        bw_engine_stats(node->engine, &stats);
        if (node->falls > 0 && stats.failovers == 0) /* two that meet are noticed as one */
            sim_fail(sim, "%s has lived through a failover and did not notice", node->name);
    }
    check_door(sim);
    for (size_t i = 0; i < standby->lost_count; i++) {
        const struct lost *lost = &standby->lost[i];
        bool lives = lost->node && lost->node->life == lost->life;
        if (lives && lost->fall == standby->falls && !is_in_audit(sim, lost->run))
            sim_fail(sim, "request %s is lost, and the audit does not tell", lost->key);
    }
}

void sim_standby_init(struct sim *sim)
{
    struct sim_standby *standby = sim->standby = bw_xcalloc(1, sizeof *standby);
    bw_rng_seed(&standby->dice, sim->seed ^ UINT64_C(0x7a117a117a117a11));
    standby->is_wanted = sim->trouble > 0 && draw(standby, 2) == 0;
}

void sim_standby_deinit(struct sim *sim)
{
    bw_store_mem_snapshot_free(sim->standby->rows);
    bw_free(sim->standby->acked);
    bw_free(sim->standby->lost);
    bw_free(sim->standby);
    sim->standby = NULL;
}
