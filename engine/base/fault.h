/* fault.h - named places where a failure can be made to happen on purpose.
 *
 * Offers:  BW_FAULT_MAP (all points), BW_FAULT (pass a point), arming from a test or from
 *          BILLOW_FAULT.
 * Relies on: libc only.
 *
 * Compiled in only with BW_FAULTS (development and test builds); otherwise BW_FAULT is `false` and
 * the points cost nothing. From outside:
 *
 *     BILLOW_FAULT=turn.after_commit:3            SIGKILL at the third pass of that point
 *     BILLOW_FAULT=http.after_answer:1:err        the third word says what happens: kill or err
 *     BILLOW_FAULT=any:57                         at the 57th pass of any point
 *     BILLOW_FAULT=any:0                          never; but the count is kept (bw_fault_passes)
 *
 * Several may stand behind each other with commas. `err` makes BW_FAULT true once; what that means
 * is written at the place: usually `return bw_fail(error, BW_ERR_UNAVAILABLE, "fault ...")`.
 */
#ifndef BW_BASE_FAULT_H
#define BW_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* X(name, name outside, where it is passed) */
#define BW_FAULT_MAP(X)                                                                            \
    X(TURN_BEFORE_COMMIT, "turn.before_commit", "a group commit is about to be sent")              \
    X(TURN_AFTER_SEND, "turn.after_send", "a group commit was sent, no answer yet")                \
    X(TURN_AFTER_COMMIT, "turn.after_commit", "a group commit is known, nothing was done with it") \
    X(ACTION_BEFORE, "action.before", "an action of a committed batch is about to begin")          \
    X(INBOX_BEFORE_PUT, "inbox.before_put", "a message is about to be stored")                     \
    X(INBOX_AFTER_PUT, "inbox.after_put", "a message was stored, its sender does not know yet")    \
    X(HTTP_BEFORE_SEND, "http.before_send", "a request of a script is about to be sent")           \
    X(HTTP_AFTER_ANSWER, "http.after_answer", "its answer is here, and nowhere else yet")          \
    X(HOST_BEFORE_SUBMIT, "host.before_submit", "wakes are about to go to a host")                 \
    X(HOST_AFTER_RESULT, "host.after_result", "a turn's result came back from a host")             \
    X(PG_CONNECT, "pg.connect", "a connection to PostgreSQL is about to be made")                  \
    X(PG_QUERY, "pg.query", "a query is about to be queued on a connection")                       \
    X(IMPORT_ROW, "import.row", "a row of an import file is about to be taken in")                 \
    X(FILE_WRITE, "file.write", "a document is about to be written")

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

#endif
