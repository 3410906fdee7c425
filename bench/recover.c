/* recover.c - sleepers whose engine is killed: asleep before, due meanwhile, until all ended. */
#include "recover.h"

#include "child.h"
#include "rig.h"
#include "sections.h"

#include "io/os.h"
#include <time.h>

enum { SLEEPERS = 10000, SLEEP_S = 12 };

static void put_to_sleep(const struct place *place, size_t count, int64_t due_us, FILE *out)
{
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "sleeper", (uint64_t)due_us, count, 0);
    rig_settle(&rig);
    child_say(out, rig.ended == 0);
    for (;;)
        bw_loop_step(rig.loop);
}

static void wake_up(const struct place *place, size_t count, int64_t due_us, FILE *out)
{
    struct rig rig;
    int64_t begun = figures_now_ns();
    (void)due_us;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    child_say(out, (double)(figures_now_ns() - begun) / 1e9);
    while (rig.ended < count)
        bw_loop_step(rig.loop);
    child_say(out, (double)(figures_now_ns() - begun) / 1e9);
    rig_close(&rig);
}

struct recovery recover_sleepers(const struct place *place, size_t count, int64_t sleep_s)
{
    struct bw_clock clock = bw_clock_os();
    struct recovery found;
    int64_t due_us = bw_clock_utc(&clock).us + sleep_s * 1000000;
    struct child asleep = child_start(put_to_sleep, place, count, due_us);
    bool are_asleep = child_hear(&asleep) != 0;
    child_end(&asleep, SIGKILL);
    if (!are_asleep || bw_clock_utc(&clock).us > due_us)
        place_die("recovery", "the machine is too slow: runs were due before all were asleep");
    struct child early = child_start(wake_up, place, count, due_us);
    found.ready_s = child_hear(&early);
    child_end(&early, SIGKILL);
    while (bw_clock_utc(&clock).us < due_us)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    struct child awake = child_start(wake_up, place, count, due_us);
    (void)child_hear(&awake);
    found.ended_s = child_hear(&awake);
    child_end(&awake, SIGCONT);
    return found;
}

void section_recover(const struct place *place, struct figures *figures)
{
    struct recovery found = recover_sleepers(place, SLEEPERS, SLEEP_S);
    figures_add(figures, "killed with 10,000 asleep: ready again", found.ready_s * 1000, "ms",
                NULL);
    figures_add(figures, "killed, 10,000 due meanwhile: all ended", found.ended_s, "s", NULL);
}
