-- 0157_signing_keys.sql: keys with which the engine signs what it hands to people: links that answer a task.
--
-- One key for each tenant and name, made when it is first needed and never changed; a new one gets a new name. No
-- script role can reach it. Whoever can read this table can make links: it is as secret as the rows they open.

CREATE TABLE billow.signing_key (
    tenant_id uuid NOT NULL REFERENCES billow.tenant,
    name text NOT NULL CONSTRAINT signing_key_name CHECK (octet_length(name) BETWEEN 1 AND 100),
    key text NOT NULL CONSTRAINT signing_key_key CHECK (key ~ '^[0-9a-f]{64}$'),
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
ALTER TABLE billow.signing_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE billow.signing_key FORCE ROW LEVEL SECURITY;
CREATE POLICY engine ON billow.signing_key TO billow_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON billow.signing_key TO billow_engine;
