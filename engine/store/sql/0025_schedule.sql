-- 0025_schedule.sql - recurring starts: what is due when, and what became of it.
--
-- A firing moves the schedule on and stores its runs in one statement, which counts only for the version that the
-- engine decided upon: whoever decides twice, or on two nodes, starts once.

CREATE TABLE billow.schedule (
    tenant_id uuid NOT NULL REFERENCES billow.tenant,
    name text NOT NULL CONSTRAINT schedule_name CHECK (octet_length(name) BETWEEN 1 AND 100),
    shard smallint NOT NULL,
    version bigint NOT NULL,
    is_paused boolean NOT NULL DEFAULT false,
    next_due bigint, -- null: it has ended
    wake_at bigint,  -- when the engine looks at it; null: ended or paused
    last_due bigint,
    last_run uuid,
    fired bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    problem text NOT NULL DEFAULT '', -- why it cannot fire
    spec bytea NOT NULL,
    set_by text NOT NULL,
    set_at bigint NOT NULL,
    PRIMARY KEY (tenant_id, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
CREATE INDEX schedule_due ON billow.schedule (shard, wake_at) WHERE wake_at IS NOT NULL;

ALTER TABLE billow.schedule ENABLE ROW LEVEL SECURITY;
ALTER TABLE billow.schedule FORCE ROW LEVEL SECURITY;
CREATE POLICY engine ON billow.schedule TO billow_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON billow.schedule TO billow_engine;
