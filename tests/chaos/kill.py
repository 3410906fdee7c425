#!/usr/bin/env python3
"""kill.py - the kill matrix: every fault point of the engine, every fault, one at a time.

    kill.py BUILD_DIR [--point NAME] [--fault NAME] [--nth N] [--scenario NAME] [--jobs N] [--seed N] [--list]

At a pass of a named point (engine/base/fault.h) the engine stops itself, and this happens to it:

    engine   SIGKILL; it is started again
    host     its script hosts get SIGKILL
    pg       PostgreSQL is stopped at once (as pg_ctl stop -m immediate) and started again
    cut      all its connections to PostgreSQL are cut; what was sent may or may not be carried out
    zombie   nothing, until another node has taken over all of its shards; then it goes on

The work is small and of every kind (workload.py); in the end the same results must be there, numbers 1 to n without a
gap, each request carried out once elsewhere, no acknowledged event lost, nothing doubled. First every scenario is
played undisturbed, which tells how often each point is passed: a point that no scenario reaches is an error.
Without arguments every combination is played. A failing one prints the line that plays it alone. Exit 0: all held;
1: some did not; 77: not possible here (no PostgreSQL, no fault points in the build).
"""
import argparse
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pg  # noqa: E402
from engine import Engine, Unreachable  # noqa: E402
from outside import Proxy, Receiver, wait_until  # noqa: E402
from pg import Failure  # noqa: E402
from workload import AUDIT, ENVIRONMENT, HERE, ROOT, Work, ask, make_template, release  # noqa: E402

FAULTS = ("engine", "host", "pg", "cut", "zombie")
# Not a border of the work: what the torture sweeps (tests/torture), and a lie that the replay checker has to notice
# (tests/integration/hosts.sh).
OTHERS = {"memory", "lua.memory", "recheck.skew"}
MONEY_TOO = {"pg.sent", "turn.after_commit", "store.query_after"}


def points():
    with open(os.path.join(ROOT, "engine/base/fault.h"), encoding="ascii") as header:
        found = re.findall(r'X\(\w+,\s*"([a-z_.]+)"', header.read())
    return [name for name in found if name not in OTHERS]


