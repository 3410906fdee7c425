#!/usr/bin/env python3
"""memory.py - every allocation of the engine's core fails once: the process ends there, and the next one finishes.

    memory.py BUILD_DIR [--samples N] [--from N --to N] [--seed N] [--jobs N]

The engine has no way on without memory (engine/base/mem.c): it says so and aborts. So the promise is that of any
crash, at every allocation there is: nothing committed is lost, nothing is done twice, the result is the same. The work
of tests/chaos is played with the n-th allocation failing; N of them, drawn by the seed over the whole of it, or each
from --from to --to. A failure prints the line that plays it alone.
"""
import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "chaos"))
import kill  # noqa: E402
import pg  # noqa: E402
from pg import Failure  # noqa: E402


class Go(kill.Go):
    def arm(self):
        return "memory:%d:err" % self.nth

    def exited(self, engine):
        if engine.exit == -signal.SIGABRT and "out of memory" in engine.tail():
            self.has_struck = True
        else:
            super().exited(engine)


def play(workers, numbers, build):
    queue, lock = list(numbers), threading.Lock()
    died, failures = [], []

    def work(worker):
        while True:
            with lock:
                if not queue:
                    return
                number = queue.pop(0)
            go, text = Go(worker, "work", "memory", "memory", number), ""
            try:
                go.play()
            except Failure as failure:
                text = str(failure)
            except Exception as error:  # a mistake of the test is a failure too
                text = "%s: %r" % (type(error).__name__, error)
            with lock:
                if go.has_struck:
                    died.append(number)
                if text:
                    failures.append(number)
                    print("FAILED: allocation %d: %s" % (number, text))
                    print("  again: %s %s --from %d --to %d" % (os.path.relpath(__file__), build, number, number))
                    sys.stdout.flush()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return died, failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--from", type=int, dest="first")
    parser.add_argument("--to", type=int, dest="last")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BILLOW_SEED", "1")))
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    wanted = parser.parse_args()
    wanted.build = os.path.abspath(wanted.build)
    if not pg.programs():
        print("skipped: no PostgreSQL here")
        return 77
    folder = tempfile.mkdtemp(prefix="billow-memory.")
    os.chmod(folder, 0o755)
    workers = []
    try:
        workers = kill.make_workers(wanted.build, folder, wanted.jobs)
        if wanted.first:
            died, failures = play(workers, range(wanted.first, wanted.last + 1), wanted.build)
        else:
            # How many there are: doubled until the work gets through without meeting the failure.
            total, failures = 1024, []
            while not failures:
                died, failures = play(workers[:1], [total], wanted.build)
                if not died:
                    break
                total *= 2
            draw = random.Random(wanted.seed)
            numbers = sorted(draw.sample(range(1, total), min(wanted.samples, total - 1)))
            died, more = play(workers, numbers, wanted.build)
            failures += more
            print("%d of %d sampled allocations below %d were met, each ended the engine; %d failed" %
                  (len(died), len(numbers), total, len(failures)))
            if len(died) < len(numbers) // 3:
                print("FAILED: hardly any was met: are the fault points compiled in?")
                return 1
        return 1 if failures else 0
    finally:
        for worker in workers:
            worker.server.stop_immediately()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
