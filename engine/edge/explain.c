/* explain.c - see explain.h. One sentence per wake reason, so that every open run can say why it
 * stands still. */
#include "edge/explain.h"
#include "base/limits.h"
#include <string.h>

struct sentence {
    const char *wake;
    const char *text;
};
static const struct sentence SENTENCES[] = {
    {"ready", "it has news and is about to run"},
    {"timer", "it sleeps until its timer is due"},
    {"event", "it waits for an event that somebody has to send"},
    {"effect", "a request of its own is under way"},
    {"task", "it waits for a person: see 'billow task list'"},
    {"child", "it waits for a run that it started"},
    {"database", "its transaction is being committed"},
    {"paused", "an operator paused it"},
    {"parked", "it is parked"},
};

static void explain_parked(struct bw_buf *text, const struct bw_value *run)
{
    struct bw_value why = bw_value_get(run, "error");
    struct bw_str file = bw_value_get_str(&why, "file", BW_STR(""));
    bw_buf_printf(text, " because of %.*s: %.*s",
                  BW_STR_ARG(bw_value_get_str(&why, "code", BW_STR("an error"))),
                  BW_STR_ARG(bw_value_get_str(&why, "text", BW_STR("(no text)"))));
    if (file.len)
        bw_buf_printf(text, " (%.*s:%lld)", BW_STR_ARG(file),
                      (long long)bw_value_get_int(&why, "line", 0));
    struct bw_str id = bw_value_get_str(run, "id", BW_STR("RUN"));
    if (bw_value_get_int(run, "head", 0) == 0 &&
        bw_str_eq(bw_value_get_str(&why, "code", BW_STR_NONE), BW_STR("INPUT_INVALID"))) {
        bw_buf_printf(text,
                      ".\nNothing of it has happened. 'billow run cancel %.*s' ends it; start it "
                      "again with an input that fits, and a key of its own",
                      BW_STR_ARG(id));
        return;
    }
    bw_buf_printf(text,
                  ".\nMend the cause, then 'billow run resume %.*s' goes on from the effect that "
                  "failed\n('--latest' when a script was mended: the run moves to the active "
                  "release first);\n'--skip-with JSON' gives the effect an outcome instead; "
                  "'billow run cancel' ends the run",
                  BW_STR_ARG(id));
}

void bw_explain_run(struct bw_buf *text, const struct bw_value *run)
{
    struct bw_str status = bw_value_get_str(run, "status", BW_STR("?"));
    struct bw_str wake = bw_value_get_str(run, "wake", BW_STR(""));
    struct bw_str workflow = bw_value_get_str(run, "workflow", BW_STR("?"));
    struct bw_str dropped = bw_value_get_str(run, "dropped_at", BW_STR_NONE);
    if (dropped.len) {
        bw_buf_printf(
            text, "This run of %.*s was %.*s on %.*s. Its history was removed on %.*s (%.*s).",
            BW_STR_ARG(workflow), BW_STR_ARG(status),
            BW_STR_ARG(bw_value_get_str(run, "updated_at", BW_STR("?"))), BW_STR_ARG(dropped),
            BW_STR_ARG(bw_value_get_str(run, "dropped_under", BW_STR("?"))));
        return;
    }
    bw_buf_printf(text, "This run of %.*s is %.*s after %lld turns", BW_STR_ARG(workflow),
                  BW_STR_ARG(status), (long long)bw_value_get_int(run, "head", 0));
    if (bw_str_eq(status, BW_STR("parked"))) {
        explain_parked(text, run);
    } else if (bw_str_eq(status, BW_STR("open"))) {
        for (size_t i = 0; i < sizeof SENTENCES / sizeof SENTENCES[0]; i++)
            if (bw_str_eq(wake, bw_str_of(SENTENCES[i].wake)))
                bw_buf_printf(text, ": %s", SENTENCES[i].text);
        struct bw_str until = bw_value_get_str(run, "wake_at", BW_STR_NONE);
        if (until.len)
            bw_buf_printf(text, "; its next timer is due at %.*s", BW_STR_ARG(until));
    }
    int64_t turns = bw_value_get_int(run, "head", 0) - bw_value_get_int(run, "base", 0);
    bool is_over = bw_str_eq(status, BW_STR("done")) || bw_str_eq(status, BW_STR("cancelled"));
    bw_buf_put_text(text, ".");
    if (!is_over && turns >= BW_LIMIT_HISTORY_TURNS * 8 / 10)
        bw_buf_printf(text,
                      " A replay of it reads %lld turns, of a budget of %u: a checkpoint in the "
                      "script would shorten that.",
                      (long long)turns, BW_LIMIT_HISTORY_TURNS);
}
