#!/usr/bin/env python3
"""soak.py - load with faults for as long as you like: memory, descriptors and tables have to stay flat.

    soak.py BUILD_DIR [--minutes M | --seconds S] [--json FILE] [--leak]

The work of tests/chaos goes round and round while, every few seconds, connections are cut, hosts are killed or
PostgreSQL restarts; each round's results are checked. Once a second it looks at the memory and descriptors of the
engine and its hosts, and at the sizes and dead rows of the tables that must not grow with time. The first third is
warming up. What is left is cut into quarters: flat means that the median of the last one is not above that of the
first by more than a bound that is said in the table (medians, so that a single spike says nothing).

Exit 0: flat, and all results right; 1: something grows, or a result was wrong; 77: not possible here. --leak plants a
leak in the engine (fault point turn.after_commit, in builds that have them), and exits 0 only when it was found.
"""
import argparse
import json
import os
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "chaos"))
import pg  # noqa: E402
from outside import Proxy  # noqa: E402
from pg import Failure  # noqa: E402
from postgres import Bench  # noqa: E402

MIB = 1024 * 1024
# Rows there for a moment, or a few for ever: their size has nothing to do with how long the engine runs.
HOT = ("billow.lease", "billow.fence", "billow.node", "billow.wait", "billow.number_series")
SETTINGS = {"autovacuum_naptime": "1", "autovacuum_vacuum_scale_factor": "0.01", "autovacuum_vacuum_threshold": "100",
            "autovacuum_vacuum_cost_delay": "0"}
WORKERS = 2


