-- 0027_audit.sql - the record of who did what: found by time and subject, a repeated write is one row, and nobody
-- changes it afterwards.
--
-- The engine's role may insert and read (0001 took the rest away). A chain of hashes over the rows, sealed outside of
-- business transactions, can be laid over ordinal and these columns later.

ALTER TABLE billow.audit ADD COLUMN audit_id uuid; -- made by the engine; null where a statement cannot write twice
CREATE UNIQUE INDEX audit_once ON billow.audit (tenant_id, audit_id) WHERE audit_id IS NOT NULL;
CREATE INDEX audit_at ON billow.audit (tenant_id, at);
CREATE INDEX audit_subject ON billow.audit (tenant_id, subject, ordinal);
REVOKE UPDATE, DELETE, TRUNCATE ON billow.audit FROM billow_engine;

-- The owner of the tables is stopped too: what is to go, goes by a migration that says so.
CREATE FUNCTION billow.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $refuse$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = format('rows of %s are never changed', TG_TABLE_NAME);
END
$refuse$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billow.audit
    FOR EACH STATEMENT EXECUTE FUNCTION billow.refuse_change();
REVOKE ALL ON FUNCTION billow.refuse_change() FROM PUBLIC;
