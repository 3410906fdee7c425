-- 0026_large_value.sql - values over 32 KiB lie beside the rows that hold them, once for each content.
--
-- A cell that begins with 0xBD is packed (store/blob.h): pieces of its bytes, and hashes of values that lie here.
-- billow.whole puts it together again; every reader of such a cell goes through it.

CREATE TABLE billow.value_blob (
    tenant_id uuid NOT NULL,
    hash bytea NOT NULL, -- SHA-256 of bytes
    uses bigint NOT NULL, -- raised by whoever stores it again: a sweep that read another number leaves it
    bytes bytea NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
ALTER TABLE billow.value_blob ALTER COLUMN bytes SET STORAGE EXTENDED;

-- Whose cells need it: a run, a task (task_id), an event (the first half of SHA-256 over topic, key and id).
CREATE TABLE billow.value_ref (
    tenant_id uuid NOT NULL,
    owner uuid NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, owner, hash)
);
CREATE INDEX value_ref_hash ON billow.value_ref (tenant_id, hash);

CREATE FUNCTION billow.unpack(p_tenant uuid, p_cell bytea) RETURNS bytea
LANGUAGE plpgsql STABLE AS $unpack$
DECLARE
    v_at integer := 2;
    v_len integer;
    v_piece bytea;
    v_whole bytea := ''::bytea;
BEGIN
    WHILE v_at < length(p_cell) LOOP
        v_len := (get_byte(p_cell, v_at + 1) << 24) | (get_byte(p_cell, v_at + 2) << 16)
                 | (get_byte(p_cell, v_at + 3) << 8) | get_byte(p_cell, v_at + 4);
        IF get_byte(p_cell, v_at) = 0 THEN
            v_piece := substring(p_cell FROM v_at + 6 FOR v_len);
            v_at := v_at + 5 + v_len;
        ELSE
            SELECT b.bytes INTO v_piece FROM billow.value_blob b
            WHERE b.tenant_id = p_tenant AND b.hash = substring(p_cell FROM v_at + 6 FOR 32);
            IF NOT FOUND OR length(v_piece) <> v_len THEN
                RAISE EXCEPTION USING ERRCODE = 'XX001',
                    MESSAGE = format('a large value is missing: %s', encode(substring(p_cell FROM v_at + 6 FOR 32), 'hex'));
            END IF;
            v_at := v_at + 37;
        END IF;
        v_whole := v_whole || v_piece;
    END LOOP;
    RETURN v_whole;
END
$unpack$;

CREATE FUNCTION billow.whole(p_tenant uuid, p_cell bytea) RETURNS bytea
LANGUAGE sql STABLE AS $whole$
    SELECT CASE WHEN substring(p_cell FROM 1 FOR 1) = '\xbd'::bytea THEN billow.unpack(p_tenant, p_cell)
                ELSE p_cell END
$whole$;

DO $walls$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['value_blob', 'value_ref'] LOOP
        EXECUTE format('ALTER TABLE billow.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE billow.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY engine ON billow.%I TO billow_engine USING (true) WITH CHECK (true)', v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON billow.%I TO billow_engine', v_table);
    END LOOP;
END
$walls$;
REVOKE ALL ON FUNCTION billow.unpack(uuid, bytea), billow.whole(uuid, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billow.unpack(uuid, bytea), billow.whole(uuid, bytea) TO billow_engine;
