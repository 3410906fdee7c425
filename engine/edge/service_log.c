/* service_log.c - see service_log.h. The engine's event names are few and fixed, so they go in a
 * field. */
#include "edge/service_log.h"
#include "base/log.h"
#include "codec/value.h"
#include "io/os.h"
#include <string.h>
#include <unistd.h>

static struct bw_log *process_log(void)
{
    static struct bw_log log;
    static struct bw_clock clock;
    if (!log.write) {
        clock = bw_clock_os();
        bw_log_init_fd(&log, BW_LOG_WARN, &clock, STDERR_FILENO);
    }
    return &log;
}

void bw_service_log_engine(void *ud, const char *event, struct bw_id run, const char *text)
{
    struct bw_log *log = process_log();
    (void)ud;
    if (strcmp(event, "shards_given_back") == 0) /* several nodes share them: nothing is wrong */
        bw_log_info(log, "engine", BW_F_TEXT("what", event), BW_F_TEXT("text", text));
    else if (bw_id_is_zero(run))
        bw_log_warn(log, "engine", BW_F_TEXT("what", event), BW_F_TEXT("text", text));
    else
        bw_log_warn(log, "engine", BW_F_TEXT("what", event), BW_F_RUN(run),
                    BW_F_TEXT("text", text));
}

void bw_service_log_script(void *ud, struct bw_id tenant, struct bw_id run, struct bw_str logs)
{
    struct bw_value list = bw_value_read(logs), line;
    struct bw_str rest = list.items;
    struct bw_log *log = process_log();
    (void)ud;
    while (bw_value_next(&rest, &line)) {
        struct bw_str level = bw_value_get_str(&line, "level", BW_STR("info"));
        struct bw_str text = bw_value_get_str(&line, "text", BW_STR(""));
        if (bw_str_eq(level, BW_STR("warn")) || bw_str_eq(level, BW_STR("error")))
            bw_log_warn(log, "script", BW_F_TENANT(tenant), BW_F_RUN(run), BW_F_STR("level", level),
                        BW_F_STR("text", text));
        else
            bw_log_info(log, "script", BW_F_TENANT(tenant), BW_F_RUN(run), BW_F_STR("text", text));
    }
}

void bw_service_log_error(const char *event, const struct bw_error *error)
{
    struct bw_log *log = process_log();
    bw_log_error(log, "service", BW_F_TEXT("what", event), BW_F_ERROR(error));
}

void bw_service_log_text(const char *event, const char *text)
{
    struct bw_log *log = process_log();
    bw_log_warn(log, event, BW_F_TEXT("text", text));
}
