#!/usr/bin/env python3
"""ledger.py - random lives of entries through the real workflows on a private PostgreSQL, compared after every step
with a simple model (books.py): seconds and money of each entry and state.

    ledger.py BUILD_DIR [--seeds N] [--steps N] [--pairs N] [--seed N [--ops LIST]] [--planted [NAME]]

Each life imports, bills, credits, bills again, voids, edits before and after billing, holds, releases, transfers,
writes down and off, rejects and cancels. Afterwards `ledger verify` has to find the books whole. --pairs lives do two
things at once each time: then nothing may be billed twice, and when all is billed in the end, nothing may be missing.
BW_SEEDS and BW_SEED say the same as --seeds and --seed. A life that fails is made shorter by leaving steps out, and
told with the line that plays it again.
--planted puts each bug of BUGS, or the named one, into the product, with the database's own rules against it taken
away where there are any, and wants to see it found.
Exit 0: all agree; 1: one does not; 77: not possible here.
"""
import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "chaos"))
import pg  # noqa: E402
from books import CONTRACTS, TARGETS, UNIT, Books, Entry, Invoice  # noqa: E402
from engine import Engine, Unreachable  # noqa: E402
from pg import Failure  # noqa: E402

ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
SET = "2025-01"
STEPS, SHRINK_SECONDS, RUN_SECONDS = 14, 90, 60
CENT = Decimal("0.01")
# What an invoice's life is after it was sent is no subject here.
NO_COLLECTIONS = """local workflow = require("billow.workflow")
return workflow.define({ name = "collections", version = "1.0.0",
  input = { invoice = "id", deliver = "boolean?" }, run = function() return true end })
"""
WEIGHTS = {"import": 3, "bill": 5, "partial": 4, "credit": 3, "void": 2, "rebill": 3, "edit": 4, "again": 1, "hold": 3,
           "release": 3, "transfer": 4, "write_down": 2, "write_off": 1, "concession": 1, "late": 2, "reject": 2,
           "cancel": 2}
# An edit of what a bill has in hand waits for minutes; in pairs that would be all that is tested.
NOT_IN_PAIRS = ("edit", "again", "cancel", "reject", "write_off", "concession")
# name: (file, what stands there, with the bug), and SQL that takes the database's own rules out of the way.
BUGS = {
    "credit-does-not-reopen": (
        ("stdlib/billing/receivables_statements.lua", "select m.entry_id, 'credit', 'billed', m.to_state,",
         "select m.entry_id, 'credit', 'billed', 'excluded',"), ()),
    "transfer-keeps-the-source": (
        ("stdlib/billing/moves_statements.lua",
         "  tx:exec(moves_statements.transfer, { moves, by.run, by.actor, by.reason }, #moves)\n", ""),
        ("drop trigger part_has_left on billing.entry",)),
    "claim-takes-what-is-on-hold": (
        ("stdlib/billing/statements.lua", "where l.entry_id = mine.id and l.state in ('open', 'held')",
         "where l.entry_id = mine.id and l.state in ('open', 'held', 'on_hold')"),
        ("alter table billing.ledger drop constraint on_hold_is_released",
         "alter table billing.ledger drop constraint ledger_check1",)),
    "cancel-keeps-its-claims": (
        ("stdlib/billing/store.lua", 'store.release("the run was cancelled", contract)', ""), ()),
    "edit-of-billed-work-is-taken-up": (
        ("stdlib/billing/statements.lua", "and b.state not in ('open', 'held', 'on_hold', 'excluded'))",
         "and b.state not in ('open', 'held', 'on_hold', 'excluded', 'billed'))"), ()),
    "overflow-moves-nowhere": (
        ("stdlib/billing/init.lua", "  if #parts > 0 then\n", "  if false then\n"), ()),
}


