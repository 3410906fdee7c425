-- 0180_retention.sql: finished runs are dropped when their retention is over. What each statement is for is said in
-- store/retention.h; the order of locks, here.
--
-- What remains of a run that had a start key, or that wrote to the database, is its row of run_detail, emptied: the same
-- unique index that kept its key keeps it now, so that no start can slip in between. Runs without either leave nothing.

ALTER TABLE billow.run_detail
    ADD COLUMN dropped_at bigint,
    ADD COLUMN dropped_under text,      -- the decision, for people
    ADD COLUMN dropped_status smallint, -- how it had ended
    ADD COLUMN finished_at bigint,      -- and when
    ADD CONSTRAINT run_detail_dropped CHECK ((dropped_at IS NULL) = (dropped_status IS NULL)
                                             AND (dropped_at IS NULL) = (finished_at IS NULL));
CREATE INDEX run_detail_parent ON billow.run_detail (tenant_id, parent_id)
    WHERE parent_id IS NOT NULL AND dropped_at IS NULL;
CREATE INDEX invoice_by_run ON billing.invoice (tenant_id, run_id);

CREATE TABLE billow.hold (
    tenant_id uuid NOT NULL REFERENCES billow.tenant,
    name text NOT NULL CONSTRAINT hold_name CHECK (octet_length(name) BETWEEN 1 AND 100),
    scope text NOT NULL
        CONSTRAINT hold_scope CHECK (scope IN ('tenant', 'run', 'workflow', 'contract', 'customer', 'matter')),
    scope_id text NOT NULL CONSTRAINT hold_scope_id CHECK ((scope = 'tenant') = (scope_id = '')),
    reason text NOT NULL CONSTRAINT hold_reason CHECK (reason <> ''),
    set_by text NOT NULL,
    set_at bigint NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- One row for each tenant. `stamp` changes with every hold and every setting of the retention policy: a batch that was
-- planned under another stamp drops nothing.
CREATE TABLE billow.retention (
    tenant_id uuid NOT NULL REFERENCES billow.tenant,
    stamp bigint NOT NULL DEFAULT 0,
    dropped bigint NOT NULL DEFAULT 0, -- runs, ever
    last bytea,                        -- what the last sweep said, a value
    PRIMARY KEY (tenant_id)
) WITH (fillfactor = 50);

DO $walls$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['hold', 'retention'] LOOP
        EXECUTE format('ALTER TABLE billow.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE billow.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY engine ON billow.%I TO billow_engine USING (true) WITH CHECK (true)', v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON billow.%I TO billow_engine', v_table);
    END LOOP;
END
$walls$;

-- Under which stamp everything stands from now on. Waits for a batch that is being dropped.
CREATE FUNCTION billow.retention_changed(p_tenant uuid) RETURNS bigint
LANGUAGE sql AS $changed$
    INSERT INTO billow.retention AS r (tenant_id, stamp) VALUES (p_tenant, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET stamp = r.stamp + 1 RETURNING stamp
$changed$;

-- Of these runs, those whose documents are not settled: an invoice that is not paid, or that somebody disputes.
CREATE FUNCTION billow.has_open_document(p_tenant uuid, p_run uuid) RETURNS boolean
LANGUAGE sql STABLE AS $open$
    SELECT EXISTS (SELECT FROM billing.invoice i
        LEFT JOIN billing.invoice_balance b ON b.tenant_id = i.tenant_id AND b.invoice_id = i.id
        WHERE i.tenant_id = p_tenant AND i.run_id = p_run
          AND (b.payable - b.credited - b.written_off - b.settled > 0
               OR EXISTS (SELECT FROM billing.dispute_state s
                          WHERE s.tenant_id = i.tenant_id AND s.invoice_id = i.id AND s.is_open)))
$open$;

-- The large values that a packed cell names (store/blob.h).
CREATE FUNCTION billow.packed_hashes(p_cell bytea) RETURNS SETOF bytea
LANGUAGE plpgsql IMMUTABLE AS $hashes$
DECLARE
    v_at integer := 2;
BEGIN
    IF substring(p_cell FROM 1 FOR 1) IS DISTINCT FROM '\xbd'::bytea THEN
        RETURN;
    END IF;
    WHILE v_at < length(p_cell) LOOP
        IF get_byte(p_cell, v_at) = 0 THEN
            v_at := v_at + 5 + ((get_byte(p_cell, v_at + 1) << 24) | (get_byte(p_cell, v_at + 2) << 16)
                                | (get_byte(p_cell, v_at + 3) << 8) | get_byte(p_cell, v_at + 4));
        ELSE
            RETURN NEXT substring(p_cell FROM v_at + 6 FOR 32);
            v_at := v_at + 37;
        END IF;
    END LOOP;
END
$hashes$;

-- Removes the references of these owners, and the contents that nobody refers to any more. Contents are locked in the
-- order in which commits store them. Whoever stores one again waits for us, and then stores it anew; whoever did so before
-- us has a reference that the last statement sees. What the audit record shows stays.
CREATE FUNCTION billow.drop_values(p_tenant uuid, p_owners uuid[]) RETURNS bigint
LANGUAGE plpgsql AS $values$
DECLARE
    v_hashes bytea[];
    v_count bigint;
BEGIN
    WITH kept AS (
        SELECT DISTINCT billow.packed_hashes(a.detail) AS hash FROM billow.audit a
        WHERE a.tenant_id = p_tenant AND a.subject = ANY (SELECT unnest(p_owners)::text)
    ), gone AS (
        DELETE FROM billow.value_ref r
        WHERE r.tenant_id = p_tenant AND r.owner = ANY (p_owners)
          AND NOT EXISTS (SELECT FROM kept k WHERE k.hash = r.hash)
        RETURNING r.hash
    ) SELECT array_agg(DISTINCT hash) INTO v_hashes FROM gone;
    IF v_hashes IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM FROM billow.value_blob v WHERE v.tenant_id = p_tenant AND v.hash = ANY (v_hashes)
        ORDER BY v.hash FOR UPDATE;
    DELETE FROM billow.value_blob v WHERE v.tenant_id = p_tenant AND v.hash = ANY (v_hashes)
        AND NOT EXISTS (SELECT FROM billow.value_ref r WHERE r.tenant_id = p_tenant AND r.hash = v.hash);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$values$;

-- Drops those of the runs that may go, looked at once more under lock, children first: finished, no task open, no child
-- left, no document open. `is_stale`: a hold or a setting came after the plan, and nothing was done.
CREATE FUNCTION billow.drop_runs(p_tenant uuid, p_runs uuid[], p_stamp bigint, p_at bigint, p_under text, p_by text,
                                 p_detail bytea)
RETURNS TABLE (is_stale boolean, runs bigint, turns bigint)
LANGUAGE plpgsql AS $drop$
DECLARE
    v_stamp bigint;
    v_runs uuid[];
    v_left uuid[];
    v_owners uuid[];
    v_more uuid[];
BEGIN
    is_stale := false;
    runs := 0;
    turns := 0;
    INSERT INTO billow.retention (tenant_id) VALUES (p_tenant) ON CONFLICT DO NOTHING;
    SELECT r.stamp INTO v_stamp FROM billow.retention r WHERE r.tenant_id = p_tenant FOR NO KEY UPDATE;
    IF v_stamp <> p_stamp THEN
        is_stale := true;
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT array_agg(l.run_id) INTO v_runs
    FROM (SELECT r.run_id FROM billow.run r
          WHERE r.tenant_id = p_tenant AND r.run_id = ANY (p_runs) AND r.status > 2
          ORDER BY r.run_id FOR UPDATE) AS l
    WHERE NOT EXISTS (SELECT FROM billow.task t
                      WHERE t.tenant_id = p_tenant AND t.run_id = l.run_id AND t.status = 1)
      AND NOT billow.has_open_document(p_tenant, l.run_id);
    LOOP
        SELECT array_agg(c.run_id) INTO v_left FROM unnest(v_runs) AS c (run_id)
        WHERE NOT EXISTS (SELECT FROM billow.run_detail d
                          WHERE d.tenant_id = p_tenant AND d.parent_id = c.run_id AND d.dropped_at IS NULL
                            AND d.run_id <> ALL (v_runs));
        EXIT WHEN coalesce(cardinality(v_left), 0) = coalesce(cardinality(v_runs), 0);
        v_runs := v_left;
    END LOOP;
    IF v_runs IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;

    WITH mail AS (
        DELETE FROM billow.inbox i WHERE i.tenant_id = p_tenant AND i.run_id = ANY (v_runs)
        RETURNING i.run_id, i.key, i.event_ordinal
    ), told AS (
        DELETE FROM billow.event e USING mail m
        WHERE e.tenant_id = p_tenant AND e.ordinal = m.event_ordinal AND e.taken_run = m.run_id
        RETURNING e.topic, e.key, e.event_id
    ) SELECT (SELECT array_agg(DISTINCT m.run_id) FROM mail m WHERE starts_with(m.key, 'tx:')),
             (SELECT array_agg(encode(substring(sha256(convert_to(t.topic, 'UTF8') || '\x1f'::bytea
                 || convert_to(t.key, 'UTF8') || '\x1f'::bytea || convert_to(t.event_id, 'UTF8')) FROM 1 FOR 16),
                 'hex')::uuid) FROM told t)
      INTO v_left, v_owners;
    WITH tasks AS (
        DELETE FROM billow.task t WHERE t.tenant_id = p_tenant AND t.run_id = ANY (v_runs) RETURNING t.task_id
    ) SELECT array_agg(task_id) INTO v_more FROM tasks;
    DELETE FROM billow.wait w WHERE w.tenant_id = p_tenant AND w.run_id = ANY (v_runs);
    DELETE FROM billow.note n WHERE n.tenant_id = p_tenant AND n.run_id = ANY (v_runs);
    DELETE FROM billow.journal j WHERE j.tenant_id = p_tenant AND j.run_id = ANY (v_runs);
    GET DIAGNOSTICS turns = ROW_COUNT;
    UPDATE billow.run_detail d
    SET input = '\x'::bytea, state = NULL, result = NULL, error = NULL, dropped_at = p_at, dropped_under = p_under,
        dropped_status = r.status, finished_at = r.updated_at
    FROM billow.run r
    WHERE r.tenant_id = p_tenant AND r.run_id = ANY (v_runs) AND d.tenant_id = r.tenant_id AND d.run_id = r.run_id
      AND (d.start_key IS NOT NULL OR d.run_id = ANY (v_left));
    DELETE FROM billow.run_detail d
    WHERE d.tenant_id = p_tenant AND d.run_id = ANY (v_runs) AND d.dropped_at IS NULL;
    DELETE FROM billow.run r WHERE r.tenant_id = p_tenant AND r.run_id = ANY (v_runs);
    PERFORM billow.drop_values(p_tenant, v_runs || v_owners || v_more);
    runs := cardinality(v_runs);
    UPDATE billow.retention r SET dropped = r.dropped + cardinality(v_runs) WHERE r.tenant_id = p_tenant;
    INSERT INTO billow.audit (tenant_id, at, actor, action, subject, detail)
    VALUES (p_tenant, p_at, p_by, 'retention.drop', runs || CASE runs WHEN 1 THEN ' run' ELSE ' runs' END, p_detail);
    RETURN NEXT;
END
$drop$;

DO $privileges$
DECLARE
    v_function text;
BEGIN
    FOREACH v_function IN ARRAY ARRAY['retention_changed(uuid)', 'has_open_document(uuid, uuid)',
        'packed_hashes(bytea)', 'drop_values(uuid, uuid[])',
        'drop_runs(uuid, uuid[], bigint, bigint, text, text, bytea)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION billow.%s FROM PUBLIC', v_function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION billow.%s TO billow_engine', v_function);
    END LOOP;
END
$privileges$;
