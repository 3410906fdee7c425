/* verdict.c - what follows from the database's word about a batch: its actions (station 10 of
 * docs/walk.md), or none and the run read anew. Part of the engine (core/inside.h).
 *
 * Only here do requests leave, and clients get answers for what a run did.
 */
#include "base/fault.h"
#include "core/inside.h"

void bw_engine_park(struct bw_engine *engine, struct bw_run *run, const char *code,
                    const char *text)
{
    struct bw_batch *batch = bw_group_batch(engine);
    struct bw_buf buf;
    bw_buf_init(&buf, 16 * 1024);
    bw_effect_put_error(&buf, code, text, BW_STR_NONE, false);
    bw_run_park(engine, run, bw_buf_str(&buf), batch);
    bw_buf_deinit(&buf);
    bw_group_add(engine, batch);
}

static void tell(struct bw_engine *engine, const struct bw_batch *batch)
{
    const struct bw_turn_commit *commit = &batch->commit;
    if (batch->logs.len && engine->config.on_script_log)
        engine->config.on_script_log(engine->config.ud, commit->tenant, commit->run, batch->logs);
    if (engine->config.on_status && (commit->status != BW_RUN_OPEN ||
                                     (batch->kind == BW_BATCH_TURN && commit->expected_head == 0)))
        engine->config.on_status(engine->config.ud, commit->tenant, commit->run, commit->status);
    if (commit->status == BW_RUN_DONE)
        bw_recheck_sample(engine, commit->tenant, commit->run);
    if (commit->status == BW_RUN_PARKED) {
        struct bw_value error = bw_value_read(commit->error);
        struct bw_str text = bw_value_get_str(&error, "text", BW_STR_NONE);
        bw_engine_log(engine, "run_parked", commit->run, "%.*s", BW_STR_ARG(text));
    }
}

void bw_engine_apply(struct bw_engine *engine, struct bw_batch *batch)
{
    struct bw_run *run = batch->run;
    const struct bw_turn_commit *commit = &batch->commit;
    if (batch->kind == BW_BATCH_TURN)
        bw_failover_note_turn(engine, batch);
    bw_run_committed(engine, run, batch);
    engine->counters.turns += batch->kind == BW_BATCH_TURN;
    /* Of a shard that is not ours any more nothing begins here: its owner loads the run, and does
     * it. */
    for (size_t i = 0; i < batch->begin_count && !run->is_doomed; i++) {
        (void)BW_FAULT(ACTION_BEFORE);
        bw_effect_begin(engine, batch->begins[i], batch->begins[i]->args);
    }
    if (batch->begin_count)
        (void)BW_FAULT(ACTION_AFTER);
    for (size_t i = 0; i < commit->child_count; i++) {
        /* With a start key another run may have been there first: only the rows know; the store's
         * notice loads it. */
        (void)BW_FAULT(CHILD_ADOPT);
        if (commit->children[i].key.len == 0)
            bw_engine_adopt(engine, &commit->children[i]);
    }
    tell(engine, batch);
    if (batch->reply)
        bw_call_post(batch->reply, BW_ERR_OK, "");
    struct bw_id tenant = run->tenant, id = run->keyed.id;
    if (run->state != BW_RUN_STATE_WAITING) {
        bool is_open = batch->kind == BW_BATCH_RESUME;
        bool has_mail = run->has_mail && commit->status == BW_RUN_PARKED;
        bw_run_evict(engine, run);
        if (is_open || has_mail)
            bw_engine_touch(engine, tenant, id);
    } else if (batch->is_checkpoint || run->is_doomed) {
        /* The script begins again with (input, state): both are in the row. */
        (void)BW_FAULT(RUN_CHECKPOINT);
        bw_run_evict(engine, run);
        bw_engine_touch(engine, tenant, id); /* of a doomed one: when its shard is ours again */
    } else {
        bw_run_settle(engine, run);
    }
    bw_group_release(engine, batch);
}

void bw_engine_reject(struct bw_engine *engine, struct bw_batch *batch,
                      enum bw_commit_status status, const char *text)
{
    struct bw_run *run = batch->run;
    struct bw_id tenant = run->tenant, id = run->keyed.id;
    uint32_t shard = run->shard;
    bool is_turn = batch->kind == BW_BATCH_TURN;
    bool is_new = batch->commit.expected_head == 0, is_doomed = run->is_doomed;
    int64_t epoch = batch->commit.epoch;
    struct bw_call *reply = batch->reply;
    engine->counters.conflicts += status == BW_COMMIT_CONFLICT;
    bw_group_release(engine, batch);
    if (status == BW_COMMIT_REFUSED && is_turn) {
        /* The database will never take it: the turn did not happen, and the run stops with what it
         * said. */
        run->state = BW_RUN_STATE_EXECUTING;
        bw_engine_park(engine, run, "LIMIT", text);
        return;
    }
    bw_engine_log(engine, status == BW_COMMIT_FENCED ? "turn_fenced" : "turn_rejected", id, "%s",
                  text);
    run->inbox.taken = 0;
    run->state = BW_RUN_STATE_READY;
    bw_run_evict(engine, run);
    if (status == BW_COMMIT_FENCED && is_new) /* as in bw_engine_let_go */
        bw_engine_tell_owner(engine, tenant, id);
    if (reply && status == BW_COMMIT_FENCED)
        bw_call_post(reply, BW_ERR_UNAVAILABLE, "the run moved to another node: try again");
    else if (reply)
        bw_call_post(reply, status == BW_COMMIT_REFUSED ? BW_ERR_LIMIT : BW_ERR_CONFLICT,
                     status == BW_COMMIT_REFUSED ? text
                                                 : "the run changed in the meantime: try again");
    if (status == BW_COMMIT_FENCED && epoch == bw_lease_epoch(engine, shard))
        bw_lease_lost(engine, shard);
    else if (status == BW_COMMIT_CONFLICT || is_doomed) /* the shard may be ours again by now */
        bw_engine_touch(engine, tenant, id);
}

void bw_engine_let_go(struct bw_engine *engine, uint32_t shard)
{
    size_t count = 0;
    bw_group_drop(engine, shard); /* what nobody has sent yet would only be fenced */
    struct bw_run **runs = bw_xmalloc((engine->runs.count + 1) * sizeof(struct bw_run *));
    struct bw_keyed *keyed;
    for (size_t at = 0; (keyed = bw_table_next(&engine->runs, &at));) {
        struct bw_run *run = bw_container_of(keyed, struct bw_run, keyed);
        if (run->shard == shard)
            runs[count++] = run;
    }
    for (size_t i = 0; i < count; i++) {
        /* Perhaps stored after its new owner had looked: then only we know of it. */
        if (runs[i]->head == 0)
            bw_engine_tell_owner(engine, runs[i]->tenant, runs[i]->keyed.id);
        bool is_busy =
            runs[i]->state == BW_RUN_STATE_EXECUTING || runs[i]->state == BW_RUN_STATE_COMMITTING;
        if (is_busy)
            runs[i]->is_doomed =
                true; /* leaves with the host's answer, or with the verdict of a commit under way */
        else
            bw_run_evict(engine, runs[i]);
    }
    bw_free(runs);
}