class Watch:
    """Samples by name, and how much each may grow."""

    def __init__(self, bench):
        self.bench = bench
        self.began = time.monotonic()
        self.samples = []
        with open(os.path.join(bench.build, "bin/billow"), "rb") as program:
            self.is_sanitized = b"__asan_init" in program.read()

    def look(self):
        engine = self.bench.engine
        sample = {"at": time.monotonic() - self.began, "engine_rss": memory(engine.pid),
                  "engine_fds": len(os.listdir("/proc/%d/fd" % engine.pid)),
                  "host_rss": max([memory(pid) for pid in engine.hosts()], default=0)}
        try:
            with self.bench.server.session("work") as session:
                for name in HOT:
                    size, dead, live = session.query(
                        "SELECT pg_total_relation_size('%s'), n_dead_tup, n_live_tup FROM pg_stat_user_tables "
                        "WHERE relid = '%s'::regclass" % (name, name))[0]
                    sample[name] = int(size)
                    sample[name + " dead"] = int(dead)
                sample["runs"] = int(session.one("SELECT count(*) FROM billow.run"))
        except (OSError, pg.SqlError):
            return  # it restarts
        self.samples.append(sample)

    def verdicts(self):
        """(name, first quarter, last quarter, bound, is_flat) of everything that was measured."""
        settled = [s for s in self.samples if s["at"] > self.samples[-1]["at"] / 3]
        quarter = max(1, len(settled) // 4)
        rows = []
        for name in [n for n in self.samples[-1] if n not in ("at", "runs")]:
            first = statistics.median(s[name] for s in settled[:quarter])
            last = statistics.median(s[name] for s in settled[-quarter:])
            if name == "host_rss" and self.is_sanitized:
                bound = 512 * MIB  # what was freed is kept aside, and no option reaches a host: nothing can be said
            elif name.endswith("_rss"):
                bound = max(12 * MIB, first // 8)
            elif name == "engine_fds":
                bound = 4
            elif name.endswith(" dead"):
                bound = 3000
            else:
                bound = max(MIB // 2, first)
            rows.append((name, first, last, bound, last - first <= bound))
        return rows


def memory(pid):
    try:
        with open("/proc/%d/statm" % pid, encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def load(bench, deadline, problems, counts):
    """One after the other until the time is over; a wrong result ends it."""
    while time.monotonic() < deadline and not problems:
        with counts["lock"]:
            counts["rounds"] += 1
            name = "r%d-" % counts["rounds"]
        work = bench.work(name)
        try:
            work.begin()
            work.finish(60)
            work.check_results()
            work.check_outside(may_repeat=False)
        except Exception as error:
            problems.append(error)
        del bench.receiver.parts[name]


def disturb(bench, deadline, problems, counts):
    kinds = ("cut", "host", "cut", "restart")
    while time.monotonic() < deadline - 5 and not problems:
        time.sleep(4)
        kind = kinds[counts["faults"] % len(kinds)]
        counts["faults"] += 1
        if kind == "cut":
            bench.proxy.cut()
        elif kind == "host":
            bench.engine.kill_hosts()
        else:
            bench.server.stop()
            bench.server.start()


def soak(build, seconds, is_leaking):
    bench = Bench(build, SETTINGS)
    problems, counts = [], {"rounds": 0, "faults": 0, "lock": threading.Lock()}
    try:
        bench.proxy = Proxy(os.path.join(bench.folder, "proxy"), bench.server.folder)
        # What is freed is not kept aside for long: memory says something in builds with sanitizers, too.
        environment = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:detect_leaks=0"}
        bench.start(bench.server.conninfo("work", bench.proxy.folder), environment,
                    "turn.after_commit:1:leak" if is_leaking else "")
        watch = Watch(bench)
        deadline = time.monotonic() + seconds
        threads = [threading.Thread(target=load, args=(bench, deadline, problems, counts)) for _ in range(WORKERS)]
        threads.append(threading.Thread(target=disturb, args=(bench, deadline, problems, counts)))
        for thread in threads:
            thread.start()
        while time.monotonic() < deadline and not problems and bench.engine.exit is None:
            watch.look()
            time.sleep(1)
        for thread in threads:
            thread.join()
        if bench.engine.exit is not None:
            problems.append(Failure("the engine ended with %s\n%s" % (bench.engine.exit, bench.engine.tail())))
        elif not problems:
            try:
                bench.end(bench.server, [], counts["rounds"])
            except Failure as failure:
                problems.append(failure)
        return watch, problems, counts
    finally:
        bench.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--json")
    parser.add_argument("--leak", action="store_true")
    wanted = parser.parse_args()
    if not pg.programs():
        print("skipped: no PostgreSQL here")
        return 77
    seconds = wanted.seconds or wanted.minutes * 60
    watch, problems, counts = soak(os.path.abspath(wanted.build), seconds, wanted.leak)
    rows = watch.verdicts() if len(watch.samples) > 8 else []
    print("%d rounds, %d runs, %d faults in %.0f s" %
          (counts["rounds"], watch.samples[-1]["runs"] if watch.samples else 0, counts["faults"], seconds))
    print("%-30s %14s %14s %14s" % ("", "settled", "at the end", "may grow by"))
    for name, first, last, bound, is_flat in rows:
        print("%-30s %14d %14d %14d  %s" % (name, first, last, bound, "flat" if is_flat else "GROWS"))
    for problem in problems:
        print("FAILED: %s" % problem)
    if not rows:
        print("FAILED: too short: %d looks" % len(watch.samples))
    if wanted.json:
        with open(wanted.json, "w", encoding="ascii") as file:
            json.dump({"seconds": seconds, "rounds": counts["rounds"], "faults": counts["faults"],
                       "problems": [str(p) for p in problems], "samples": watch.samples,
                       "verdicts": [dict(zip(("name", "settled", "end", "may_grow", "is_flat"), row)) for row in rows]},
                      file, indent=1)
    growing = {row[0] for row in rows if not row[4]}
    if wanted.leak:
        return 0 if rows and not problems and {"engine_rss", "engine_fds"} <= growing else 1
    return 1 if problems or not rows or growing else 0


if __name__ == "__main__":
    sys.exit(main())
