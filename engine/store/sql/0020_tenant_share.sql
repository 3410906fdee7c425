-- 0020_tenant_share.sql - what a tenant may have of the engine: its weight among the tenants, in per cent of the
-- normal share, and how many runs it may have open at a time (null: as many as it likes).

ALTER TABLE billow.tenant
    ADD COLUMN weight integer NOT NULL DEFAULT 100 CONSTRAINT tenant_weight CHECK (weight BETWEEN 10 AND 1000),
    ADD COLUMN runs_max bigint CONSTRAINT tenant_runs_max CHECK (runs_max > 0);

-- The open runs of a tenant are counted at its door.
CREATE INDEX run_open ON billow.run (tenant_id) WHERE status IN (1, 2);
