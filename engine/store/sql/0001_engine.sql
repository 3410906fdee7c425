-- 0001_engine.sql - roles, and the tables that hold runs, journals, inboxes, tasks, releases, settings and numbers.
--
-- Rules of the schema
--  * tenant_id comes first in every key of a table that belongs to tenants. fence, lease, blob, release and
--    release_file belong to the engine: no script role can reach them.
--  * Instants are bigint microseconds UTC, given by the engine. Only leases use the database's clock.
--  * Values are bytea in the encoding of codec/value.h; what the server itself computes is text holding JSON.
--  * run is narrow and hot: its updates touch no indexed column as long as a run stays active, so they stay in their
--    page (HOT). What rarely changes is in run_detail.

DO $roles$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['billow_engine', 'billow_script'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s', v_role,
                               CASE v_role WHEN 'billow_engine' THEN 'LOGIN' ELSE 'NOLOGIN' END);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL; -- another database of this server was migrated at the same time
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'role % does not exist and % may not create it', v_role, current_user
                        USING HINT = format('as an administrator: CREATE ROLE %I %s', v_role,
                                            CASE v_role WHEN 'billow_engine' THEN 'LOGIN' ELSE 'NOLOGIN' END);
            END;
        END IF;
    END LOOP;
    -- Whoever migrates without being a superuser owns the tables, has to see their rows (row-level security is
    -- forced), and has to hand functions to the script role.
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        IF current_user <> 'billow_engine' AND NOT pg_has_role(current_user, 'billow_engine', 'MEMBER') THEN
            EXECUTE format('GRANT billow_engine TO %I', current_user);
        END IF;
        IF NOT pg_has_role(current_user, 'billow_script', 'MEMBER') THEN
            EXECUTE format('GRANT billow_script TO %I', current_user);
        END IF;
    END IF;
END
$roles$;

GRANT USAGE ON SCHEMA billow TO billow_engine;

-- --- Who may write: leases by database time, fences that change only when a shard changes hands.

