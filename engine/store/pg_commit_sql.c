/* pg_commit_sql.c - see pg_commit_sql.h. */
#include "store/pg_commit_sql.h"

/* clang-format off: SQL is laid out by hand */

const struct bw_pg_statement bw_pg_commit_hot = {
    "commit_hot",
    "WITH f AS ("
    "  SELECT shard, epoch FROM billow.fence WHERE shard = ANY ($16::smallint[])"
    "  ORDER BY shard FOR SHARE"
    "), u AS ("
    "  UPDATE billow.run r"
    "  SET head = c.expected + (c.turn IS NOT NULL)::int, base = c.base, last_seq = c.last_seq,"
    "    wake_at = c.wake_at, updated_at = c.at, last_batch = c.batch, status = c.status,"
    "    wake = c.wake, is_active = c.is_active, has_error = c.has_error"
    "  FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[], $6::uuid[],"
    "      $7::bigint[], $8::bytea[], $9::smallint[], $10::smallint[], $11::boolean[],"
    "      $12::bigint[], $13::bigint[], $14::bigint[], $15::boolean[]) WITH ORDINALITY"
    "    AS c (tenant, run, slot, epoch, expected, batch, at, turn, status, wake, is_active,"
    "      wake_at, base, last_seq, has_error, place)"
    "  WHERE r.tenant_id = c.tenant AND r.run_id = c.run AND r.head = c.expected"
    "    AND c.epoch = (SELECT array_agg(epoch ORDER BY shard) FROM f)[c.slot]"
    "  RETURNING c.tenant, c.run, c.expected, c.at, c.batch, c.turn, c.place"
    "), j AS ("
    "  INSERT INTO billow.journal (tenant_id, run_id, turn, at, batch_id, body)"
    "  SELECT tenant, run, expected + 1, at, batch, turn FROM u WHERE turn IS NOT NULL"
    ") SELECT 1::smallint, place, 0::bigint FROM u"
    " UNION ALL SELECT 2::smallint, shard, epoch FROM f",
    16};

#define ACCEPTED                                                                                   \
    " JOIN billow.run r ON r.tenant_id = c.tenant AND r.run_id = c.run"                            \
    "  AND r.last_batch = c.batch "

const struct bw_pg_statement bw_pg_commit_detail = {
    "commit_detail",
    "UPDATE billow.run_detail d SET state = coalesce(c.state, d.state),"
    "  result = coalesce(c.result, d.result), error = coalesce(c.error, d.error),"
    "  release = coalesce(c.release, d.release)"
    " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[], $5::bytea[], $6::bytea[],"
    "    $7::bytea[])"
    "  AS c (tenant, run, batch, state, result, error, release)" ACCEPTED
    "WHERE d.tenant_id = c.tenant AND d.run_id = c.run",
    7};

/* An event that was delivered ends its wait. */
const struct bw_pg_statement bw_pg_commit_ack = {
    "commit_ack",
    "WITH a AS ("
    "  UPDATE billow.inbox i SET is_read = true, value = NULL, value_json = NULL"
    "  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS c (tenant, run, batch, "
    "key)" ACCEPTED "  WHERE i.tenant_id = c.tenant AND i.run_id = c.run AND i.key = c.key"
    "  RETURNING i.tenant_id, i.run_id, i.seq, i.event_ordinal"
    ") DELETE FROM billow.wait w USING a WHERE a.event_ordinal IS NOT NULL"
    "  AND w.tenant_id = a.tenant_id AND w.run_id = a.run_id AND w.seq = a.seq",
    4};

/* `x`: the start key is taken by another run; a parent that waits for the result has to hear it.
 * Look-ups in a hash instead of joins: these connections plan by indices only. */
const struct bw_pg_statement bw_pg_commit_child = {
    "commit_child",
    "WITH n AS MATERIALIZED ("
    "  SELECT c.* FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[],"
    "      $6::smallint[], $7::bytea[], $8::text[], $9::text[], $10::smallint[], $11::smallint[],"
    "      $12::boolean[], $13::bigint[], $14::uuid[], $15::bigint[], $16::bytea[], $17::text[],"
    "      $18::bigint[], $19::bytea[]) WITH ORDINALITY"
    "    AS c (tenant, run, batch, owner, id, shard, release, workflow, key, status, wake,"
    "      is_active, wake_at, parent, parent_seq, input, started_by, created_at, refusal,"
    "      place)" ACCEPTED "), d AS ("
    "  INSERT INTO billow.run_detail (tenant_id, run_id, release, workflow, start_key, parent_id,"
    "    parent_seq, started_by, created_at, input)"
    "  SELECT owner, id, release, workflow, key, parent, parent_seq, started_by, created_at, input"
    "  FROM n ORDER BY place ON CONFLICT DO NOTHING RETURNING tenant_id, run_id"
    "), s AS ("
    "  INSERT INTO billow.run (tenant_id, run_id, head, base, last_seq, wake_at, updated_at, shard,"
    "    status, wake, is_active, has_error)"
    "  SELECT n.owner, n.id, 0, 0, 0, n.wake_at, n.created_at, n.shard, n.status, n.wake,"
    "    n.is_active, false"
    "  FROM n WHERE ((n.owner, n.id) IN (SELECT tenant_id, run_id FROM d)) IS TRUE"
    "  RETURNING tenant_id, run_id"
    "), x AS ("
    "  INSERT INTO billow.inbox (tenant_id, run_id, key, shard, kind, seq, value)"
    "  SELECT n.tenant, n.parent, 'child:' || n.parent_seq, p.shard, 2, n.parent_seq, n.refusal"
    "  FROM n JOIN billow.run p ON p.tenant_id = n.tenant AND p.run_id = n.parent"
    "  WHERE n.parent_seq > 0"
    "    AND NOT EXISTS (SELECT FROM d WHERE d.tenant_id = n.owner AND d.run_id = n.id)"
    "    AND NOT EXISTS (SELECT FROM billow.run_detail e"
    "      WHERE e.tenant_id = n.owner AND e.run_id = n.id)"
    "  ON CONFLICT DO NOTHING RETURNING tenant_id, run_id"
    ") SELECT * FROM s UNION ALL SELECT * FROM x",
    19};

