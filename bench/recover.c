/* recover.c - sleepers whose engine is killed: asleep before, due meanwhile, until all ended. */
#include "recover.h"

#include "rig.h"
#include "sections.h"

#include "io/os.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLEEPERS = 10000, SLEEP_S = 12 };

struct child {
    pid_t pid;
    FILE *says; /* one line for each thing that happened */
};

typedef void (*child_fn)(const struct place *place, size_t count, int64_t due_us, FILE *out);

static struct child run_child(child_fn fn, const struct place *place, size_t count, int64_t due_us)
{
    struct child child;
    int ends[2];
    if (pipe(ends))
        place_die("a child", "no pipe");
    fflush(NULL);
    child.pid = fork();
    if (child.pid < 0)
        place_die("a child", "no process");
    if (child.pid == 0) {
        close(ends[0]);
        FILE *out = fdopen(ends[1], "w");
        fn(place, count, due_us, out);
        fclose(out);
        _exit(0);
    }
    close(ends[1]);
    child.says = fdopen(ends[0], "r");
    return child;
}

static double next_line(struct child *child)
{
    char line[64];
    if (!fgets(line, sizeof line, child->says))
        place_die("recovery", "a process ended before its time");
    return strtod(line, NULL);
}

static void end_child(struct child *child, int signal_number)
{
    kill(child->pid, signal_number);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    fclose(child->says);
}

static void say(FILE *out, double value)
{
    fprintf(out, "%.9g\n", value);
    fflush(out);
}

static void put_to_sleep(const struct place *place, size_t count, int64_t due_us, FILE *out)
{
    struct rig rig;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    rig_run(&rig, "sleeper", (uint64_t)due_us, count, 0);
    rig_settle(&rig);
    say(out, rig.ended == 0);
    for (;;)
        bw_loop_step(rig.loop);
}

static void wake_up(const struct place *place, size_t count, int64_t due_us, FILE *out)
{
    struct rig rig;
    int64_t begun = figures_now_ns();
    (void)due_us;
    rig_open(&rig, place, &(struct rig_options){.has_lua = true});
    say(out, (double)(figures_now_ns() - begun) / 1e9);
    while (rig.ended < count)
        bw_loop_step(rig.loop);
    say(out, (double)(figures_now_ns() - begun) / 1e9);
    rig_close(&rig);
}

struct recovery recover_sleepers(const struct place *place, size_t count, int64_t sleep_s)
{
    struct bw_clock clock = bw_clock_os();
    struct recovery found;
    int64_t due_us = bw_clock_utc(&clock).us + sleep_s * 1000000;
    struct child asleep = run_child(put_to_sleep, place, count, due_us);
    bool are_asleep = next_line(&asleep) != 0;
    end_child(&asleep, SIGKILL);
    if (!are_asleep || bw_clock_utc(&clock).us > due_us)
        place_die("recovery", "the machine is too slow: runs were due before all were asleep");
    struct child early = run_child(wake_up, place, count, due_us);
    found.ready_s = next_line(&early);
    end_child(&early, SIGKILL);
    while (bw_clock_utc(&clock).us < due_us)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    struct child awake = run_child(wake_up, place, count, due_us);
    (void)next_line(&awake);
    found.ended_s = next_line(&awake);
    end_child(&awake, SIGCONT);
    return found;
}

void section_recover(const struct place *place, struct figures *figures)
{
    struct recovery found = recover_sleepers(place, SLEEPERS, SLEEP_S);
    figures_add(figures, "killed with 10,000 asleep: ready again", found.ready_s * 1000, "ms",
                NULL);
    figures_add(figures, "killed, 10,000 due meanwhile: all ended", found.ended_s, "s", NULL);
}
