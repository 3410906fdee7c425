/* sim_main.c - plays seeds on all processors, and reports.
 *
 * First the seeds of tests/sim/seeds.txt, which once found something; then:
 * BW_SIM_SEEDS=n  how many (1,000 when absent), from BW_SIM_FROM (1; "fresh" = where nobody was)
 * BW_SIM_SEED=n   this one alone, told step by step with BW_SIM_TRACE=1
 * BW_SIM_JOBS=n   processes (one for each processor)
 */
#include "sim.h"

#include "sim_replay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEEDS = 1000, KEPT_MAX = 256, JOBS_MAX = 64, MARKS_SEEDS_MIN = 500 };

/* Which seeds: those kept in a file, then a range. */
struct course {
    uint64_t kept[KEPT_MAX];
    size_t kept_count;
    uint64_t first;
    uint64_t count;
};

/* Shared by all processes. */
struct board {
    uint64_t seeds[JOBS_MAX]; /* under way */
    bool has_told[JOBS_MAX];  /* the child has said what is wrong */
    uint64_t marks[JOBS_MAX][SIM_MARK_COUNT];
};

static struct board *board;
static unsigned job;

static const char *const MARK_TEXTS[] = {
#define SIM_MARK_TEXT(name, text) text,
    SIM_MARKS(SIM_MARK_TEXT)
#undef SIM_MARK_TEXT
};

void sim_fail(const struct sim *sim, const char *format, ...)
{
    char what[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    board->has_told[job] = true;
    fprintf(stderr, "sim: seed %llu failed: %s; again: BW_SIM_SEED=%llu %s\n",
            (unsigned long long)sim->seed, what, (unsigned long long)sim->seed, sim->program);
    fflush(NULL);
    _exit(1);
}

void sim_trace(const struct sim *sim, const char *format, ...)
{
    va_list args;
    if (!sim->is_traced)
        return;
    va_start(args, format);
    printf("%6llu %9.3f ", (unsigned long long)sim->step,
           (double)(sim->clock.utc.us - SIM_NOW_US) / 1e6);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

static uint64_t number_of(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : fallback;
}

static void play_seed(const char *program, uint64_t seed)
{
    struct sim *sim = bw_xcalloc(1, sizeof *sim);
    sim->seed = seed;
    sim->marks = board->marks[job];
    sim->program = program;
    sim->is_traced = getenv("BW_SIM_TRACE") != NULL;
    board->seeds[job] = seed;
    sim_play(sim);
    bw_free(sim);
}

/* One process: every `jobs`-th seed. */
static void play_seeds(const char *program, const struct course *course, unsigned jobs)
{
    for (size_t i = job; i < course->kept_count; i += jobs)
        play_seed(program, course->kept[i]);
    for (uint64_t i = job; i < course->count; i += jobs)
        play_seed(program, course->first + i);
    sim_replay_free();
    sim_release_free();
}

/* "seed  what it found", one a line; # begins a comment. */
static void read_kept(struct course *course)
{
    char path[512], line[512];
    const char *root = getenv("BW_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/sim/seeds.txt", root ? root : ".");
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    while (fgets(line, sizeof line, file) && course->kept_count < KEPT_MAX) {
        uint64_t seed = strtoull(line, NULL, 10);
        if (seed > 0)
            course->kept[course->kept_count++] = seed;
    }
    fclose(file);
}

static void plan_course(struct course *course, uint64_t one)
{
    const char *from = getenv("BW_SIM_FROM");
    *course = (struct course){.first = one, .count = 1};
    if (one)
        return;
    read_kept(course);
    course->count = number_of("BW_SIM_SEEDS", SEEDS);
    course->first = number_of("BW_SIM_FROM", 1);
    if (from && strcmp(from, "fresh") == 0)
        course->first = (uint64_t)time(NULL) * 1000000 + (uint64_t)getpid();
    printf("sim: %zu kept seeds, then %llu to %llu\n", course->kept_count,
           (unsigned long long)course->first,
           (unsigned long long)(course->first + course->count - 1));
}

static bool wait_for(const pid_t *children, unsigned jobs, const char *program)
{
    bool is_fine = true;
    for (unsigned i = 0; i < jobs; i++) {
        int status;
        if (waitpid(children[i], &status, 0) < 0 || status == 0)
            continue;
        is_fine = false;
        if (!board->has_told[i])
            fprintf(stderr,
                    "sim: seed %llu failed: the process ended with %s %d; again: "
                    "BW_SIM_SEED=%llu %s\n",
                    (unsigned long long)board->seeds[i], WIFSIGNALED(status) ? "signal" : "status",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                    (unsigned long long)board->seeds[i], program);
    }
    return is_fine;
}

/* Every fault and every branch has to be seen, or the seeds prove less than they seem to. */
static bool report(unsigned jobs, uint64_t count, double seconds)
{
    bool is_whole = true;
    for (size_t mark = 0; mark < SIM_MARK_COUNT; mark++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < jobs; i++)
            sum += board->marks[i][mark];
        printf("%10llu %s\n", (unsigned long long)sum, MARK_TEXTS[mark]);
        if (sum == 0 && count >= MARKS_SEEDS_MIN) {
            fprintf(stderr, "sim: %llu seeds, and never: %s\n", (unsigned long long)count,
                    MARK_TEXTS[mark]);
            is_whole = false;
        }
    }
    printf("%llu seeds in %.1f s: %.1f a second\n", (unsigned long long)count, seconds,
           (double)count / (seconds > 0 ? seconds : 1));
    return is_whole;
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    (void)argc;
    uint64_t one = number_of("BW_SIM_SEED", 0);
    struct course course;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned jobs = one ? 1 : (unsigned)number_of("BW_SIM_JOBS", (uint64_t)processors);
    pid_t children[JOBS_MAX];
    double begun_s = now_s();
    plan_course(&course, one);
    jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) {
        perror("sim: mmap");
        return 2;
    }
    fflush(NULL);
    for (job = 0; job < jobs; job++) {
        children[job] = fork();
        if (children[job] < 0) {
            perror("sim: fork");
            return 2;
        }
        if (children[job] == 0) {
            play_seeds(argv[0], &course, jobs);
            return 0;
        }
    }
    bool is_fine = wait_for(children, jobs, argv[0]);
    bool is_whole = report(jobs, course.kept_count + course.count, now_s() - begun_s);
    return is_fine && is_whole ? 0 : 1;
}