def release(bug=None):
    """The product as POST /v1/releases takes it."""
    files = {}
    for folder in ("stdlib", "policies", "workflows"):
        for path, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                full = os.path.relpath(os.path.join(path, name), ROOT)
                if not full.startswith(("stdlib/testing", "stdlib/meta")) and name.endswith((".lua", ".json")):
                    with open(os.path.join(ROOT, full), encoding="utf-8") as file:
                        files[full] = file.read()
    files["workflows/collections.lua"] = NO_COLLECTIONS
    if bug:
        path, before, after = bug
        if before not in files[path]:
            raise Failure("%s has changed: the bug finds no place" % path)
        files[path] = files[path].replace(before, after)
    return {"files": files}


def month_of(number):
    return "%d-%02d" % (2025 + (number - 1) // 12, (number - 1) % 12 + 1)


class Service:
    """PostgreSQL, an engine, a tenant; workflows as people start and answer them."""

    def __init__(self, build, bug=None):
        edit, rules = BUGS[bug] if bug else (None, ())
        self.folder = tempfile.mkdtemp(prefix="billow-ledger.")
        os.chmod(self.folder, 0o755)
        self.server = pg.Server(os.path.join(self.folder, "pg")).create().start()
        with self.server.session("postgres") as session:
            session.query("CREATE DATABASE work")
        self.engine = Engine(build, self.folder, "engine", self.server.conninfo("work"))
        self.ask("POST", "/v1/tenants", {"name": "acme"})
        self.ask("POST", "/v1/releases", release(edit))
        self.session = pg.Session(self.server.folder, "work")
        for rule in rules:
            self.session.query(rule)
        self.names = 0

    def close(self):
        self.engine.end()
        self.server.stop_immediately()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method, path, body=None, seconds=60):
        until = time.monotonic() + seconds
        while True:
            try:
                status, value = self.engine.call(method, path, body, timeout=30)
                if status < 300:
                    return value
                raise Failure("%s %s: %s %s" % (method, path, status, json.dumps(value)[:500]))
            except Unreachable as error:
                if self.engine.exit is not None or time.monotonic() > until:
                    raise Failure("no answer: %s\n%s" % (error, self.engine.tail())) from error
            time.sleep(0.02)

    def start(self, workflow, value):
        return self.ask("POST", "/v1/runs", {"workflow": workflow, "input": value})["id"]

    def finish(self, runs, answer):
        """Until all of them have ended; `answer(task)` gives a decision, or nothing. Their results."""
        until, results = time.monotonic() + RUN_SECONDS, {}
        while len(results) < len(runs):
            for run in runs:
                row = None if run in results else self.ask("GET", "/v1/runs/" + run)
                if row and row["status"] in ("done", "cancelled"):
                    results[run] = row.get("result") or {}
                elif row and row["status"] in ("parked", "failed"):
                    raise Failure("%s is %s: %s" % (row["workflow"], row["status"], json.dumps(row.get("error"))[:900]))
            if len(results) < len(runs):
                self.answer_all(answer)
                if time.monotonic() > until:
                    raise Failure("a run does not end: %s" % json.dumps(self.ask("GET", "/v1/runs/" + runs[0]))[:900])
                time.sleep(0.003)
        return [results[run] for run in runs]

    def answer_all(self, answer):
        for task in self.ask("GET", "/v1/tasks?status=open&limit=1000"):
            decision = answer(task)
            if decision:
                by = "nina" if task["kind"] == "correction" else "dana"
                try:
                    self.ask("POST", "/v1/tasks/%s/answer" % task["id"], {"decision": decision, "by": by})
                except Failure as error:
                    if ": 409 " not in str(error):  # closed meanwhile
                        raise

    def run(self, workflow, value, answer=None):
        return self.finish([self.start(workflow, value)], answer or yes)[0]

    def import_rows(self, rows):
        run = self.start_import(rows)
        return self.finish([run], yes)[0]

    def start_import(self, rows):
        self.names += 1
        name = "i%d" % self.names
        run = self.start("import", {"id": name, "file": "time.jsonl", "set": SET, "header": ["event"], "chunks": 1,
                                    "records": len(rows)})
        body = {"first": 1, "records": [[json.dumps(row)] for row in rows]}
        self.ask("POST", "/v1/events", {"topic": "import.chunk", "key": name + "/1", "id": name, "body": body})
        return run


