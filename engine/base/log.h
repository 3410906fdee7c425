/* log.h - log lines for people and their tools: one JSON object a line.
 *
 * Offers:  bw_log_debug/info/warn/error with typed fields, a rate limit at each place that logs,
 *          struct bw_secret.
 * Relies on: base/buf.h, base/clock.h, base/id.h.
 *
 *     bw_log_info(log, "run_finished", BW_F_RUN(run->id), BW_F_U64("seq", seq));
 *     {"at":"2026-10-31T22:15:03.123456Z","level":"info","event":"run_finished","seq":7}
 *
 * warn: somebody should look. error: something was lost or refused. Bodies and secrets are never
 * logged: there is no field for bodies, and BW_F_SECRET prints only that there is one. Nothing
 * reads logs back; the journal is the truth.
 *
 * A place that logs more than BW_LOG_SITE_LINES_MAX lines within BW_LOG_SITE_WINDOW_S is silent for
 * the rest of the window; its next line says how many were left out. One thread only (the loop's).
 */
#ifndef BW_BASE_LOG_H
#define BW_BASE_LOG_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"

#define BW_LOG_SITE_LINES_MAX 20
#define BW_LOG_SITE_WINDOW_S 10
#define BW_LOG_TEXT_BYTES_MAX 1024 /* of one text field; the rest is cut */
#define BW_LOG_LINE_BYTES_MAX 8192

enum bw_log_level { BW_LOG_DEBUG, BW_LOG_INFO, BW_LOG_WARN, BW_LOG_ERROR, BW_LOG_OFF };

/* `line` ends with a line feed and is valid during the call. */
typedef void (*bw_log_write_fn)(void *ud, enum bw_log_level level, struct bw_str line);

struct bw_log {
    const struct bw_clock *clock; /* borrowed; NULL: lines carry no time and are not limited */
    enum bw_log_level level;      /* lines below it are not made */
    bw_log_write_fn write;
    void *ud;
    int fd; /* of bw_log_init_fd */
};

/* Bytes that must not be shown. Wrapping them makes the compiler notice when they go astray. */
struct bw_secret {
    struct bw_str bytes;
};

void bw_log_init(struct bw_log *log, enum bw_log_level level, const struct bw_clock *clock,
                 bw_log_write_fn write, void *ud);
/* Writes each line by one write(2) to `fd`, which stays the caller's. The struct must not move
 * afterwards. */
void bw_log_init_fd(struct bw_log *log, enum bw_log_level level, const struct bw_clock *clock,
                    int fd);
/* "debug", "info", "warn", "error", "off"; false when `name` is none of them. */
bool bw_log_level_from_name(const char *name, enum bw_log_level *level);

enum bw_log_kind {
    BW_LOG_END_,
    BW_LOG_TEXT_,
    BW_LOG_INT_,
    BW_LOG_UINT_,
    BW_LOG_BOOL_,
    BW_LOG_ID_,
    BW_LOG_SECRET_,
};
struct bw_log_field {
    const char *name; /* static storage, snake_case */
    enum bw_log_kind kind;
    union {
        struct bw_str text;
        int64_t integer;
        uint64_t unsigned_integer;
        bool boolean;
        struct bw_id id;
    } value;
};

#define BW_F_(field_name, field_kind, ...)                                                         \
    ((struct bw_log_field){.name = (field_name), .kind = (field_kind), .value = {__VA_ARGS__}})
#define BW_F_STR(name, str) BW_F_(name, BW_LOG_TEXT_, .text = (str))
#define BW_F_TEXT(name, terminated) BW_F_(name, BW_LOG_TEXT_, .text = bw_str_of(terminated))
#define BW_F_I64(name, number) BW_F_(name, BW_LOG_INT_, .integer = (number))
#define BW_F_U64(name, number) BW_F_(name, BW_LOG_UINT_, .unsigned_integer = (number))
#define BW_F_BOOL(name, fact) BW_F_(name, BW_LOG_BOOL_, .boolean = (fact))
#define BW_F_ID(name, an_id) BW_F_(name, BW_LOG_ID_, .id = (an_id))
#define BW_F_SECRET(name, secret) BW_F_(name, BW_LOG_SECRET_, .text = (secret).bytes)
#define BW_F_RUN(an_id) BW_F_ID("run", an_id)
#define BW_F_TENANT(an_id) BW_F_ID("tenant", an_id)
/* Code and text of a struct bw_error: two fields. */
#define BW_F_ERROR(error)                                                                          \
    BW_F_TEXT("code", bw_err_name((error)->code)), BW_F_TEXT("error", (error)->text)

/* State of one place that logs; static, made by the macros. */
struct bw_log_site {
    struct bw_instant window_start;
    uint32_t lines;
    uint32_t left_out;
};

/* `...` is the event's name (snake_case) and then fields. `log` may be NULL: nothing happens. */
#define bw_log_debug(log, ...) BW_LOG_AT_(log, BW_LOG_DEBUG, __VA_ARGS__)
#define bw_log_info(log, ...) BW_LOG_AT_(log, BW_LOG_INFO, __VA_ARGS__)
#define bw_log_warn(log, ...) BW_LOG_AT_(log, BW_LOG_WARN, __VA_ARGS__)
#define bw_log_error(log, ...) BW_LOG_AT_(log, BW_LOG_ERROR, __VA_ARGS__)
#define BW_LOG_AT_(log, level, ...)                                                                \
    do {                                                                                           \
        static struct bw_log_site log_site_;                                                       \
        bw_log_line((log), (level), &log_site_, __VA_ARGS__,                                       \
                    (struct bw_log_field){.kind = BW_LOG_END_});                                   \
    } while (0)

/* What the macros call: event, then fields by value, then one of kind BW_LOG_END_. */
void bw_log_line(struct bw_log *log, enum bw_log_level level, struct bw_log_site *site,
                 const char *event, ...);

#endif