const struct bw_pg_statement bw_pg_commit_message = {
    "commit_message",
    "INSERT INTO billow.inbox (tenant_id, run_id, key, shard, kind, seq, value)"
    " SELECT c.to_tenant, c.to_run, c.key, t.shard, c.kind, c.seq, c.value"
    " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[],"
    "    $7::smallint[], $8::bigint[], $9::bytea[]) WITH ORDINALITY"
    "  AS c (tenant, run, batch, to_tenant, to_run, key, kind, seq, value, place)" ACCEPTED
    "JOIN billow.run t ON t.tenant_id = c.to_tenant AND t.run_id = c.to_run AND t.status IN (1, 2)"
    " ORDER BY c.place ON CONFLICT DO NOTHING RETURNING tenant_id, run_id",
    9};

const struct bw_pg_statement bw_pg_settle_events = {
    "settle_events",
    "SELECT tenant_id, run_id FROM billow.settle_events($1::uuid[], $2::uuid[], $3::uuid[],"
    "  $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[],"
    "  $11::bytea[], $12::bigint[], $13::uuid[], $14::uuid[], $15::uuid[], $16::bigint[],"
    "  $17::text[], $18::text[], $19::bigint)",
    19};

const struct bw_pg_statement bw_pg_commit_task = {
    "commit_task",
    "INSERT INTO billow.task (tenant_id, task_id, run_id, seq, kind, grouping, title, body,"
    "  assignees, due_at, opened_at)"
    " SELECT c.tenant, c.id, c.run, c.seq, c.kind, c.grouping, c.title, c.body, c.assignees,"
    "  c.due_at, c.at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[],"
    "    $7::text[], $8::text[], $9::bytea[], $10::bytea[], $11::bigint[], $12::bigint[])"
    "  AS c (tenant, run, batch, id, seq, kind, grouping, title, body, assignees, due_at, "
    "at)" ACCEPTED "ON CONFLICT DO NOTHING",
    12};

const struct bw_pg_statement bw_pg_commit_close_task = {
    "commit_close_task",
    "UPDATE billow.task t SET status = 3"
    " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[]) AS c (tenant, run, batch, "
    "seq)" ACCEPTED
    "WHERE t.tenant_id = c.tenant AND t.run_id = c.run AND t.seq = c.seq AND t.status = 1",
    4};

const struct bw_pg_statement bw_pg_commit_note = {
    "commit_note",
    "INSERT INTO billow.note (tenant_id, run_id, turn, ordinal, batch_id, at, body)"
    " SELECT c.tenant, c.run, c.turn, c.ordinal, c.batch, c.at, c.body"
    " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[],"
    "    $7::bytea[])"
    "  AS c (tenant, run, batch, turn, ordinal, at, body)" ACCEPTED,
    7};

const struct bw_pg_statement bw_pg_commit_audit = {
    "commit_audit",
    "INSERT INTO billow.audit (tenant_id, audit_id, at, actor, action, subject, detail)"
    " SELECT c.tenant, c.batch, c.at, c.actor, c.action, c.subject, c.detail"
    " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[],"
    "    $7::text[], $8::bytea[]) WITH ORDINALITY"
    "  AS c (tenant, run, batch, at, actor, action, subject, detail, place)" ACCEPTED
    "ORDER BY c.place ON CONFLICT DO NOTHING",
    8};

const struct bw_pg_statement bw_pg_commit_work = {
    "commit_work",
    "SELECT tenant_id, run_id FROM billow.run_work($1::uuid, $2::uuid, $3::uuid, $4::bigint,"
    "  $5::bigint, $6::text::jsonb)",
    6};

const struct bw_pg_statement bw_pg_end_session = {
    NULL,
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE pid = $1::bigint AND application_name = $2::text AND pid <> pg_backend_pid()",
    2};

const struct bw_pg_statement bw_pg_look_up = {
    NULL,
    "SELECT c.place FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[]) WITH ORDINALITY"
    "  AS c (tenant, run, batch, turn, place)"
    " WHERE EXISTS (SELECT FROM billow.run r"
    "    WHERE r.tenant_id = c.tenant AND r.run_id = c.run AND r.last_batch = c.batch)"
    "  OR EXISTS (SELECT FROM billow.journal j WHERE j.tenant_id = c.tenant AND j.run_id = c.run"
    "    AND j.turn = c.turn AND j.batch_id = c.batch)",
    4};

/* clang-format on */