def yes(task):
    decisions = (task.get("body") or {}).get("decisions") or ["approve"]
    for wanted in ("approve", "issue", "hold", "credit"):
        if wanted in decisions:
            return wanted
    return decisions[0]


def documents(life):
    number = {"id": "INV", "type_codes": ["380"], "format": "INV-{YYYY}-{SEQ:6}", "reset": "year"}
    notes = {"id": "CRN", "type_codes": ["381"], "format": "CN-{YYYY}-{SEQ:6}", "reset": "year"}
    tax = {"id": "S", "category_code": "S", "rates": [{"valid_from": "2021-01-01", "percent": "19"}]}
    address = {"country_code": "DE"}
    contracts, cards = [], []
    for name, (rate, ceiling, overflow) in CONTRACTS.items():
        terms = {}
        if ceiling:
            terms["ceiling"] = {"hours": str(ceiling // 3600), "scope": "period",
                                "overflow": overflow if overflow == "hold" else "next_contract"}
            if overflow != "hold":
                terms["ceiling"]["overflow_contract_id"] = life + overflow
        contracts.append({"id": life + name, "customer_id": "CU2" if name == "B" else "CU1", "name": name, "model": "tm",
                          "currency": "EUR", "start_date": "2025-01-01", "approval_required": False,
                          "rate_card_id": "RC-" + name, "projects": [{"code": life + name}], "terms": terms})
        cards.append({"id": "RC-" + name, "currency": "EUR", "order": ["default"],
                      "versions": [{"valid_from": "2025-01-01", "rates": [{"selector": "default",
                                                                           "rate": str(rate)}]}]})
    customers = [{"id": name, "name": name, "address": address, "currency": "EUR", "tax_code": "S",
                  "payment_terms": {"type": "net", "days": 30}} for name in ("CU1", "CU2")]
    firm = {"id": "acme", "name": "Firm", "address": address, "vat_id": "DE1", "currency": "EUR", "country_code": "DE",
            "time_zone": "UTC", "holidays": [], "rate_card_id": "RC-A", "number_series": [number, notes],
            "tax_codes": [tax]}
    opening = {"period": "2024-12", "issue_date": "2025-01-02",
               "number_series": {"INV": {"next_sequence": 1}, "CRN": {"next_sequence": 1}}}
    return {"firm": firm, "customers": customers, "contracts": contracts, "rate_cards": cards, "opening": opening}


class Life:
    """One sequence of steps on contracts of its own. Every step draws from numbers of its own, so that others can be
    left out and it still means something."""

    def __init__(self, service, name):
        self.service, self.name, self.books = service, name, Books()
        self.rows, self.count, self.edits = {}, 0, 0
        result = service.run("setup", {"documents": documents(name), "period": "2024-12"})
        if result.get("problems"):
            raise Failure("setup: %s" % result["problems"])

    def contract(self, name):
        return self.name + name

    # --- choosing

    def pick(self, dice, items):
        items = list(items)
        return items[dice.randrange(len(items))] if items else None

    def entries(self, *states):
        return [e for e in self.books.entries.values() if sum(e.has(s) for s in states) > 0]

    def some(self, dice, quantity):
        """All of it, or a part in whole units."""
        units = quantity // UNIT
        if units < 2 or quantity % UNIT or dice.random() < 0.5:
            return quantity
        return dice.randrange(1, units) * UNIT

    def invoice(self, dice):
        return self.pick(dice, (i for i in self.books.invoices if i.left))

    @staticmethod
    def said(entry, quantity):
        return "%s=%d" % (entry.name, quantity)

    # --- steps: each gives what to start (workflow, input, how tasks are answered), and what it does to the model

    def new_row(self, dice, months):
        self.count += 1
        date = "2025-%02d-%02d" % (dice.choice(months), dice.randrange(1, 28))
        contract = dice.choice("AABC")
        quantity = dice.randrange(5, 50) * UNIT
        return {"id": "%s-%d" % (self.name, self.count), "person": "%s-%d" % (self.name, self.count),
                "project_code": self.contract(contract), "work_date": date, "duration_seconds": quantity,
                "notes": "0"}, contract, date, quantity

    def receive(self, dice, months):
        rows = []
        for _ in range(dice.randrange(1, 4)):
            row, contract, date, quantity = self.new_row(dice, months)
            name = "%s/time:%s" % (SET, row["id"])
            self.rows[name] = row
            rows.append(row)
            self.books.receive(name, contract, date, quantity)
        self.service.import_rows(rows)

    def step_import(self, dice):
        self.receive(dice, (1, 2, 3))

    def step_late(self, dice):
        self.receive(dice, (1,))

    def step_again(self, _):
        """The same file again: whatever it says that was refused before is asked again, nothing else happens."""
        if self.rows:
            result = self.service.import_rows(list(self.rows.values()))
            for name, row in self.rows.items():
                if int(row["notes"]) != self.books.entries[name].note:
                    self.books.edit(self.books.entries[name], row["duration_seconds"], int(row["notes"]))
            if result.get("invalid_count"):
                raise Failure("import: %s" % json.dumps(result))

    def step_edit(self, dice):
        entry = self.pick(dice, (e for e in self.books.entries.values() if e.origin is None))
        if not entry:
            return
        self.edits += 1
        decision = dice.choice(("credit", "credit", "leave"))
        row = self.rows[entry.name] = dict(self.rows[entry.name], notes=str(self.edits),
                                           duration_seconds=dice.randrange(5, 50) * UNIT)
        was_decided = entry.is_decided()
        if not self.books.edit(entry, row["duration_seconds"], self.edits):
            if decision == "credit" and any(entry.name in i.left for i in self.books.invoices):
                for invoice in self.books.invoices:
                    if entry.name in invoice.left:
                        self.books.credit(invoice, {entry.name: invoice.left[entry.name][0]}, "open")
                self.books.edit(entry, row["duration_seconds"], self.edits)
        self.service.import_rows([row])
        if was_decided:  # the proposal, and all that follows from the answer
            self.service.finish(self.corrections(), lambda task: decision if task["kind"] == "correction" and
                                "leave" in task["body"]["decisions"] else yes(task))

    def corrections(self):
        rows = self.service.ask("GET", "/v1/runs?workflow=correction&status=open&limit=100")
        return [row["id"] for row in rows]

    def bill_input(self, name):
        return {"contract": self.contract(name), "period": month_of(self.books.period[name])}

    def last_day(self, name):
        return month_of(self.books.period[name]) + "-31"

    def bill(self, name, answer=yes):
        due = self.books.due(name, self.last_day(name))
        result = self.service.run("tm", self.bill_input(name), answer)
        if not due:
            return self.expect(result, "nothing")
        self.books.claim(due)
        if answer is not yes:
            self.books.release(due)
            return self.expect(result, "rejected")
        invoice = self.books.bill(name, self.books.period[name], due, CONTRACTS[name][1])
        self.expect(result, "issued")
        invoice.name = result["invoices"][0]["id"]
        self.books.period[name] += 1
        return None

    @staticmethod
    def expect(result, status):
        if result.get("status") != status:
            raise Failure("%s expected, not %s" % (status, json.dumps(result)[:900]))

    def step_bill(self, dice):
        self.bill(dice.choice("AABC"))

    def step_reject(self, dice):
        self.bill(dice.choice("AABC"), lambda task: "reject" if task["kind"] == "approval" else yes(task))

    def step_cancel(self, dice):
        """A bill that is cancelled while people look at it takes nothing with it."""
        name = dice.choice("AABC")
        due = self.books.due(name, self.last_day(name))
        self.books.claim(due)
        self.books.release(due)
        run = self.service.start("tm", self.bill_input(name))
        is_cancelled = []

        def cancel(_):
            if not is_cancelled:
                is_cancelled.append(self.service.ask("POST", "/v1/runs/%s/cancel" % run, {"reason": "not now"}))

        self.service.finish([run], cancel)

    def step_partial(self, dice):
        """A part of an entry is held back, the rest is billed."""
        entry = self.pick(dice, self.entries("open", "held"))
        if entry:
            self.hold(entry, self.some(dice, entry.has("open") + entry.has("held")))
            self.bill(entry.contract)

    def hold(self, entry, quantity):
        result = self.service.run("hold", {"entries": self.said(entry, quantity), "reason": "order"})
        self.expect(result, "put on hold")
        self.books.take(entry, "on_hold", quantity)

    def step_hold(self, dice):
        entry = self.pick(dice, self.entries("open", "held"))
        if entry:
            self.hold(entry, self.some(dice, entry.has("open") + entry.has("held")))

    def step_release(self, dice):
        entry = self.pick(dice, self.entries("on_hold"))
        if entry:
            quantity = self.some(dice, entry.has("on_hold"))
            result = self.service.run("release", {"entries": self.said(entry, quantity), "reason": "came"})
            self.expect(result, "released")
            entry.move("on_hold", "open", quantity)

    def step_transfer(self, dice):
        entry = self.pick(dice, self.entries("open", "held"))
        if entry:
            target = TARGETS[entry.contract] if dice.random() < 0.7 else TARGETS[TARGETS[entry.contract]]
            quantity = self.some(dice, entry.has("open") + entry.has("held"))
            result = self.service.run("transfer", {"entries": self.said(entry, quantity), "reason": "wrong matter",
                                                   "to": self.contract(target)})
            self.expect(result, "transferred")
            self.books.transfer(entry, target, quantity)

    def step_write_down(self, dice):
        entry = self.pick(dice, self.entries("open", "held"))
        if entry:
            quantity = self.some(dice, entry.has("open") + entry.has("held"))
            result = self.service.run("write-down", {"entries": self.said(entry, quantity), "amount": "1.00",
                                                     "reason_code": "training"})
            self.expect(result, "written down")
            self.books.take(entry, "written_off", quantity)

    def step_write_off(self, dice):
        """Money that is given up is no work that comes back."""
        invoice = self.invoice(dice)
        if invoice:
            result = self.service.run("write-off", {"invoice": invoice.name, "amount": "0.01",
                                                    "reason_code": "rounding"})
            if result.get("status") != "refused":
                self.expect(result, "written off")

    def step_concession(self, dice):
        invoice = self.invoice(dice)
        if invoice and not invoice.is_fuzzy:
            result = self.service.run("credit", {"invoice": invoice.name, "request": {"amount": "1.00"},
                                                 "reason": "goodwill"})
            self.expect(result, "issued")
            self.books.concede(invoice)

    def parts(self, dice, invoice, is_all):
        names = sorted(invoice.left)
        if is_all:
            return {name: invoice.left[name][0] for name in names}
        chosen = dice.sample(names, dice.randrange(1, len(names) + 1))
        return {name: self.some(dice, invoice.left[name][0]) for name in chosen}

    def credit_input(self, invoice, parts, is_all, more):
        request = {"all": True} if is_all else {"entries": [{"entry_id": name, "quantity": str(seconds)}
                                                            for name, seconds in parts.items()]}
        request.update({k: v for k, v in more.items() if k == "outcome"})
        value = {"invoice": invoice.name, "request": request, "reason": "rate"}
        value.update({k: v for k, v in more.items() if k != "outcome"})
        return value

    def credit(self, dice, is_all=False, **more):
        invoice = self.invoice(dice)
        if not invoice:
            return
        parts = self.parts(dice, invoice, is_all)
        result = self.service.run("credit", self.credit_input(invoice, parts, is_all, more))
        self.expect(result, "issued")
        self.books.credit(invoice, parts, more.get("outcome", "open"))
        if more.get("rebill"):
            self.rebilled(invoice, parts, result)

    def rebilled(self, invoice, parts, result):
        """What was credited is billed again at once, within what the rest leaves of the ceiling."""
        books = self.books
        for name, seconds in parts.items():
            books.entries[name].move("open", "claimed", seconds)
        claimed = sorted((books.entries[name] for name in parts), key=lambda e: (e.date, e.sequence, e.name))
        ceiling = CONTRACTS[invoice.contract][1]
        made = books.bill(invoice.contract, invoice.period, claimed,
                          None if ceiling is None else ceiling - invoice.seconds())
        if made:
            made.name = result["rebilled"][0]["id"]
        else:
            books.release(claimed)
            if not result.get("not_rebilled"):
                raise Failure("nothing fits, and it is billed again: %s" % json.dumps(result)[:500])

    def step_credit(self, dice):
        outcome = dice.choice(("open", "open", "written_off", "excluded"))
        self.credit(dice, **({"outcome": outcome} if outcome != "open" else {}))

    def step_void(self, dice):
        self.credit(dice, is_all=True)

    def step_rebill(self, dice):
        self.credit(dice, is_all=dice.random() < 0.4, rebill=True)

    def play(self, step):
        name, seed = step
        getattr(self, "step_" + name)(random.Random(seed))

    # --- comparing

    def found(self):
        like = "%s/time:%s-%%" % (SET, self.name)
        states, money = {}, {}
        for name, state, quantity in self.service.session.query(
                "select e.id, b.state, b.quantity from billing.entry e join billing.ledger_balance b"
                " on b.tenant_id = e.tenant_id and b.entry_id = e.id where e.id like '%s' and b.quantity <> 0" % like):
            states.setdefault(name, {})[state] = int(Decimal(quantity))
        for name, amount in self.service.session.query(
                "select l.entry_id, sum(case l.kind when 'credit' then -l.amount else l.amount end) from billing.ledger l"
                " where l.entry_id like '%s' and l.kind in ('bill', 'credit') group by 1" % like):
            money[name] = Decimal(amount)
        return states, money

    def compare(self):
        states, money = self.found()
        wanted = {name: states for name, states in self.books.states().items() if states}
        for name in sorted(set(states) | set(wanted)):
            if states.get(name) != wanted.get(name):
                raise Failure("%s is %s, by the model %s" % (name, states.get(name), wanted.get(name)))
        for name, entry in self.books.entries.items():
            found, model = money.get(name, Decimal(0)), self.books.money(name)
            bound = 10 * CENT + (1 if entry.is_fuzzy else 0) if entry.is_fuzzy else Decimal(0)
            if abs(found - model) > bound or found < 0:
                raise Failure("%s is billed at %s, by the model at %s" % (name, found, model))

    def verify(self):
        answer = self.service.ask("GET", "/v1/ledger/verify")
        if not answer["is_whole"]:
            raise Failure("the books are not whole: %s" % json.dumps(answer["found"][:3]))

    # --- two at once

    def load(self):
        """The model as the database has it: when two things happen at once, it cannot know which came first."""
        states, _ = self.found()
        like = "%s/time:%s-%%" % (SET, self.name)
        self.books.entries, self.books.invoices = {}, []
        for name, contract, date, sequence, quantity, origin in self.service.session.query(
                "select id, coalesce(contract_id, project_code), entry_date, sequence, quantity, origin_id"
                " from billing.entry where id like '%s' order by id" % like):
            entry = Entry(name, contract[-1], date, int(sequence), int(Decimal(quantity)), None, origin)
            entry.states = states.get(name, {})
            self.books.entries[name] = entry
        invoices = {}
        for invoice, name, quantity in self.service.session.query(
                "select coalesce(i.credits_invoice_id, i.id), l.entry_id,"
                " sum(case l.kind when 'credit' then -l.quantity else l.quantity end)"
                " from billing.ledger l join billing.invoice i on i.tenant_id = l.tenant_id and i.id = l.invoice_id"
                " where l.entry_id like '%s' group by 1, 2 order by 1, 2" % like):
            if int(Decimal(quantity)) > 0:
                made = invoices.setdefault(invoice, Invoice(invoice.split("/")[0][-1], None))
                made.name, made.left[name] = invoice, (int(Decimal(quantity)), Decimal(0))
        self.books.invoices = list(invoices.values())
        for name in CONTRACTS:
            closed = self.service.session.one("select coalesce(max(period), '2024-12') from billing.closing"
                                              " where contract_id = '%s'" % self.contract(name))
            self.books.period[name] = (int(closed[:4]) - 2025) * 12 + int(closed[5:]) + 1

    def request(self, name, dice):
        """What a step would start, with nothing done to the model; None when there is nothing to do."""
        if name in ("import", "late"):
            row = self.new_row(dice, (1, 2))[0]
            return "import", row
        if name in ("bill", "partial"):
            return "tm", self.bill_input(dice.choice("AABC"))
        if name in ("hold", "transfer", "write_down"):
            entry = self.pick(dice, self.entries("open", "held"))
            quantity = entry and self.some(dice, entry.has("open") + entry.has("held"))
            if not entry:
                return None
            value = {"entries": self.said(entry, quantity)}
            if name == "write_down":
                return "write-down", dict(value, amount="1.00", reason_code="training")
            if name == "transfer":
                return name, dict(value, reason="matter", to=self.contract(TARGETS[entry.contract]))
            return name, dict(value, reason="order")
        if name == "release":
            entry = self.pick(dice, self.entries("on_hold"))
            return entry and ("release", {"entries": self.said(entry, entry.has("on_hold")), "reason": "came"})
        invoice = self.invoice(dice)
        if not invoice:
            return None
        is_all = name == "void" or dice.random() < 0.3
        more = {"rebill": True} if name == "rebill" else {}
        return "credit", self.credit_input(invoice, self.parts(dice, invoice, is_all), is_all, more)

    def play_pair(self, steps):
        self.load()
        asked = [self.request(name, random.Random(seed)) for name, seed in steps]
        runs = [self.service.start_import([value]) if workflow == "import" else self.service.start(workflow, value)
                for workflow, value in filter(None, asked)]
        self.finish_pair(runs)
        claimed = self.service.session.one(
            "select count(*) from billing.ledger_balance where state = 'claimed' and quantity > 0")
        if claimed != "0":
            raise Failure("%s entries are claimed by nobody" % claimed)
        self.verify()

    def finish_pair(self, runs):
        """A bill whose period the other one has closed is parked, by name: it is given up, and takes nothing along."""
        while True:
            try:
                return self.service.finish(runs, yes)
            except Failure as error:
                if "is closed for" not in str(error) and "closing_pkey" not in str(error):
                    raise
            for row in self.service.ask("GET", "/v1/runs?status=parked&limit=10"):
                self.service.ask("POST", "/v1/runs/%s/cancel" % row["id"], {"reason": "closed"})

    def drain(self):
        """Everything is released and billed: what is left has its reason, and all of it is there."""
        self.load()
        for entry in self.entries("on_hold"):
            self.service.run("release", {"entries": self.said(entry, entry.has("on_hold")), "reason": "came"})
        for _ in range(20):
            self.load()
            names = [n for n in "CBA" if any(e.contract == n for e in self.entries("open", "held"))]
            if not names:
                break
            self.books.period[names[0]] = max(self.books.period[names[0]], 3)
            self.service.run("tm", self.bill_input(names[0]))
        left = self.entries("open", "held", "on_hold", "claimed")
        if left:
            raise Failure("never billed: %s %s" % (left[0].name, left[0].states))
        worked = sum(e.quantity for e in self.books.entries.values() if not e.origin)
        ended = sum(e.has(s) for e in self.books.entries.values() for s in ("billed", "written_off", "excluded"))
        billed = sum(i.seconds() for i in self.books.invoices)
        if worked != ended or billed != sum(e.has("billed") for e in self.books.entries.values()):
            raise Failure("%d s were worked, %d ended somewhere, invoices bill %d" % (worked, ended, billed))


def steps_of(seed, count, is_pairs):
    dice = random.Random(seed)
    names = [name for name in WEIGHTS if not (is_pairs and name in NOT_IN_PAIRS)]
    weights = [WEIGHTS[name] for name in names]
    steps = [("import", dice.randrange(1 << 30)), ("import", dice.randrange(1 << 30))]
    return steps + [(name, dice.randrange(1 << 30)) for name in dice.choices(names, weights, k=count)]


class Player:
    def __init__(self, service):
        self.service, self.lives, self.counts = service, 0, {}

    def live(self, steps, is_pairs):
        """None, or (which step, why)."""
        self.lives += 1
        at = 0
        try:
            life = Life(self.service, "L%d" % self.lives)
            if is_pairs:
                for at in range(0, 2, 1):
                    life.play(steps[at])
                for at in range(2, len(steps) - 1, 2):
                    life.play_pair(steps[at:at + 2])
                life.drain()
            else:
                for at, step in enumerate(steps):
                    life.play(step)
                    life.compare()
            life.verify()
        except Failure as error:
            return at, str(error)
        for name, _ in steps:
            self.counts[name] = self.counts.get(name, 0) + 1
        return None

    def shrink(self, steps, failure):
        """Leaves out what is not needed to fail. A failure that breaks the books for all stays as it is."""
        until = time.monotonic() + SHRINK_SECONDS
        if "not whole" in failure[1] or "claimed by nobody" in failure[1]:
            return steps[:failure[0] + 1], failure
        steps, at = steps[:failure[0] + 1], failure[0] - 1
        while at >= 0 and time.monotonic() < until:
            shorter = steps[:at] + steps[at + 1:]
            found = self.live(shorter, False)
            if found:
                steps, failure = shorter, found
            at -= 1
        return steps, failure


def tell(build, seed, steps, failure, is_pairs):
    ops = ",".join("%s:%d" % step for step in steps)
    print("FAILED  seed %d: %s" % (seed, failure[1]))
    print("        after: %s" % " ".join(name for name, _ in steps))
    print("        BW_SEED=%d python3 tests/property/ledger.py %s%s" % (seed, build, " --pairs 1" if is_pairs else ""))
    if not is_pairs:
        print("        python3 tests/property/ledger.py %s --seed %d --ops %s" % (build, seed, ops))


def planted(build, names, seeds, count):
    missed = 0
    for name in names:
        service = Service(build, name)
        try:
            player = Player(service)
            for seed in seeds:
                failure = player.live(steps_of(seed, count, False), False)
                if failure:
                    break
            missed += failure is None
            print("MISSED  %s" % name if failure is None else "found   %s: seed %d: %s" % (name, seed, failure[1][:150]))
        finally:
            service.close()
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("BW_SEEDS", "24")))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--pairs", type=int, default=None)
    parser.add_argument("--seed", type=int, default=int(os.environ["BW_SEED"]) if "BW_SEED" in os.environ else None)
    parser.add_argument("--ops")
    parser.add_argument("--planted", nargs="*", metavar="NAME")
    options = parser.parse_args()
    if not pg.programs():
        print("skipped: PostgreSQL's server programs are not installed")
        return 77
    if options.planted is not None:
        return planted(os.path.abspath(options.build), options.planted or BUGS, range(1, 41), options.steps)
    pairs = options.pairs if options.pairs is not None else 0 if options.seed is not None else options.seeds // 4
    seeds = [options.seed] if options.seed is not None else range(1, options.seeds + 1)
    is_alone = options.seed is not None and pairs
    service = Service(os.path.abspath(options.build))
    try:
        player, failed = Player(service), False
        for is_pairs, list_of in ((False, [] if is_alone else seeds),
                                  (True, seeds if is_alone else range(1, pairs + 1))):
            for seed in list_of:
                steps = steps_of(seed, options.steps, is_pairs)
                if options.ops:
                    steps = [(op.split(":")[0], int(op.split(":")[1])) for op in options.ops.split(",")]
                failure = player.live(steps, is_pairs)
                if failure:
                    if not is_pairs and not options.ops:
                        steps, failure = player.shrink(steps, failure)
                    tell(options.build, seed, steps, failure, is_pairs)
                    failed = True
                    break  # the books of the others are in the same database
            if failed:
                break
        if not failed:
            print("%d lives agree with the model, %d with two things at once: %s" % (
                player.lives - pairs, pairs, ", ".join("%s %d" % item for item in sorted(player.counts.items()))))
        return 1 if failed else 0
    finally:
        service.close()


if __name__ == "__main__":
    sys.exit(main())
