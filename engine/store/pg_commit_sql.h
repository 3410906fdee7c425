/* pg_commit_sql.h - the statements of a group commit.
 *
 * Offers:  each statement with the types of its table of arguments (store/pg_args.h).
 * Relies on: io/pgc.h; the schema in store/sql. Used by pg_commit.c.
 */
#ifndef BW_STORE_PG_COMMIT_SQL_H
#define BW_STORE_PG_COMMIT_SQL_H

#include "io/pgc.h"
#include "store/pg_store.h"

/* Locks the fences, moves the runs whose head is as expected, writes their turns. Rows: (1, place
 * of an accepted turn from 1, -), (2, shard, epoch). A turn names the place of its shard in the
 * list of shards ($16): comparing epochs by an array costs nothing, while a join would read all
 * turns once for each shard. */
#define BW_PG_HOT_TYPES "uusllulxssblllb"
extern const struct bw_pg_statement bw_pg_commit_hot;

/* The rest counts for turns that were accepted in this transaction: run.last_batch is their batch.
 */
#define BW_PG_DETAIL_TYPES "uuuxxxx"
extern const struct bw_pg_statement bw_pg_commit_detail;
#define BW_PG_ACK_TYPES "uuut"
extern const struct bw_pg_statement bw_pg_commit_ack;
#define BW_PG_CHILD_TYPES "uuu" BW_PG_RUN_TYPES "x"
extern const struct bw_pg_statement bw_pg_commit_child; /* rows: who got mail */
#define BW_PG_MESSAGE_TYPES "uuuuutslx"
extern const struct bw_pg_statement bw_pg_commit_message; /* rows: who got mail */
#define BW_PG_TASK_TYPES "uuuultttxxll"
extern const struct bw_pg_statement bw_pg_commit_task;
#define BW_PG_CLOSE_TYPES "uuul"
extern const struct bw_pg_statement bw_pg_commit_close_task;
#define BW_PG_NOTE_TYPES "uuulllx"
extern const struct bw_pg_statement bw_pg_commit_note;
#define BW_PG_AUDIT_TYPES "uuultttx"
extern const struct bw_pg_statement bw_pg_commit_audit;
extern const struct bw_pg_statement bw_pg_commit_work; /* rows: who got mail */

/* After a lost connection: ends the session that may still be at work, then looks which batches are
 * there (places from 1). */
extern const struct bw_pg_statement bw_pg_end_session;
#define BW_PG_LOOKUP_TYPES "uuul"
extern const struct bw_pg_statement bw_pg_look_up;

#endif
