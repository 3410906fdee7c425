/* fault.h - named places where a failure can be made to happen on purpose.
 *
 * Offers:  BW_FAULT_MAP (all points), BW_FAULT (pass a point), arming from a test or from
 *          BILLOW_FAULT, a trace of passes, settings that only such builds read.
 * Relies on: base/mem.h.
 *
 * Compiled in only with BW_FAULTS (development and test builds); otherwise BW_FAULT is `false` and
 * the points cost nothing. From outside:
 *
 *     BILLOW_FAULT=turn.after_commit:3            SIGKILL at the third pass of that point
 *     BILLOW_FAULT=http.after_answer:1:err        the third word says what happens
 *     BILLOW_FAULT=any:57                         at the 57th pass of any point
 *     BILLOW_FAULT=any:0                          never; but the count is kept (bw_fault_passes)
 *     BILLOW_FAULT_TRACE=FILE                     a line with the point's name for each pass
 *
 * Several may stand behind each other with commas. What can happen:
 *
 *     kill   SIGKILL to the own process: the default
 *     stop   SIGSTOP to the own process: whoever armed it does something to the world meanwhile,
 *            and sends SIGCONT
 *     err    BW_FAULT is true once; what that means is written at the place: usually
 *            `return bw_fail(error, BW_ERR_UNAVAILABLE, "fault ...")`
 *     leak   from that pass on each one leaks 64 KiB and a descriptor: for tests of tests
 */
#ifndef BW_BASE_FAULT_H
#define BW_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* X(name, name outside, where it is passed) */
#define BW_FAULT_MAP(X)                                                                            \
    X(TURN_PLANNED, "turn.planned", "a turn's commands are a batch")                               \
    X(TURN_BEFORE_COMMIT, "turn.before_commit", "a group commit is about to be sent")              \
    X(TURN_AFTER_SEND, "turn.after_send", "a group commit was sent, no answer yet")                \
    X(TURN_AFTER_COMMIT, "turn.after_commit", "a group commit is known, nothing was done with it") \
    X(ACTION_BEFORE, "action.before", "an action of a committed batch is about to begin")          \
    X(ACTION_AFTER, "action.after", "the actions of a committed batch have begun")                 \
    X(INBOX_BEFORE_PUT, "inbox.before_put", "a message is about to be stored")                     \
    X(INBOX_AFTER_PUT, "inbox.after_put", "a message was stored, its sender does not know yet")    \
    X(RUN_LOADED, "run.loaded", "the rows of a run are here")                                      \
    X(RUN_PARK, "run.park", "a run is about to be parked")                                         \
    X(RUN_RESUME, "run.resume", "the commit of a resume is filled")                                \
    X(RUN_CHECKPOINT, "run.checkpoint", "a checkpoint is committed, the run still in memory")      \
    X(TIMER_DUE, "timer.due", "a deadline is over, its run does not know yet")                     \
    X(CHILD_ADOPT, "child.adopt", "the row of a child is stored, nobody runs it yet")              \
    X(EFFECT_RECOVER, "effect.recover", "an effect of an earlier life is about to begin again")    \
    X(NUMBER_PLANNED, "number.planned", "a number was asked for, its commit is not sent")          \
    X(HTTP_BEFORE_SEND, "http.before_send", "a request of a script is about to be sent")           \
    X(HTTP_AFTER_ANSWER, "http.after_answer", "its answer is here, and nowhere else yet")          \
    X(HTTP_BEFORE_DELIVERY, "http.before_delivery", "its outcome is about to join a turn")         \
    X(HTTP_RETRY, "http.retry", "it failed, and is planned again")                                 \
    X(HTTP_UNKNOWN, "http.unknown", "what became of it is not known, and must be found out")       \
    X(HOST_START, "host.start", "a host process is about to be started")                           \
    X(HOST_BEFORE_SUBMIT, "host.before_submit", "wakes are about to go to a host")                 \
    X(HOST_FRAME_OUT, "host.frame_out", "a frame was given to the socket of a host")               \
    X(HOST_FRAME_IN, "host.frame_in", "a frame came from a host, nothing was read of it")          \
    X(HOST_AFTER_RESULT, "host.after_result", "a turn's result came back from a host")             \
    X(RECHECK_SKEW, "recheck.skew", "a replay to compare begins; err: at another turn time")       \
    X(HOST_LOST, "host.lost", "a host is gone, its turns are not given up yet")                    \
    X(RECOVER_SCAN, "recover.scan", "runs are about to be looked for")                             \
    X(RECOVER_FOUND, "recover.found", "they were found, and not touched yet")                      \
    X(LEASE_BEFORE, "lease.before", "the lease is about to be asked for")                          \
    X(LEASE_AFTER, "lease.after", "the database gave it, nobody knows yet")                        \
    X(LEASE_RELEASE, "lease.release", "shards are about to be given back")                         \
    X(STORE_START_BEFORE, "store.start_before", "starts of runs are about to be sent")             \
    X(STORE_START_AFTER, "store.start_after", "they are stored, nobody was told")                  \
    X(STORE_MESSAGE_BEFORE, "store.message_before", "messages are about to be sent")               \
    X(STORE_MESSAGE_AFTER, "store.message_after", "they are stored, nobody was told")              \
    X(STORE_EVENT_BEFORE, "store.event_before", "events are about to be sent")                     \
    X(STORE_EVENT_AFTER, "store.event_after", "they are stored, nobody was told")                  \
    X(STORE_ANSWER_BEFORE, "store.answer_before", "answers to tasks are about to be sent")         \
    X(STORE_ANSWER_AFTER, "store.answer_after", "they are stored, nobody was told")                \
    X(STORE_COMMIT_BEFORE, "store.commit_before", "the statements of a group are built")           \
    X(STORE_COMMIT_AFTER, "store.commit_after", "their results are here, not read")                \
    X(STORE_COMMIT_LOOK_UP, "store.commit_look_up",                                                \
      "a commit's answer was lost: it is about to be looked up")                                   \
    X(STORE_LOAD_BEFORE, "store.load_before", "the rows of a run are about to be asked for")       \
    X(STORE_QUERY_BEFORE, "store.query_before", "a script's query is about to be sent")            \
    X(STORE_QUERY_AFTER, "store.query_after", "its rows are here")                                 \
    X(STORE_TENANT_BEFORE, "store.tenant_before", "a tenant is about to be stored")                \
    X(STORE_TENANT_AFTER, "store.tenant_after", "it is stored, nobody was told")                   \
    X(STORE_RELEASE_BEFORE, "store.release_before", "a release is about to be stored")             \
    X(STORE_WRITE_BEFORE, "store.write_before",                                                    \
      "a setting, series or audit row is about to be stored")                                      \
    X(STORE_ADMIN_AFTER, "store.admin_after",                                                      \
      "a release, setting, series or audit row is stored, nobody was told")                        \
    X(STORE_DROP_BEFORE, "store.drop_before", "runs are about to be dropped")                      \
    X(STORE_DROP_AFTER, "store.drop_after", "they are dropped, nobody was told")                   \
    X(ARCHIVE_WRITTEN, "archive.written", "runs are archived, and not dropped yet")                \
    X(MIGRATE_BEFORE, "migrate.before", "the schema is about to be compared")                      \
    X(MIGRATE_STEP_BEFORE, "migrate.step_before", "a migration is about to be applied")            \
    X(MIGRATE_STEP_AFTER, "migrate.step_after", "a migration was applied")                         \
    X(PG_CONNECT, "pg.connect", "a connection to PostgreSQL is about to be made")                  \
    X(PG_CONNECTED, "pg.connected", "a connection was made, nothing was sent on it")               \
    X(PG_QUERY, "pg.query", "a query is about to be queued on a connection")                       \
    X(PG_SENT, "pg.sent", "queries were written to a connection, as far as it took them")          \
    X(PG_LOST, "pg.lost", "a connection is gone, its queries are not reported")                    \
    X(API_BEFORE_ANSWER, "api.before_answer", "a client is about to be answered")                  \
    X(IMPORT_ROW, "import.row", "a row of an import file is about to be taken in")                 \
    X(FILE_WRITE, "file.write", "a document is about to be written")                               \
    X(LUA_MEMORY, "lua.memory", "an allocation of Lua, which asks twice: both fail")               \
    X(MEMORY, "memory", "an allocation of the core; like that of Lua not part of any")