CREATE TABLE billow.lease (
    shard smallint PRIMARY KEY,
    owner text,
    until timestamptz
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE TABLE billow.fence (
    shard smallint PRIMARY KEY,
    epoch bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

INSERT INTO billow.lease (shard) SELECT generate_series(0, 63);
INSERT INTO billow.fence (shard, epoch) SELECT generate_series(0, 63), 0;

-- --- Tenants and releases.

CREATE TABLE billow.tenant (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT tenant_name UNIQUE,
    created_at bigint NOT NULL
);

CREATE TABLE billow.blob (
    hash bytea PRIMARY KEY, -- SHA-256 of bytes
    bytes bytea NOT NULL
);

CREATE TABLE billow.release (
    hash bytea PRIMARY KEY,
    created_at bigint NOT NULL
);

CREATE TABLE billow.release_file (
    release bytea NOT NULL REFERENCES billow.release,
    name text COLLATE "C" NOT NULL,
    blob bytea NOT NULL REFERENCES billow.blob,
    PRIMARY KEY (release, name)
);

-- Every activation is a row; the newest active one counts.
CREATE TABLE billow.tenant_release (
    tenant_id uuid NOT NULL REFERENCES billow.tenant,
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    release bytea NOT NULL REFERENCES billow.release,
    is_active boolean NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (tenant_id, ordinal)
);
CREATE UNIQUE INDEX tenant_release_active ON billow.tenant_release (tenant_id) WHERE is_active;

-- --- Runs. No foreign keys on the hot path: the engine writes these rows together or not at all.

CREATE TABLE billow.run (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    head bigint NOT NULL,
    base bigint NOT NULL,
    last_seq bigint NOT NULL,
    wake_at bigint,
    updated_at bigint NOT NULL,
    last_batch uuid,
    shard smallint NOT NULL,
    status smallint NOT NULL,
    wake smallint NOT NULL,
    is_active boolean NOT NULL,
    has_error boolean NOT NULL,
    PRIMARY KEY (tenant_id, run_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX run_active ON billow.run (shard) WHERE is_active;
CREATE INDEX run_due ON billow.run (shard, wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE billow.run_detail (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    release bytea NOT NULL,
    workflow text NOT NULL CONSTRAINT run_workflow_length CHECK (octet_length(workflow) <= 200),
    start_key text CONSTRAINT run_key_length CHECK (octet_length(start_key) <= 1000),
    parent_id uuid,
    parent_seq bigint NOT NULL,
    started_by text NOT NULL,
    created_at bigint NOT NULL,
    input bytea NOT NULL,
    state bytea,
    result bytea,
    error bytea,
    PRIMARY KEY (tenant_id, run_id)
);
CREATE UNIQUE INDEX run_detail_key ON billow.run_detail (tenant_id, workflow, start_key)
    WHERE start_key IS NOT NULL;

-- One row per turn: what was delivered and what the script asked for (codec/wire.h). Never updated.
CREATE TABLE billow.journal (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    turn bigint NOT NULL,
    at bigint NOT NULL,
    batch_id uuid NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tenant_id, run_id, turn)
);

-- What others told a run. A read message keeps its key (told twice is told once) and loses its value, which the
-- journal has. The value is one of: value; value_json (made by the server); the event with event_ordinal.
CREATE TABLE billow.inbox (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    key text NOT NULL CONSTRAINT message_key_length CHECK (octet_length(key) <= 500),
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    shard smallint NOT NULL,
    kind smallint NOT NULL,
    is_read boolean NOT NULL DEFAULT false,
    seq bigint NOT NULL,
    event_ordinal bigint,
    value bytea,
    value_json text,
    PRIMARY KEY (tenant_id, run_id, key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX inbox_unread ON billow.inbox (shard, tenant_id, run_id) WHERE NOT is_read;

-- Events stay when they were taken: an event sent twice is stored once.
CREATE TABLE billow.event (
    tenant_id uuid NOT NULL,
    topic text NOT NULL CONSTRAINT event_topic_length CHECK (octet_length(topic) <= 500),
    key text NOT NULL CONSTRAINT event_key_length CHECK (octet_length(key) <= 500),
    event_id text NOT NULL CONSTRAINT event_id_length CHECK (octet_length(event_id) BETWEEN 1 AND 500),
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    at bigint NOT NULL,
    expires_at bigint,
    taken_run uuid,
    taken_seq bigint,
    body bytea NOT NULL,
    PRIMARY KEY (tenant_id, topic, key, event_id)
);
CREATE INDEX event_free ON billow.event (tenant_id, topic, key, ordinal) WHERE taken_run IS NULL;
CREATE UNIQUE INDEX event_ordinal ON billow.event (tenant_id, ordinal);

CREATE TABLE billow.wait (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    seq bigint NOT NULL,
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL CONSTRAINT wait_topic_length CHECK (octet_length(topic) <= 500),
    key text NOT NULL CONSTRAINT wait_key_length CHECK (octet_length(key) <= 500),
    event_ordinal bigint, -- the event it got; the message about it is in the inbox
    PRIMARY KEY (tenant_id, run_id, seq)
);
CREATE INDEX wait_open ON billow.wait (tenant_id, topic, key, ordinal) WHERE event_ordinal IS NULL;

-- status: 1 open, 2 answered, 3 closed (no longer needed).
CREATE TABLE billow.task (
    tenant_id uuid NOT NULL,
    task_id uuid NOT NULL,
    run_id uuid NOT NULL,
    seq bigint NOT NULL,
    status smallint NOT NULL DEFAULT 1,
    kind text NOT NULL,
    grouping text NOT NULL,
    title text NOT NULL,
    body bytea NOT NULL,
    assignees bytea NOT NULL,
    due_at bigint,
    opened_at bigint NOT NULL,
    answered_at bigint,
    answer bytea,
    PRIMARY KEY (tenant_id, task_id)
);
CREATE INDEX task_open ON billow.task (tenant_id, opened_at, task_id) WHERE status = 1;
CREATE UNIQUE INDEX task_run ON billow.task (tenant_id, run_id, seq);

CREATE TABLE billow.note (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    turn bigint NOT NULL,
    ordinal integer NOT NULL, -- within the turn
    batch_id uuid NOT NULL,   -- two batches of one turn number (a parked turn and its repetition) stay apart
    at bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tenant_id, run_id, turn, batch_id, ordinal)
);

-- --- Settings and numbers.

CREATE TABLE billow.policy_setting (
    tenant_id uuid NOT NULL REFERENCES billow.tenant,
    policy text NOT NULL,
    name text NOT NULL,
    scope_type text NOT NULL
        CONSTRAINT setting_scope CHECK (scope_type IN ('pack', 'tenant', 'customer', 'contract')),
    scope_id text NOT NULL, -- '' for pack and tenant
    valid_from date NOT NULL,
    value bytea NOT NULL,
    is_locked boolean NOT NULL,
    set_by text NOT NULL,
    set_at bigint NOT NULL,
    PRIMARY KEY (tenant_id, policy, name, scope_type, scope_id, valid_from)
);

-- A counter row under lock, not a sequence: a sequence leaves gaps on rollback.
CREATE TABLE billow.number_series (
    tenant_id uuid NOT NULL REFERENCES billow.tenant,
    series text NOT NULL,
    format text NOT NULL CONSTRAINT series_format CHECK (format ~ '\{SEQ:[1-9][0-9]?\}'),
    reset text NOT NULL CONSTRAINT series_reset CHECK (reset IN ('year', 'month', 'never')),
    next bigint NOT NULL CONSTRAINT series_next CHECK (next >= 1),
    last_date date,
    PRIMARY KEY (tenant_id, series)
) WITH (fillfactor = 50);

CREATE TABLE billow.number_used (
    tenant_id uuid NOT NULL,
    series text NOT NULL,
    number text NOT NULL,
    sequence bigint NOT NULL,
    date date NOT NULL,
    at bigint NOT NULL,
    run_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, series, number),
    FOREIGN KEY (tenant_id, series) REFERENCES billow.number_series
);

CREATE TABLE billow.audit (
    tenant_id uuid NOT NULL,
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail bytea NOT NULL,
    PRIMARY KEY (tenant_id, ordinal)
);

-- --- Walls between tenants: row-level security, forced, on every table that has a tenant.

DO $walls$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
                   WHERE c.relnamespace = 'billow'::regnamespace AND c.relkind = 'r' AND a.attname = 'tenant_id'
                   ORDER BY c.relname LOOP
        EXECUTE format('ALTER TABLE billow.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE billow.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY engine ON billow.%I TO billow_engine USING (true) WITH CHECK (true)', v_table);
        -- A missing setting raises, an empty one does not parse: both fail closed.
        EXECUTE format('CREATE POLICY script ON billow.%I TO billow_script '
                       'USING (tenant_id = current_setting(''billow.tenant'')::uuid) '
                       'WITH CHECK (tenant_id = current_setting(''billow.tenant'')::uuid)', v_table);
    END LOOP;
END
$walls$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA billow TO billow_engine;
REVOKE INSERT, UPDATE, DELETE ON billow.migration FROM billow_engine;
REVOKE UPDATE, DELETE ON billow.audit, billow.number_used, billow.blob, billow.release, billow.release_file
    FROM billow_engine;
