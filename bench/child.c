/* child.c - see child.h. */
#include "child.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct child child_start(child_fn fn, const struct place *place, size_t count, int64_t due_us)
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

double child_hear(struct child *child)
{
    char line[64];
    if (!fgets(line, sizeof line, child->says))
        place_die("a child", "it ended before its time");
    return strtod(line, NULL);
}

void child_end(struct child *child, int signal_number)
{
    kill(child->pid, signal_number);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    fclose(child->says);
}

void child_say(FILE *out, double value)
{
    fprintf(out, "%.9g\n", value);
    fflush(out);
}