enum bw_fault_point {
#define BW_FAULT_ENUM(name, outside, text) BW_FAULT_##name,
    BW_FAULT_MAP(BW_FAULT_ENUM)
#undef BW_FAULT_ENUM
        BW_FAULT_COUNT_,
    BW_FAULT_ANY = BW_FAULT_COUNT_,
};

enum bw_fault_action {
    BW_FAULT_DO_NOTHING,
    BW_FAULT_DO_ERR,  /* BW_FAULT is true */
    BW_FAULT_DO_KILL, /* SIGKILL to the own process: nothing is flushed, no handler runs */
    BW_FAULT_DO_STOP, /* SIGSTOP to the own process, until somebody sends SIGCONT */
    BW_FAULT_DO_LEAK, /* from now on at each pass: memory and a descriptor are lost */
};

#ifdef BW_FAULTS
/* Passes a point; true when the failure that the place stands for must happen now. */
#define BW_FAULT(name) bw_fault_pass(BW_FAULT_##name)
#else
#define BW_FAULT(name) (false)
#endif

bool bw_fault_pass(enum bw_fault_point point);
/* At the `nth` pass from now (1 is the next) do `action`, once. 0 disarms. Forgets the passes
 * counted so far. */
void bw_fault_arm(enum bw_fault_point point, uint64_t nth, enum bw_fault_action action);
void bw_fault_reset(void); /* disarms all, counts from 0 */
uint64_t bw_fault_passes(enum bw_fault_point point);
const char *bw_fault_name(enum bw_fault_point point); /* "turn.after_commit"; static storage */
/* Arms from text as described above; false when it is not understood (nothing is armed then). */
bool bw_fault_arm_text(const char *text);
/* Arms from the environment variable BILLOW_FAULT. False when it is set and not understood, or set
 * although this build has no fault points. */
bool bw_fault_arm_environment(void);
/* A number that only builds with fault points read from the environment: BILLOW_LEASE_MS and the
 * like, for tests that cannot wait. `otherwise` when it is not set, or is no number. */
int64_t bw_fault_setting(const char *name, int64_t otherwise);

#endif