class Go:
    """One combination, or one undisturbed scenario (fault None)."""

    playing = set()

    def __init__(self, worker, scenario, point=None, fault=None, nth=1):
        self.worker, self.scenario, self.point, self.fault, self.nth = worker, scenario, point, fault, nth
        self.folder = tempfile.mkdtemp(dir=worker.folder)
        self.database = "go%d" % worker.next_number()
        self.receiver = Receiver()
        self.proxy = None
        self.engines = []
        self.current = None
        self.problem = None
        self.has_struck = False
        self.prelude = 0
        self.striker = None
        self.is_ending = False
        self.lock = threading.Lock()

    # --- Processes.

    def start(self, faults="", command=None):
        name = "e%d" % len(self.engines)
        environment = dict(ENVIRONMENT)
        if self.fault is None:
            environment["BILLOW_FAULT_TRACE"] = os.path.join(self.folder, name + ".trace")
        host = self.proxy.folder if self.proxy else None
        engine = Engine(self.worker.build, self.folder, name, self.worker.server.conninfo(self.database, host), faults,
                        environment, command)
        engine.on_stop = self.stopped
        engine.on_exit = self.exited
        self.engines.append(engine)
        self.current = engine
        return engine

    def arm(self):
        return "%s:%d:stop" % (self.point, self.nth) if self.fault else ""

    def exited(self, engine):
        if engine.exit == 1 and '"code":"UNAVAILABLE"' in engine.tail(3):
            return  # no database while it started: its supervisor starts it again
        if engine.exit == -signal.SIGTERM and not engine.is_ready():
            return
        allowed = (0, -signal.SIGKILL) if self.scenario != "bill" else (-signal.SIGKILL, *range(100))
        if engine.exit not in allowed:
            self.problem = "an engine ended with %s\n%s" % (engine.exit, engine.tail())

    def stopped(self, engine):
        def strike():
            try:
                self.strike(engine)
            except Exception as error:  # told by whoever waits
                self.problem = "while striking: %r" % error
                engine.signal(signal.SIGCONT)
        self.striker = threading.Thread(target=strike)
        self.striker.start()

    def strike(self, engine):
        if self.prelude:  # what this scenario always does
            self.prelude -= 1
            self.proxy.cut()
            engine.kill_hosts()
            engine.signal(signal.SIGCONT)
            return
        self.has_struck = True
        if self.fault == "engine":
            engine.signal(signal.SIGKILL)
            engine.on_exit = None
        elif self.fault == "host":
            engine.kill_hosts()
            engine.signal(signal.SIGCONT)
        elif self.fault == "pg":
            self.worker.server.stop_immediately()
            if self.nth % 2:  # it finds out before there is one again
                engine.signal(signal.SIGCONT)
                time.sleep(0.03)
            self.worker.server.start()
            engine.signal(signal.SIGCONT)
        elif self.fault == "cut":
            if self.nth % 2:
                time.sleep(0.02)  # what was sent is carried out
            self.proxy.cut()
            engine.signal(signal.SIGCONT)
        elif self.fault == "zombie":
            self.take_over(engine)

    def take_over(self, engine):
        if self.scenario == "bill":
            other = self.give()
            if other.wait(90) != 0:
                raise Failure("the second command failed: %s\n%s" % (other.exit, other.tail()))
            engine.signal(signal.SIGCONT)
            if engine.wait(90) is None:
                raise Failure("the first command does not end\n%s" % engine.tail())
            return
        other = self.start()
        if self.scenario != "setup" and not self.is_ending:
            def has_all():
                try:
                    return other.call("GET", "/v1/stats")[1]["shards"] == 64
                except Unreachable:
                    return False
            if not wait_until(20, has_all, 0.03):
                raise Failure("nobody took over: %s" % other.tail())
        else:
            time.sleep(2.2)
        engine.signal(signal.SIGCONT)

    def asked(self):
        """The engine to ask; starts one where one was killed."""
        if self.problem:
            raise Failure(self.problem)
        with self.lock:
            if self.current.exit is not None:
                self.revive()
            return self.current

    def alive(self):
        return [e for e in self.engines if e.exit is None and not e.is_stopped]

    def revive(self):
        self.forget_dead()
        self.start()

    def forget_dead(self):
        """A dead node's lease runs out by itself; the tests know that it is dead and do not wait."""
        try:
            with self.worker.server.session(self.database) as session:
                session.query("UPDATE billow.lease SET until = clock_timestamp() - interval '1 s' WHERE until IS NOT NULL;"
                              "UPDATE billow.node SET until = clock_timestamp() - interval '1 s'")
        except (OSError, pg.SqlError):
            pass  # no server, or no schema yet

    def end(self):
        """Every engine ends in order; a point on that way may strike too."""
        self.is_ending = True
        told = set()
        until = time.monotonic() + 25
        while time.monotonic() < until and not self.problem:
            for engine in self.engines:  # there may be one more: who took over from one that was ending
                if engine.exit is None and engine.name not in told:
                    told.add(engine.name)
                    engine.signal(signal.SIGTERM)
            is_striking = self.striker and self.striker.is_alive()
            if not is_striking and not [e for e in self.engines if e.exit is None]:
                break
            time.sleep(0.01)
        if self.problem:
            raise Failure(self.problem)
        if [e for e in self.engines if e.exit is None]:
            raise Failure("an engine does not stop\n%s" % self.engines[-1].tail())
        for engine in self.engines:
            with open(engine.log, encoding="utf-8", errors="replace") as log:
                text = log.read()
            if "ERROR: AddressSanitizer" in text or "runtime error:" in text or "billow: bug:" in text:
                raise Failure("an engine found a bug in itself\n%s" % engine.tail(60))

    def passes(self):
        counts = {}
        for engine in self.engines:
            if engine.faults and ":kill" in engine.faults:
                continue
            for name, count in engine.passes().items():
                counts[name] = counts.get(name, 0) + count
        return counts

    def play(self):
        Go.playing.add(self)
        try:
            template = None if self.scenario in ("setup", "bill") else "work"
            self.worker.create(self.database, template)
            if self.fault == "cut" or self.scenario == "losses":
                self.proxy = Proxy(os.path.join(self.folder, "proxy"), self.worker.server.folder)
            SCENARIOS[self.scenario](self)
            return self.passes()
        finally:
            for engine in self.engines:
                engine.end()
            if self.striker:
                self.striker.join()
            self.receiver.close()
            if self.proxy:
                self.proxy.close()
            if self.worker.server.process is None or self.worker.server.process.poll() is not None:
                self.worker.server.start()
            self.worker.drop(self.database)
            shutil.rmtree(self.folder, ignore_errors=True)
            Go.playing.discard(self)


# --- Scenarios.


def check_work(go, work):
    work.finish()
    work.check_results()
    go.end()
    with go.worker.server.session(go.database) as session:
        work.check_rows(session)
    work.check_outside(may_repeat=go.fault == "zombie")


