"""workload.py - a small piece of work of every kind whose result is known, and what must hold in the end.

Offers:  Work (one go of it through the API: begin, step until done, check), make_template (the database it starts from).
A client that got no answer asks again with the same key, as every client has to.
"""
import json
import os
import time

from engine import Engine, Unreachable
from pg import Failure

ORDERS = 3
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# So that nothing has to be waited for; only builds with fault points read them.
ENVIRONMENT = {"BILLOW_LEASE_MS": "1500", "BILLOW_HTTP_PAUSE_MS": "30"}

TABLES = """
CREATE TABLE billing.chaos (tenant_id uuid NOT NULL DEFAULT billow.current_tenant(), run text NOT NULL,
    number text NOT NULL);
GRANT SELECT, INSERT ON billing.chaos TO billow_script;
INSERT INTO billow.number_series (tenant_id, series, format, reset, next)
    SELECT tenant_id, s, s || '-{SEQ:5}', 'never', 1 FROM billow.tenant, (VALUES ('INV'), ('KID')) v (s);
"""

# Each query gives what is wrong: (what, how many).
AUDIT = """
SELECT 'a run has not as many turns as its head says', count(*) FROM billow.run r WHERE r.head <>
    (SELECT count(*) FROM billow.journal j WHERE (j.tenant_id, j.run_id) = (r.tenant_id, r.run_id))
UNION ALL SELECT 'a turn is missing below another', count(*) FROM
    (SELECT turn, row_number() OVER (PARTITION BY tenant_id, run_id ORDER BY turn) AS n FROM billow.journal) j
    WHERE turn <> n
UNION ALL SELECT 'an open run has no reason to wait', count(*) FROM billow.run WHERE status = 1 AND wake = 0
UNION ALL SELECT 'a finished run still waits for an event', count(*) FROM billow.wait w JOIN billow.run r
    USING (tenant_id, run_id) WHERE r.status > 2
UNION ALL SELECT 'a finished run has an open task', count(*) FROM billow.task t JOIN billow.run r
    USING (tenant_id, run_id) WHERE r.status > 2 AND t.status = 1
UNION ALL SELECT 'a number was taken twice', count(*) FROM (SELECT FROM billow.number_used
    GROUP BY tenant_id, series, sequence HAVING count(*) > 1) d
UNION ALL SELECT 'a series has a gap', count(*) FROM (SELECT FROM billow.number_used
    GROUP BY tenant_id, series HAVING max(sequence) <> count(*) OR min(sequence) <> 1) g
UNION ALL SELECT 'a series does not go on after its last number', count(*) FROM billow.number_series s WHERE s.next <>
    1 + (SELECT count(*) FROM billow.number_used u WHERE (u.tenant_id, u.series) = (s.tenant_id, s.series))
UNION ALL SELECT 'the books are not whole', count(*) FROM billing.ledger_break
"""


def release():
    """The standard library, the policies and the workflows here, as POST /v1/releases takes them."""
    files = {}
    for folder, at in (("stdlib", ROOT), ("policies", ROOT), ("workflows", HERE)):
        for path, _, names in os.walk(os.path.join(at, folder)):
            for name in names:
                full = os.path.relpath(os.path.join(path, name), at)
                if not full.startswith(("stdlib/testing", "stdlib/meta")) and name.endswith((".lua", ".json")):
                    with open(os.path.join(at, full), encoding="utf-8") as file:
                        files[full] = file.read()
    with open(os.path.join(ROOT, "workflows/retention.lua"), encoding="utf-8") as file:
        files["workflows/retention.lua"] = file.read()
    return {"files": files}


def ask(engine, method, path, body=None, seconds=25):
    """Asks until somebody answers; what is refused is a failure. `engine` is called for the one to ask."""
    until = time.monotonic() + seconds
    while True:
        try:
            status, value = engine().call(method, path, body)
            if status < 300:
                return value
            if status != 409 or time.monotonic() > until:
                raise Failure("%s %s: %s %s" % (method, path, status, json.dumps(value)[:500]))
        except Unreachable as error:
            if time.monotonic() > until:
                raise Failure("no answer in %d s: %s" % (seconds, error)) from error
        time.sleep(0.01)


def make_template(build, folder, server, name):
    """A database with a tenant, a release and series: what every go is copied from."""
    with server.session("postgres") as session:
        session.query("CREATE DATABASE %s" % name)
    engine = Engine(build, folder, name, server.conninfo(name), environment=ENVIRONMENT)
    ask(lambda: engine, "POST", "/v1/tenants", {"name": "acme"})
    ask(lambda: engine, "POST", "/v1/releases", release())
    engine.signal(15)
    if engine.wait() != 0:
        raise Failure("the engine did not end well: %s\n%s" % (engine.exit, engine.tail()))
    with server.session(name) as session:
        session.query(TABLES)


