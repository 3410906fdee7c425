/* pg_blob.c - see pg_blob.h. */
#include "store/pg_blob.h"

/* One order for all, or two lanes could wait for each other. Who stores what is there raises
 * `uses`: a sweep that is about to delete it then leaves it, and one that just did lets it be
 * stored anew. */
static const struct bw_pg_statement put_values = {
    "put_values",
    "WITH c AS MATERIALIZED ("
    "  SELECT DISTINCT ON (tenant, hash) tenant, hash, bytes"
    "  FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[])"
    "    AS c (tenant, owner, hash, bytes) ORDER BY tenant, hash"
    "), v AS ("
    "  INSERT INTO billow.value_blob AS v (tenant_id, hash, uses, bytes)"
    "  SELECT tenant, hash, 1, bytes FROM c ORDER BY tenant, hash"
    "  ON CONFLICT (tenant_id, hash) DO UPDATE SET uses = v.uses + 1"
    ") INSERT INTO billow.value_ref (tenant_id, owner, hash)"
    " SELECT DISTINCT tenant, owner, hash FROM unnest($1::uuid[], $2::uuid[], $3::bytea[])"
    "  AS c (tenant, owner, hash) ORDER BY tenant, owner, hash ON CONFLICT DO NOTHING",
    4};

void bw_pg_blobs_init(struct bw_pg_blobs *blobs)
{
    *blobs = (struct bw_pg_blobs){0};
}

void bw_pg_blobs_add(struct bw_pg_blobs *blobs, struct bw_pgc_unit *unit)
{
    if (!blobs->is_used)
        return;
    bw_pg_table_params(&blobs->table, unit, bw_pgc_unit_add(unit, &put_values));
    bw_pg_table_deinit(&blobs->table);
    bw_arena_deinit(&blobs->arena);
    blobs->is_used = false;
}

void bw_pg_cell_large(struct bw_pg_table *table, struct bw_pg_blobs *blobs, struct bw_id tenant,
                      struct bw_id owner, enum bw_blob_cell kind, struct bw_str bytes,
                      bool is_nullable)
{
    struct bw_buf packed;
    struct bw_blob *list;
    size_t count;
    if (bytes.len <= BW_BLOB_BYTES_MIN) {
        if (bytes.len == 0 && is_nullable)
            bw_pg_cell_null(table);
        else
            bw_pg_cell_str(table, bytes);
        return;
    }
    if (!blobs->is_used) {
        bw_arena_init(&blobs->arena);
        bw_pg_table_init(&blobs->table, "uuxx");
        blobs->is_used = true;
    }
    bw_buf_init(&packed, bytes.len + 1024);
    bool is_packed = bw_blob_pack(bytes, kind, &blobs->arena, &packed, &list, &count);
    bw_pg_cell_str(table, is_packed ? bw_buf_str(&packed) : bytes);
    for (size_t i = 0; is_packed && i < count; i++) {
        bw_pg_cell_id(&blobs->table, tenant);
        bw_pg_cell_id(&blobs->table, owner);
        bw_pg_cell_str(&blobs->table, bw_str((const char *)list[i].hash, BW_SHA256_LEN));
        bw_pg_cell_str(&blobs->table, list[i].bytes);
    }
    bw_buf_deinit(&packed);
}

struct bw_id bw_pg_event_owner(struct bw_str topic, struct bw_str key, struct bw_str id)
{
    struct bw_sha256 *sha256 = bw_sha256_create();
    uint8_t hash[BW_SHA256_LEN];
    struct bw_id owner;
    const struct bw_str mark = {"\x1f", 1};
    bw_sha256_update(sha256, topic);
    bw_sha256_update(sha256, mark);
    bw_sha256_update(sha256, key);
    bw_sha256_update(sha256, mark);
    bw_sha256_update(sha256, id);
    bw_sha256_finish(sha256, hash);
    memcpy(owner.bytes, hash, sizeof owner.bytes);
    return owner;
}
