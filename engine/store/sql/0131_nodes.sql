-- 0131_nodes.sql - the processes that share a database: whoever lives counts when shards are shared out.
--
-- A node writes its row whenever it renews its leases, by the database's clock, also when it has no shard yet: so the
-- others learn that somebody is there to give some to.

CREATE TABLE billow.node (
    name text PRIMARY KEY,
    until timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

GRANT SELECT, INSERT, UPDATE, DELETE ON billow.node TO billow_engine;
