"""books.py - a model of the entry ledger so simple that it can be trusted: how much of each entry is in which state,
and what it is billed at. It knows nothing of the engine, of SQL, or of how Billow reckons.

Offers:  Books (contracts, entries, invoices, and what each operation does to them), CONTRACTS, UNIT.
"""
from decimal import Decimal

UNIT = 360  # seconds: a tenth of an hour, so that amounts of A and B are whole cents
STATES = ("open", "held", "on_hold", "claimed", "billed", "written_off", "excluded", "moved")
UNDECIDED = ("open", "held", "on_hold", "excluded")

# rate per hour, seconds of a period's ceiling, what becomes of the rest. C's rate does not divide: its cents are
# compared within a bound.
CONTRACTS = {
    "A": (Decimal(120), None, None),
    "B": (Decimal(90), 4 * 3600, "hold"),
    "C": (Decimal("133.33"), 3 * 3600, "A"),
}
TARGETS = {"A": "B", "B": "C", "C": "A"}


class Entry:
    def __init__(self, name, contract, date, sequence, quantity, root=None, origin=None):
        self.name, self.contract, self.date, self.sequence = name, contract, date, sequence
        self.root, self.origin = root or self, origin
        self.quantity = quantity
        self.states = {"open": quantity}
        self.is_given_up = False   # credited as no billable work, once
        self.is_fuzzy = False      # its cents are a share of something that does not divide
        self.note = 0              # which edit of it was accepted
        self.parts = 0

    def has(self, state):
        return self.states.get(state, 0)

    def move(self, source, target, quantity):
        assert 0 <= quantity <= self.has(source), (self.name, source, target, quantity, self.states)
        self.states[source] = self.has(source) - quantity
        self.states[target] = self.has(target) + quantity

    def move_all(self, source, target):
        self.move(source, target, self.has(source))

    def is_decided(self):
        return self.origin is not None or self.is_given_up or any(
            quantity and state not in UNDECIDED for state, quantity in self.states.items())


class Invoice:
    """What is left on it of each entry: seconds, and money."""

    def __init__(self, contract, period):
        self.contract, self.period = contract, period
        self.name = None
        self.left = {}
        self.is_fuzzy = contract == "C"

    def net(self):
        return sum((amount for _, amount in self.left.values()), Decimal(0))

    def seconds(self):
        return sum(seconds for seconds, _ in self.left.values())


class Books:
    def __init__(self):
        self.entries, self.invoices = {}, []
        self.period = {name: 1 for name in CONTRACTS}

    # --- where entries come from

    def receive(self, name, contract, date, quantity):
        self.entries[name] = Entry(name, contract, date, len(self.entries), quantity)

    def edit(self, entry, quantity, note):
        """True when the edit is taken up."""
        if entry.is_decided():
            return False
        entry.move_all("excluded", "open")
        grown = quantity - entry.quantity
        if grown > 0:
            is_all_on_hold = entry.has("on_hold") and not entry.has("open") and not entry.has("held")
            target = "on_hold" if is_all_on_hold else "open"
            entry.states[target] = entry.has(target) + grown
        for state in ("open", "held", "on_hold"):
            gone = min(max(-grown, 0), entry.has(state))
            entry.states[state] = entry.has(state) - gone
            grown += gone
        entry.quantity, entry.note = quantity, note
        return True

    # --- what a person does before billing

    def take(self, entry, target, quantity):
        """Held first, then open."""
        for state in ("held", "open"):
            part = min(quantity, entry.has(state))
            entry.move(state, target, part)
            quantity -= part

    def transfer(self, entry, target, quantity):
        self.take(entry, "moved", quantity)
        self.arrive(entry, target, quantity)

    def arrive(self, entry, target, quantity):
        root = entry.root
        root.parts += 1
        name = "%s#%d" % (root.name, root.parts + 1)
        self.entries[name] = Entry(name, target, entry.date, root.sequence, quantity, root, entry)

    # --- bills and credits

    def due(self, contract, last_day):
        return sorted((e for e in self.entries.values()
                       if e.contract == contract and e.date <= last_day and e.has("open") + e.has("held") > 0),
                      key=lambda e: (e.date, e.sequence, e.name))

    def claim(self, entries):
        for entry in entries:
            entry.move_all("open", "claimed")
            entry.move_all("held", "claimed")

    def release(self, entries):
        for entry in entries:
            entry.move_all("claimed", "open")

    def bill(self, contract, period, claimed, ceiling):
        """The invoice of what is claimed of these entries; None when nothing of it fits."""
        rate, _, overflow = CONTRACTS[contract]
        invoice, room, is_full = Invoice(contract, period), ceiling, False
        wanted = [(entry, entry.has("claimed")) for entry in claimed]
        if ceiling is not None and ceiling <= 0 and wanted:
            return None
        for entry, quantity in wanted:
            billed = 0 if is_full else quantity if room is None else min(quantity, room // 60 * 60)
            is_full = is_full or billed < quantity
            room = None if room is None else room - billed
            if billed:
                entry.move("claimed", "billed", billed)
                entry.is_fuzzy = entry.is_fuzzy or invoice.is_fuzzy
                invoice.left[entry.name] = (billed, rate * billed / 3600)
            rest = quantity - billed
            if rest and overflow == "hold":
                entry.move("claimed", "held", rest)
            elif rest:
                entry.move("claimed", "moved", rest)
                self.arrive(entry, overflow, rest)
        self.invoices.append(invoice)
        return invoice

    def credit(self, invoice, parts, outcome):
        """`parts`: seconds by entry."""
        for name, seconds in parts.items():
            left, amount = invoice.left[name]
            entry = self.entries[name]
            entry.move("billed", outcome, seconds)
            entry.is_given_up = entry.is_given_up or outcome == "excluded"
            invoice.left[name] = (left - seconds, amount - amount * seconds / left)
        invoice.left = {name: rest for name, rest in invoice.left.items() if rest[0]}

    def concede(self, invoice):
        """Money off, no work back: from here on its entries' cents are shares of what is left."""
        invoice.is_fuzzy = True
        for name in invoice.left:
            self.entries[name].is_fuzzy = True

    # --- what has to be in the database

    def states(self):
        return {e.name: {s: q for s, q in e.states.items() if q} for e in self.entries.values()}

    def money(self, name):
        return sum((i.left[name][1] for i in self.invoices if name in i.left), Decimal(0))