def play_work(go):
    """An undisturbed start, all the work, an end in order."""
    go.start(go.arm())
    work = Work(go.asked, go.receiver, go.alive)
    work.begin()
    check_work(go, work)


def play_recover(go):
    """The work of an engine that was killed with requests under way, recovered by the next one."""
    first = go.start("http.after_answer:3:kill")
    first.on_exit = None
    work = Work(lambda: first, go.receiver)
    work.ask("GET", "/v1/runs?limit=1")
    try:
        work.ask = lambda *args: ask_once(first, *args)
        work.begin()
        wait_until(10, lambda: first.exit is not None)
    except Unreachable:
        pass
    if first.wait(10) != -signal.SIGKILL:
        raise Failure("the first engine lives: %s" % first.exit)
    go.forget_dead()
    go.start(go.arm())
    work = Work(go.asked, go.receiver, go.alive)
    work.begin()
    check_work(go, work)


def ask_once(engine, method, path, body=None):
    status, value = engine.call(method, path, body)
    if status >= 300:
        raise Failure("%s %s: %s %s" % (method, path, status, value))
    return value


def play_losses(go):
    """The work, and when a commit is sent the connections are cut and the host dies: what follows may be struck too."""
    go.prelude = 1
    engine = go.start(",".join(filter(None, ["turn.after_send:4:stop", go.arm()])))
    work = Work(go.asked, go.receiver, go.alive)
    work.begin()
    check_work(go, work)
    if go.prelude:
        raise Failure("%s was never stopped" % engine.name)


def play_setup(go):
    """From an empty database: the schema, a tenant, a release, a setting; then a run under that release."""
    go.start(go.arm())
    tenant = ask(go.asked, "POST", "/v1/tenants", {"name": "acme"})
    ask(go.asked, "POST", "/v1/releases", release())
    setting = {"name": "increment_minutes", "value": 15, "valid_from": "2026-10-01"}
    ask(go.asked, "POST", "/v1/policies/rounding/settings", setting)
    run = ask(go.asked, "POST", "/v1/runs", {"workflow": "idle", "key": "k", "input": {"timeout": "5ms"}})
    if not wait_until(20, lambda: ask(go.asked, "GET", "/v1/runs/%s" % run["id"])["status"] == "done"):
        raise Failure("the first run is not done")
    go.end()
    with go.worker.server.session(go.database) as session:
        for sql, wanted in (
                ("SELECT count(*) FROM billow.tenant WHERE tenant_id = '%s'" % tenant["id"], "1"),
                ("SELECT count(*) FROM billow.tenant", "1"),
                ("SELECT count(*) FROM billow.release", "1"),
                ("SELECT count(*) FROM billow.run", "1"),
                ("SELECT count(*) FROM billow.policy_setting", "1"),
                ("SELECT count(*) > 0 AND count(*) = count(DISTINCT at) FROM billow.audit", "t")):
            got = session.one(sql)
            if got != wanted:
                raise Failure("%s gives %s, not %s" % (sql, got, wanted))


def play_bill(go):
    """One contract of the sample firm, from files to documents, by a command that is given again until it ends well."""
    command = ["bill", os.path.join(ROOT, "examples/acme"), "--period", "2026-10", "--contract", "C-02", "--approve-as",
               "Dana Scully", "--out", os.path.join(go.folder, "out"), "--database"]

    def give(faults=""):
        state = os.path.join(go.folder, "state%d" % len(go.engines))
        os.makedirs(os.path.join(state, ".billow"))
        host = go.proxy.folder if go.proxy else None
        return go.start(faults, command + [go.worker.server.conninfo(go.database, host), "--dir", state])

    go.give = give
    go.is_ending = True
    give(go.arm())
    for _ in range(6):
        if not wait_until(60, lambda: go.current.exit is not None or go.problem):
            raise Failure("the command does not end\n%s" % go.current.tail())
        if go.problem:
            raise Failure(go.problem)
        if go.current.exit == 0:
            break
        go.forget_dead()
        give()
    if go.striker:
        go.striker.join(100)
    go.end()
    files = {}
    for path, _, names in os.walk(os.path.join(go.folder, "out")):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                files[name] = hashlib.sha256(file.read()).hexdigest()
    if len(files) != 3 or go.worker.documents.setdefault("bill", files) != files:
        raise Failure("other documents came out: %s" % files)
    with go.worker.server.session(go.database) as session:
        wrong = [row for row in session.query(AUDIT) if row[1] != "0" and "series" not in row[0]]
        if wrong or session.one("SELECT count(*) FROM billow.number_used") != "1":
            raise Failure("%s" % wrong)
    verified = go.start("", ["ledger", "verify", "--dir", go.engines[0].folder + "/state0", "--database",
                             go.worker.server.conninfo(go.database)])
    if verified.wait(60) != 0:
        raise Failure("billow ledger verify: %s\n%s" % (verified.exit, verified.tail()))


