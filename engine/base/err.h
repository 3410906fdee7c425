/* err.h - every way an operation can fail, and the one way to say so.
 *
 * Offers:  BW_ERR_MAP (code, HTTP status, exit code, retry class), struct bw_error, bw_fail.
 * Relies on: libc only.
 *
 * Three kinds of trouble exist. A bug aborts (base/assert.h). A failed operation returns one of
 * these codes and fills a struct bw_error. A failed workflow is a value in its journal, never an
 * engine error.
 */
#ifndef BW_BASE_ERR_H
#define BW_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define BW_MUST_USE __attribute__((warn_unused_result))
#define BW_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

/* X(name, http status, exit code, may a caller retry it as it is, one line for people) */
#define BW_ERR_MAP(X)                                                                              \
    X(OK, 200, 0, false, "ok")                                                                     \
    X(INVALID, 400, 4, false, "the input is not valid")                                            \
    X(USAGE, 400, 64, false, "the command line is not understood")                                 \
    X(UNAUTHORIZED, 401, 7, false, "no valid credentials")                                         \
    X(FORBIDDEN, 403, 7, false, "not permitted")                                                   \
    X(NOT_FOUND, 404, 5, false, "no such thing")                                                   \
    X(CONFLICT, 409, 6, false, "it changed in the meantime, or exists already")                    \
    X(LIMIT, 413, 1, false, "over a limit")                                                        \
    X(FENCED, 409, 6, false, "another node owns this shard now")                                   \
    X(UNAVAILABLE, 503, 1, true, "a service it needs is not reachable")                            \
    X(TIMEOUT, 504, 124, true, "it took too long")                                                 \
    X(UNKNOWN_OUTCOME, 503, 1, false, "sent, but whether it happened is not known")                \
    X(CANCELLED, 409, 130, false, "cancelled")                                                     \
    X(SCRIPT, 422, 1, false, "a script raised an error")                                           \
    X(BUDGET, 422, 11, false, "a script used up its step budget")                                  \
    X(MEMORY, 422, 11, false, "a script used up its memory")                                       \
    X(WALL, 422, 11, false, "a script was at work for too long")                                   \
    X(NONDETERMINISM, 409, 1, false, "a replay differs from the journal")                          \
    X(CORRUPT, 500, 1, false, "stored bytes do not decode")                                        \
    X(IO, 500, 1, true, "an input or output operation failed")                                     \
    X(INTERNAL, 500, 1, false, "an invariant does not hold")

enum bw_err {
#define BW_ERR_ENUM(name, http, exit_code, retry, text) BW_ERR_##name,
    BW_ERR_MAP(BW_ERR_ENUM)
#undef BW_ERR_ENUM
        BW_ERR_COUNT_
};

#define BW_ERROR_TEXT_MAX 1024

/* Details of a failure. Lives on the caller's stack; holds no references. */
struct bw_error {
    enum bw_err code;
    char text[BW_ERROR_TEXT_MAX]; /* what, where, why, what to do; cut at the limit, always
                                     terminated */
    const char *file;             /* where bw_fail was called; static storage */
    int line;
};

/* Fills `error` (may be NULL) and returns `code`, so that `return bw_fail(...)` reads well. */
#define bw_fail(error, code, ...) bw_fail_at((error), (code), __FILE__, __LINE__, __VA_ARGS__)
enum bw_err bw_fail_at(struct bw_error *error, enum bw_err code, const char *file, int line,
                       const char *format, ...) BW_PRINTF(5, 6);

const char *bw_err_name(enum bw_err code); /* "CONFLICT"; static storage */
const char *bw_err_text(enum bw_err code); /* one line for people; static storage */
int bw_err_http_status(enum bw_err code);
int bw_err_exit_code(enum bw_err code);
bool bw_err_is_retryable(enum bw_err code);
/* The code with this name, or BW_ERR_INTERNAL when there is none. */
enum bw_err bw_err_from_name(const char *name);

#endif
