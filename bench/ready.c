/* ready.c - from exec to the first answer of `billow serve`, on a database that has its schema. */
#include "sections.h"

#include "io/spawn.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMES = 5, TIMEOUT_MS = 30000 };

/* Asks for the version once; false while nobody answers. */
static bool is_answering(const char *path)
{
    static const char request[] =
        "GET /v1/version HTTP/1.1\r\nHost: billow\r\nConnection: close\r\n\r\n";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char answer[64] = "";
    bool is_fine = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                   write(fd, request, sizeof request - 1) == sizeof request - 1 &&
                   read(fd, answer, sizeof answer - 1) > 0;
    close(fd);
    return is_fine && strncmp(answer, "HTTP/1.1 200", 12) == 0;
}

static int64_t start_once(const struct place *place, const char *socket_path)
{
    const char *const argv[] = {place->billow_path, "serve",     "--database", place->conninfo,
                                "--socket",         socket_path, NULL};
    struct bw_spawn_options options = {
        .argv = argv, .fds = {-1, -1, -1}, .fd_count = 3, .dies_with_parent = true};
    struct bw_error error;
    pid_t pid;
    unlink(socket_path);
    int64_t begun = figures_now_ns();
    if (bw_spawn(&options, &pid, &error))
        place_die("billow serve", error.text);
    while (!is_answering(socket_path)) {
        if (figures_now_ns() - begun > TIMEOUT_MS * INT64_C(1000000) ||
            waitpid(pid, NULL, WNOHANG) != 0)
            place_die("billow serve", "it did not get ready; start it by hand to see why");
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    int64_t took = figures_now_ns() - begun;
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return took;
}

void section_ready(const struct place *place, struct figures *figures)
{
    char socket_path[] = "/tmp/billow-bench-XXXXXX";
    int64_t samples[TIMES];
    if (mkstemp(socket_path) < 0)
        place_die(socket_path, "cannot be made");
    for (size_t i = 0; i < TIMES; i++)
        samples[i] = start_once(place, socket_path);
    unlink(socket_path);
    figures_add(figures, "billow serve, from exec to its first answer",
                figures_percentile(samples, TIMES, 0.5) / 1e6, "ms", NULL);
}