def play_sweep(go):
    """Finished runs of long ago are archived and dropped by sweeps that are asked for until one comes to its end."""
    go.start(go.arm())
    runs = {}
    for n in range(6):
        value = {"workflow": "idle", "key": "k%d" % n, "input": {"timeout": "5ms"}}
        runs[n] = ask(go.asked, "POST", "/v1/runs", value)["id"]
    ask(go.asked, "POST", "/v1/retention/holds/case", {"scope": "run", "scope_id": runs[5], "reason": "case 12"})
    if not wait_until(20, lambda: all(ask(go.asked, "GET", "/v1/runs/%s" % run)["status"] == "done"
                                      for run in runs.values())):
        raise Failure("the runs are not done")
    with go.worker.server.session(go.database) as session:
        session.query("UPDATE billow.run SET updated_at = updated_at - 500 * 86400000000::bigint WHERE status > 2")
    folder = os.path.join(go.folder, "archive")
    while not ask(go.asked, "POST", "/v1/retention/run", {"archive": folder})["is_complete"]:
        pass
    again = ask(go.asked, "POST", "/v1/runs", {"workflow": "idle", "key": "k3", "input": {"timeout": "5ms"}})
    if again["is_new"] or again["id"] != runs[3]:
        raise Failure("the key of a dropped run was free: %s" % again)
    go.end()
    archived = set()
    for name in os.listdir(folder):
        if name.endswith(".jsonl"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                rows = [json.loads(line) for line in file]
            archived |= {row["run"] for row in rows if row["kind"] == "run"}
            if rows[-1]["kind"] != "end" or rows[-1]["lines"] != len(rows) - 1:
                raise Failure("an archive is not whole: %s" % rows[-1])
    if archived != {runs[n] for n in range(5)}:
        raise Failure("archived is %s of %s" % (archived, runs))
    with go.worker.server.session(go.database) as session:
        for sql, wanted in (
                ("SELECT dropped FROM billow.retention", "5"),
                ("SELECT count(*) FROM billow.run_detail WHERE dropped_at > 0", "5"),
                ("SELECT count(*) FROM billow.run WHERE run_id = '%s'" % runs[5], "1"),
                ("SELECT count(*) FROM billow.journal j WHERE NOT EXISTS (SELECT FROM billow.run r"
                 " WHERE r.run_id = j.run_id)", "0"),
                ("SELECT sum(split_part(subject, ' ', 1)::int) FROM billow.audit WHERE action = 'retention.drop'", "5")):
            got = session.one(sql)
            if got != wanted:
                raise Failure("%s gives %s, not %s" % (sql, got, wanted))


SCENARIOS = {"bill": play_bill, "work": play_work, "recover": play_recover, "losses": play_losses, "setup": play_setup,
             "sweep": play_sweep}


# --- Workers: each has a server of its own.


class Worker:
    def __init__(self, build, folder, server, documents):
        self.build, self.folder, self.server = build, folder, server
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.number = 0
        self.documents = documents

    def next_number(self):
        self.number += 1
        return self.number

    def create(self, name, template):
        with self.server.session("postgres") as session:
            session.query("CREATE DATABASE %s %s" % (name, "TEMPLATE %s STRATEGY FILE_COPY" % template
                                                     if template else ""))

    def drop(self, name):
        with self.server.session("postgres") as session:
            session.query("DROP DATABASE IF EXISTS %s WITH (FORCE)" % name)


def make_workers(build, folder, count):
    first = pg.Server(os.path.join(folder, "w0", "pg")).create()
    first.start()
    make_template(build, folder, first, "work")
    first.stop()
    workers, documents = [], {}
    for i in range(count):
        home = os.path.join(folder, "w%d" % i)
        server = first if i == 0 else first.copy_to(os.path.join(home, "pg"))
        workers.append(Worker(build, home, server, documents))
    for worker in workers:
        worker.server.start()
    return workers


def plan(counts, wanted, seed):
    """(point, fault, scenario, nth) for every combination; the pass at which it strikes is drawn by the seed."""
    combinations = []
    order = sorted(SCENARIOS, key=lambda name: name == "bill")
    for point in points():
        if wanted.point and not re.fullmatch(wanted.point, point):
            continue
        scenarios = [name for name in order if counts[name].get(point) and
                     (not wanted.scenario or name == wanted.scenario)]
        if not scenarios:
            continue
        # Money itself: these borders again while the sample firm is billed.
        twice = scenarios[:1] + (["bill"] if point in MONEY_TOO and not wanted.scenario else [])
        for fault, scenario in itertools.product(FAULTS, twice):
            if wanted.fault and fault != wanted.fault:
                continue
            draw = random.Random(zlib.crc32(("%s %s %d" % (point, fault, seed)).encode()))
            # Timing moves the last passes about: the first half is always there.
            nth = wanted.nth or draw.randint(1, max(1, (counts[scenario][point] + 1) // 2))
            combinations.append((point, fault, scenario, nth))
    return combinations


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    for name in ("point", "fault", "scenario"):
        parser.add_argument("--" + name)
    parser.add_argument("--nth", type=int)
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BILLOW_SEED", "1")))
    parser.add_argument("--list", action="store_true", help="how often each scenario passes each point")
    wanted = parser.parse_args()
    wanted.build = os.path.abspath(wanted.build)
    if not pg.programs():
        print("skipped: no PostgreSQL here")
        return 77
    folder = tempfile.mkdtemp(prefix="billow-kill.")
    os.chmod(folder, 0o755)
    workers = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what it started ends with it
    try:
        workers = make_workers(wanted.build, folder, wanted.jobs)
        return play_all(workers, wanted)
    finally:
        for go in list(Go.playing):
            for engine in go.engines:
                engine.end()
        for worker in workers:
            worker.server.stop_immediately()
        shutil.rmtree(folder, ignore_errors=True)


def play_all(workers, wanted):
    started = time.monotonic()
    jobs = [(None, None, name, 0) for name in SCENARIOS if not wanted.scenario or name == wanted.scenario]
    counts, failures = {}, []
    run_jobs(workers, jobs, wanted, counts, failures)
    counts = {name: counts.get(name, {}) for name in SCENARIOS}
    missing = [point for point in points() if not any(point in c for c in counts.values())]
    if wanted.list:
        for point in points():
            print("%-24s %s" % (point, " ".join("%s %d" % (n, c[point]) for n, c in counts.items() if point in c)))
    if failures:
        return 1
    if not any(counts.values()):
        print("skipped: the build has no fault points")
        return 77
    if wanted.scenario:
        missing = []
    if missing:
        print("FAILED: no scenario reaches %s" % ", ".join(missing))
    if wanted.list:
        return 1 if missing else 0
    jobs = plan(counts, wanted, wanted.seed)
    struck = run_jobs(workers, jobs, wanted, {}, failures)
    print("%d points, %d combinations with %d faults in %.0f s: %d struck, %d failed" %
          (len({j[0] for j in jobs}), len(jobs), len({j[1] for j in jobs}), time.monotonic() - started, struck,
           len(failures)))
    return 1 if failures or missing or struck < len(jobs) else 0


def run_jobs(workers, jobs, wanted, counts, failures):
    """Plays them, each worker one at a time. How many struck."""
    queue, lock = list(jobs), threading.Lock()
    struck = [0]

    def work(worker):
        while True:
            with lock:
                if not queue:
                    return
                point, fault, scenario, nth = queue.pop(0)
            began = time.monotonic()
            go = Go(worker, scenario, point, fault, nth)
            text, log = "", ""
            try:
                counts[scenario] = go.play()
                if fault and not go.has_struck:
                    text = "the point was not passed %d times" % nth
            except Failure as failure:
                text = str(failure)
            except Exception as error:  # a mistake of the test is a failure too
                text = "%s: %r" % (type(error).__name__, error)
            with lock:
                struck[0] += go.has_struck
                if text:
                    failures.append((point, fault))
                    print("FAILED: %s %s (scenario %s, pass %d): %s" % (point, fault, scenario, nth, text))
                    if fault:
                        print("  again: %s %s --point %s --fault %s --scenario %s --nth %d" %
                              (os.path.relpath(__file__), wanted.build, re.escape(point), fault, scenario, nth))
                elif os.environ.get("BW_VERBOSE"):
                    print("ok: %s %s (scenario %s, pass %d) %.2f s" %
                          (point, fault, scenario, nth, time.monotonic() - began))
                sys.stdout.flush()

    threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return struck[0]


if __name__ == "__main__":
    sys.exit(main())
