#!/usr/bin/env python3
"""postgres.py - the engine while its database restarts, fails over, is cut off, is full, is slow; and clocks jump.

    postgres.py BUILD_DIR [TEST...]      restart failover fallback cut full slow clock; all when none is named

The work of workload.py, with its known result, goes on through each of them. Nothing acknowledged may be missing,
nothing may be there twice, and nobody starts the engine again: it goes on by itself. Exit 0: all held; 1: some did
not; 77: none could be done here.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pg  # noqa: E402
from engine import Engine, Unreachable  # noqa: E402
from outside import Proxy, Receiver, wait_until  # noqa: E402
from pg import Failure  # noqa: E402
from workload import AUDIT, ENVIRONMENT, Work, ask, make_template  # noqa: E402

ROUNDS = 4


class Skip(Exception):
    """Not possible on this machine."""


class Bench:
    """A server with the template, an engine, a receiver; all under one folder."""

    def __init__(self, build, settings=None):
        self.build = build
        self.folder = tempfile.mkdtemp(prefix="billow-pg.")
        os.chmod(self.folder, 0o755)
        self.servers = [pg.Server(os.path.join(self.folder, "pg"), settings).create()]
        self.server = self.servers[0].start()
        make_template(build, self.folder, self.server, "work")
        self.receiver, self.engines, self.proxy = Receiver(), [], None

    def start(self, conninfo=None, environment=None, faults=""):
        self.engine = Engine(self.build, self.folder, "engine%d" % len(self.engines),
                             conninfo or self.server.conninfo("work"), faults,
                             environment=dict(ENVIRONMENT, BILLOW_LEASE_MS="7000", **(environment or {})))
        self.engines.append(self.engine)
        ask(self.asked, "GET", "/v1/runs?limit=1")
        return self.engine

    def asked(self):
        if self.engine.exit is not None:
            raise Failure("the engine ended with %s\n%s" % (self.engine.exit, self.engine.tail()))
        return self.engine

    def work(self, name):
        return Work(self.asked, self.receiver.part(name), name=name)

    def end(self, session_of, works, goes=None):
        """In order, and with rows that are right for so many goes of the work."""
        self.engine.signal(signal.SIGTERM)
        if self.engine.wait(30) != 0:
            raise Failure("the engine ended with %s\n%s" % (self.engine.exit, self.engine.tail()))
        with session_of.session("work") as session:
            Work.check_rows(session, goes or len(works))
        for work in works:
            work.check_outside(may_repeat=False)

    def close(self):
        for engine in self.engines:
            engine.end()
        self.receiver.close()
        if self.proxy:
            self.proxy.close()
        for server in self.servers:
            server.stop_immediately()
        shutil.rmtree(self.folder, ignore_errors=True)


def under(bench, works, disturb, seconds=60):
    """All works at once while `disturb` runs beside them."""
    problems = []

    def guarded(function):
        try:
            function()
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=guarded, args=(disturb,))]
    for work in works:
        threads.append(threading.Thread(target=guarded, args=(lambda w=work: (w.begin(), w.finish(seconds)),)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    for work in works:
        work.check_results()


def test_restart(build):
    """PostgreSQL is stopped at once, or in order, and started again, under load."""
    bench = Bench(build)
    try:
        bench.start()
        works = [bench.work("w%d" % i) for i in range(ROUNDS)]

        def disturb():
            for i in range(4):
                time.sleep(0.25)
                (bench.server.stop_immediately if i % 2 else bench.server.stop)()
                time.sleep(0.1)
                bench.server.start()

        under(bench, works, disturb)
        bench.end(bench.server, works)
        return "4 restarts under load"
    finally:
        bench.close()


def test_failover(build):
    """The primary dies for good, its synchronous standby is promoted, the engine finds it."""
    bench = Bench(build)
    try:
        standby = bench.server.base_backup(os.path.join(bench.folder, "standby"), "standby")
        bench.servers.append(standby)
        standby.start()
        bench.server.reload(synchronous_standby_names="standby")
        with bench.server.session("postgres") as session:
            if not wait_until(20, lambda: session.query("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'")):
                raise Failure("the standby is not synchronous")
        both = "host=%s,%s dbname=work user=%s" % (bench.server.folder, standby.folder, pg.USER)
        bench.start(both)
        works = [bench.work("w%d" % i) for i in range(ROUNDS)]
        took = []

        def disturb():
            time.sleep(0.4)
            began = time.monotonic()
            os.killpg(bench.server.process.pid, signal.SIGKILL)
            bench.server.process.wait()
            bench.server.process = None
            time.sleep(0.2)
            with standby.session("postgres") as session:
                session.query("ALTER SYSTEM RESET synchronous_standby_names")
                session.query("SELECT pg_reload_conf()")
                session.query("SELECT pg_promote()")
            wait_until(30, lambda: is_answering(bench.engine))
            took.append(time.monotonic() - began)

        under(bench, works, disturb)
        bench.end(standby, works)
        return "a standby took over; the engine answered %.1f s after the primary's death" % took[0]
    finally:
        bench.close()


def test_fallback(build):
    """The primary dies, and its asynchronous standby lacks what was acknowledged last, a payment among it."""
    bench = Bench(build)
    try:
        standby = bench.server.base_backup(os.path.join(bench.folder, "standby"), "standby")
        bench.servers.append(standby)
        standby.start()
        bench.start("host=%s,%s dbname=work user=%s" % (bench.server.folder, standby.folder, pg.USER))
        work = bench.work("w")
        for key in ("paid", "waits"):
            work.start("pay", key, {"key": "w" + key, "url": work.receiver.url})
        wait_until(20, lambda: all(work.run(run)["head"] == 1 for run in work.runs.values()))
        hold_back(bench.server, standby)
        work.send("go", "paid", "go-1", {})
        if not wait_until(20, lambda: work.run(work.runs["paid"])["head"] == 3):
            raise Failure("the payment was not made")
        os.killpg(bench.server.process.pid, signal.SIGKILL)
        bench.server.process.wait()
        bench.server.process = None
        with standby.session("postgres") as session:
            session.query("SELECT pg_promote()")
        paid = lambda: work.run(work.runs["paid"])  # noqa: E731
        if not wait_until(30, lambda: paid()["status"] == "parked"):
            raise Failure("the run that paid goes on: %s\n%s" % (paid(), bench.engine.tail()))
        if paid()["error"]["code"] != "FAILOVER" or "/once (once, key " not in paid()["error"]["text"]:
            raise Failure("it does not say why it stopped: %s" % paid()["error"])
        told = work.ask("GET", "/v1/audit?action=failover.lost&subject=%s" % work.runs["paid"])
        if sorted(row["detail"]["turn"] for row in told) != [2, 3]:
            raise Failure("the audit record tells of %s" % told)
        for name in ("go", "end"):  # the other one lost nothing
            work.send(name, "waits", name + "-2", {})
        work.send("go", "paid", "go-1", {})  # whoever sent it sends it again: it pays nothing twice
        if not wait_until(20, lambda: work.run(work.runs["waits"])["status"] == "done"):
            raise Failure("the run that lost nothing stands still: %s" % work.run(work.runs["waits"]))
        if [len(seen) for seen in work.receiver.seen.values()] != [1, 1] or paid()["status"] != "parked":
            raise Failure("something was paid twice: %s" % work.receiver.seen)
        stats = work.ask("GET", "/v1/stats")
        if stats["failovers"] != 1 or stats["failover_lost_turns"] != 2:
            raise Failure("the engine counts %s" % stats)
        return "a standby without the last two turns took over; the run that had paid stopped for a person"
    finally:
        bench.close()


def hold_back(primary, standby):
    """What the primary commits from now on never reaches the standby."""
    with primary.session("postgres") as session:
        if not wait_until(20, lambda: session.query(
                "SELECT FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()")):
            raise Failure("the standby does not follow")
    with standby.session("postgres") as session:
        session.query("ALTER SYSTEM SET primary_conninfo = ''")
        session.query("SELECT pg_reload_conf()")
        if not wait_until(20, lambda: not session.query("SELECT FROM pg_stat_wal_receiver")):
            raise Failure("the standby still follows")


def is_answering(engine):
    try:
        return engine.call("GET", "/v1/runs?limit=1")[0] == 200
    except Unreachable:
        return False


def test_cut(build):
    """A connection ends after any byte of a conversation, in either direction."""
    bench = Bench(build)
    try:
        bench.proxy = Proxy(os.path.join(bench.folder, "proxy"), bench.server.folder)
        bench.start(bench.server.conninfo("work", bench.proxy.folder))
        count = [0]

        def play():
            """A run that takes a number, through whatever happens."""
            count[0] += 1
            body = {"workflow": "kid", "key": "cut-%d" % count[0], "input": {"n": count[0]}}
            run = ask(bench.asked, "POST", "/v1/runs", body)["id"]
            if not wait_until(20, lambda: ask(bench.asked, "GET", "/v1/runs/%s" % run)["status"] == "done", 0.002):
                raise Failure("the run of cut %d is not done: %s" %
                              (count[0], ask(bench.asked, "GET", "/v1/runs/%s" % run)))

        play()
        ways = [(purpose, way) for purpose in ("commit", "door", "read") for way in ("client", "server")]
        before = dict(bench.proxy.passed)
        play()
        sizes = {what: bench.proxy.passed.get(what, 0) - before.get(what, 0) for what in ways}
        # Every byte of what a commit is answered with; the rest in steps, as far as time allows.
        steps = {("commit", "client"): 1, ("commit", "server"): 13, ("door", "client"): 3, ("door", "server"): 37,
                 ("read", "client"): 61, ("read", "server"): 37}
        for what in ways:
            for at in range(1, sizes[what] + 1, steps[what] * STRIDE):
                bench.proxy.limit(what[0], what[1], at)
                play()
        # And of a new connection: what it is greeted with, and what it prepares.
        for what in (("commit", "server"), ("commit", "client")):
            for at in range(1, 30000 if what[1] == "server" else 1500, 701 if what[1] == "server" else 31):
                bench.proxy.cut()
                bench.proxy.limit(what[0], what[1], at)
                play()
        bench.proxy.wish = None
        bench.engine.signal(signal.SIGTERM)
        if bench.engine.wait(30) != 0:
            raise Failure("the engine ended with %s\n%s" % (bench.engine.exit, bench.engine.tail()))
        with bench.server.session("work") as session:
            wrong = [row for row in session.query(AUDIT) if row[1] != "0"]
            numbers = session.one("SELECT count(*) FROM billow.number_used WHERE series = 'KID'")
            if wrong or numbers != str(count[0]):
                raise Failure("%d runs took %s numbers; %s" % (count[0], numbers, wrong))
        return "%d cuts in %d runs; of a commit's conversation of %d + %d bytes" % (
            bench.proxy.cuts, count[0], sizes["commit", "server"], sizes["commit", "client"])
    finally:
        bench.close()


def test_full(build):
    """The disk is full for a while: writes are refused, or the server goes down; nothing is lost."""
    folder = tempfile.mkdtemp(prefix="billow-disk.")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320m,mode=755", "tmpfs", folder],
                             capture_output=True, check=False).returncode == 0
    if not mounted:
        shutil.rmtree(folder)
        raise Skip("no file system can be mounted here")
    bench = Bench(build)
    try:
        bench.server.stop()
        small = bench.server.copy_to(os.path.join(folder, "pg"), {"max_wal_size": "80MB", "wal_recycle": "off"})
        bench.servers.append(small)
        bench.server = small.start()
        bench.start()
        works = [bench.work("w%d" % i) for i in range(ROUNDS)]
        filler = os.path.join(folder, "filler")

        def disturb():
            for _ in range(2):
                time.sleep(0.3)
                with open(filler, "wb", buffering=0) as file:
                    try:
                        while True:
                            file.write(b"x" * 4096)
                    except OSError:
                        pass
                with small.session("work") as session:  # what is left in the files there are, too
                    try:
                        session.query("CREATE TABLE IF NOT EXISTS public.big (x text)")
                        for _ in range(2000):
                            session.query("INSERT INTO public.big SELECT repeat('x', 1500) FROM generate_series(1, 500)")
                        raise Failure("the disk does not get full")
                    except (pg.SqlError, OSError):
                        pass
                time.sleep(1)
                os.remove(filler)
                if small.process.poll() is not None:  # out of room for its log: its supervisor starts it again
                    small.start()
                with small.session("work") as session:
                    session.query("DROP TABLE IF EXISTS public.big")

        under(bench, works, disturb, 90)
        bench.end(small, works)
        with open(os.path.join(small.folder, "log"), encoding="utf-8", errors="replace") as log:
            if "No space left on device" not in log.read():
                raise Failure("the disk was never full")
        return "a full disk, twice"
    finally:
        bench.close()
        subprocess.run(["umount", "-l", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def backends(server):
    with open("/proc/%d/task/%d/children" % (server.process.pid, server.process.pid), encoding="ascii") as children:
        return [int(pid) for pid in children.read().split()]


def test_slow(build):
    """Every process of the server stands still for a while, again and again; commits are slow."""
    bench = Bench(build, {"commit_delay": "20000", "commit_siblings": "0"})
    try:
        bench.start()
        works = [bench.work("w%d" % i) for i in range(ROUNDS)]

        def disturb():
            for i in range(5):
                time.sleep(0.2)
                stopped = backends(bench.server)
                for number in (signal.SIGSTOP, signal.SIGCONT):
                    for pid in stopped:
                        try:
                            os.kill(pid, number)
                        except ProcessLookupError:
                            pass
                    time.sleep(0.2 + 0.2 * i)

        under(bench, works, disturb)
        bench.end(bench.server, works)
        return "5 standstills of up to 1 s"
    finally:
        bench.close()


def test_clock(build):
    """The wall clock of the engine jumps an hour on and back: timers once, never before their time by that clock."""
    bench = Bench(build)
    try:
        clock = os.path.join(bench.folder, "clock")

        def turn(seconds):
            with open(clock + ".new", "w", encoding="ascii") as file:
                file.write(str(seconds))
            os.rename(clock + ".new", clock)

        turn(0)
        bench.start(environment={"BILLOW_CLOCK_FILE": clock})
        naps = {}

        def nap(key, duration):
            naps[key] = ask(bench.asked, "POST", "/v1/runs",
                            {"workflow": "nap", "key": key, "input": {"duration": duration}})["id"]

        def status(key):
            return ask(bench.asked, "GET", "/v1/runs/%s" % naps[key])

        works = [bench.work("w%d" % i) for i in range(2)]

        def disturb():
            for i in range(8):
                time.sleep(0.1)
                turn((3600, 0, -3600, 0)[i % 4])

        nap("hour", "30m")
        nap("far", "3h")
        turn(0)
        under(bench, works, disturb)
        turn(3600)
        nap("ahead", "100ms")
        turn(0)
        for key in ("hour", "ahead"):
            turn(3600)
            if not wait_until(20, lambda k=key: status(k)["status"] == "done"):
                raise Failure("%s did not wake an hour later: %s" % (key, status(key)))
            turn(0)
        if status("far")["status"] != "open":
            raise Failure("a timer of three hours is over after one")
        for key in ("hour", "ahead"):
            result = status(key)["result"]
            if result["woke"] < result["due"]:
                raise Failure("%s woke before its time: %s" % (key, result))
        ask(bench.asked, "POST", "/v1/runs/%s/cancel" % naps["far"], {"reason": "enough"})
        if not wait_until(10, lambda: status("far")["status"] == "cancelled"):
            raise Failure("it cannot be cancelled")
        if "shard_lost" in bench.engine.tail(1000):
            raise Failure("a clock that jumps cost the engine its lease\n%s" % bench.engine.tail())
        bench.engine.signal(signal.SIGTERM)
        bench.engine.wait(30)
        with bench.server.session("work") as session:
            wrong = [row for row in session.query(AUDIT) if row[1] != "0"]
            twice = session.query("SELECT run_id FROM billow.journal WHERE run_id IN (%s) GROUP BY 1 HAVING count(*) > 2"
                                  % ", ".join("'%s'" % run for run in naps.values()))
            if wrong or twice:
                raise Failure("%s %s" % (wrong, twice))
        return "8 jumps of an hour under load"
    finally:
        bench.close()


TESTS = {"restart": test_restart, "failover": test_failover, "fallback": test_fallback, "cut": test_cut, "full": test_full, "slow": test_slow,
         "clock": test_clock}
# 1: as many cuts as the steps say. More: every STRIDE-th of them.
STRIDE = int(os.environ.get("BW_CUT_STRIDE", "1"))


def main():
    build, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:] or list(TESTS)
    if not pg.programs():
        print("skipped: no PostgreSQL here")
        return 77
    results = []
    for name in wanted:
        began = time.monotonic()
        try:
            text = TESTS[name](build)
            print("ok      %s: %s (%.1f s)" % (name, text, time.monotonic() - began))
            results.append(0)
        except Skip as skip:
            print("skipped %s: %s" % (name, skip))
            results.append(77)
        except Exception as failure:  # a mistake of the test is one too
            print("FAILED  %s: %s" % (name, failure if isinstance(failure, Failure) else repr(failure)))
            results.append(1)
        sys.stdout.flush()
    return 1 if 1 in results else 77 if 0 not in results else 0


if __name__ == "__main__":
    sys.exit(main())