class Work:
    """`engine` is called for the engine to ask; `others` for all there are: a resume is taken by the run's own node."""

    def __init__(self, engine, receiver, others=None, name=""):
        self.name = name  # of this go, when there are several in one database
        self.engine = engine
        self.others = others or (lambda: [engine()])
        self.receiver = receiver
        self.runs = {}
        self.finals = {}
        self.is_resumed = False

    def ask(self, method, path, body=None):
        return ask(self.engine, method, path, body)

    def start(self, workflow, key, value):
        body = {"workflow": workflow, "key": self.name + key, "input": value}
        self.runs[key] = self.ask("POST", "/v1/runs", body)["id"]

    def send(self, topic, key, name, body):
        self.ask("POST", "/v1/events", {"topic": topic, "key": self.name + key, "id": self.name + name, "body": body})

    def begin(self):
        url = self.receiver.url
        self.send("go", "o1", "go-1", {"n": 1})  # before anybody waits for it
        self.start("collect", "sum", {"topic": "done", "key": self.name + "all", "count": ORDERS})
        for n in range(1, ORDERS + 1):
            self.start("order", "o%d" % n, {"key": self.name + "o%d" % n, "n": n, "url": url,
                                             "all": self.name + "all"})
        self.start("collect", "ticks", {"topic": "tick", "key": self.name + "all", "count": 2})
        self.start("repair", "repair", {"url": url})
        self.start("idle", "idle", {})
        self.start("idle", "nap", {"timeout": "60ms"})
        for n in range(2, ORDERS + 1):
            self.send("go", "o%d" % n, "go-%d" % n, {"n": n})
        for n in (1, 2):
            self.send("tick", "all", "tick-%d" % n, {"n": n})
        self.ask("POST", "/v1/runs/%s/cancel" % self.runs["idle"], {"reason": "enough"})

    def step(self):
        """Does what people would; true when nothing is left to do."""
        rows = self.ask("GET", "/v1/runs?limit=1000")
        by_id = {row["id"]: row for row in rows}
        for task in self.ask("GET", "/v1/tasks?status=open"):
            if not task["title"].startswith(self.name):
                continue
            answer = {"decision": "yes", "by": "tester", "data": {"of": task["title"]}}
            self.ask("POST", "/v1/tasks/%s/answer" % task["id"], answer)
        repair = by_id.get(self.runs["repair"], {})
        if repair.get("status") == "parked":
            self.receiver.is_broken = False
            self.resume(self.runs["repair"])
        wrong = [r for r in rows if r["status"] == "failed" or (r["status"] == "parked" and r["workflow"] != "repair")]
        if wrong:
            raise Failure("a run is %s: %s" % (wrong[0]["status"], json.dumps(self.run(wrong[0]["id"]))[:1500]))
        return all(by_id.get(run, {}).get("status") in ("done", "cancelled") for run in self.runs.values())

    def resume(self, run):
        self.engine()
        for engine in self.others():
            try:
                status, value = engine.call("POST", "/v1/runs/%s/resume" % run, {})
            except Unreachable:
                continue  # looked at again
            if status >= 300 and status != 409:
                raise Failure("resume: %s %s" % (status, value))

    def run(self, run):
        return self.ask("GET", "/v1/runs/%s" % run)

    def finish(self, seconds=25):
        until = time.monotonic() + seconds
        while not self.step():
            if time.monotonic() > until:
                rows = [(r["workflow"], r["status"], r.get("wake")) for r in self.ask("GET", "/v1/runs?limit=1000")
                        if r["status"] not in ("done", "cancelled")]
                raise Failure("not finished after %d s: %s" % (seconds, rows))
            time.sleep(0.01)

    def check_results(self):
        for key, wanted in self.expected().items():
            row = self.run(self.runs[key])
            status, result = wanted
            if row["status"] != status or (status == "done" and row.get("result") != result):
                raise Failure("%s: %s %s came out, not %s %s" %
                              (key, row["status"], json.dumps(row.get("result")), status, json.dumps(result)))

    def expected(self):
        wanted = {"sum": ("done", {"sum": sum(range(1, ORDERS + 1)), "count": ORDERS}),
                  "ticks": ("done", {"sum": 3, "count": 2}), "repair": ("done", 201), "nap": ("done", True),
                  "idle": ("cancelled", None)}
        for n in range(1, ORDERS + 1):
            wanted["o%d" % n] = ("done", {"n": n, "go": n, "plain": 201, "data": {"of": self.name + "o%d" % n},
                                          "has_number": True, "kid": n * 10, "rows": 1})
        return wanted

    def check_outside(self, may_repeat):
        """`may_repeat`: a process that was paused may have sent what its successor sends, under the same key."""
        with self.receiver.lock:
            seen = {key: list(values) for key, values in self.receiver.seen.items()}
            done = list(self.receiver.done.items())
        paths = sorted(path for _, (path, _) in done)
        wanted = ["/flaky", "/lost", "/once", "/once", "/plain", "/plain", "/plain", "/repair"]
        if paths != wanted:
            raise Failure("carried out elsewhere: %s, not %s" % (paths, wanted))
        for key, arrivals in seen.items():
            if not key or len(set(arrivals)) != 1:
                raise Failure("one key, several requests: %s %s" % (key, arrivals))
            path = arrivals[0][0]
            if path in ("/once", "/lost") and len(arrivals) > 1 and not may_repeat:
                raise Failure("sent %d times, to be sent once: %s %s" % (len(arrivals), path, key))

    @staticmethod
    def check_rows(session, goes=1):
        wrong = ["%s: %s" % (what, count) for what, count in session.query(AUDIT) if count != "0"]
        for sql, wanted in (
                ("SELECT count(*) FROM billow.run", 5 + 2 * ORDERS),
                ("SELECT count(*) FROM billow.number_used WHERE series = 'INV'", ORDERS),
                ("SELECT count(*) FROM billow.number_used WHERE series = 'KID'", ORDERS),
                ("SELECT count(*) FROM billing.chaos", ORDERS),
                ("SELECT count(DISTINCT number) FROM billing.chaos JOIN billow.number_used USING (number)", ORDERS),
                ("SELECT count(*) FROM billow.task", ORDERS),
                ("SELECT count(*) FROM billow.event", 2 * ORDERS + 2)):
            wanted *= goes
            got = session.one(sql)
            if got != str(wanted):
                wrong.append("%s gives %s, not %s" % (sql, got, wanted))
        if wrong:
            raise Failure("; ".join(wrong))
