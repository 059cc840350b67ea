"""Whatever is planned and decided in whatever order: one trigger is one line, firmed lines stay,
what a person refused is held back, and rules leave alone what a person touched.
"""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inventory.auto_approval import AutoApproval
from inventory.errors import StateConflict
from inventory.order_calendar import OrderCalendar
from inventory.store import auto_approval, order_calendars
from inventory.store.order_proposals import PLAN_COLUMNS, propose
from inventory.store.purchase_orders import act, edit
from pipelines.held_orders import hold_back

VENDOR_OF = {"A1": "A", "A2": "A", "B1": "B"}
PLACES = ("S1", "S2")
LINE = st.tuples(st.sampled_from(sorted(VENDOR_OF)), st.sampled_from(PLACES))
PLAN = st.dictionaries(LINE, st.integers(1, 50), max_size=6)
REFUSED_DAYS = 7
UNSENT = ("proposed", "accepted", "approved")
ACTS = ("accept", "approve", "send", "confirm", "reject", "cancel", "receive")


class Drafts(RuleBasedStateMachine):
    """A planner and a buyer against planning runs, over one real database."""

    def __init__(self, db):
        super().__init__()
        self.db = db
        db.execute(
            "truncate purchase_orders, order_calendars, inbound, balances, entries, skus, "
            "vendors, locations, idempotency, feed_messages cascade"
        )
        db.execute(
            "insert into locations (location, name, type) "
            "select p, p, 'store' from unnest(%s::text[]) p",
            [list(PLACES)],
        )
        db.execute("insert into vendors (vendor, name) values ('A', 'A'), ('B', 'B')")
        db.execute(
            "insert into skus (sku, name, vendor, category) values "
            "('A1', '', 'A', 'x'), ('A2', '', 'A', 'y'), ('B1', '', 'B', 'x')"
        )
        self.now = datetime(2026, 3, 2, 6, tzinfo=UTC)
        auto_approval.put(db, AutoApproval("all", value_max=1e9), actor="bea", now=self.now)
        self.plan = {}
        self.firmed = {}
        self.refused = {}
        self.touched = set()

    def stored(self):
        return [
            sorted(self.db.execute(query).fetchall(), key=str)
            for query in (
                "select purchase_order_id, state, version, order_on from purchase_orders",
                "select * from purchase_order_lines",
                "select count(*) from purchase_order_events",
                "select * from order_refusals",
            )
        ]

    def lines(self, where):
        return self.db.execute(
            "select p.purchase_order_id, l.line_no, l.sku, p.location, l.quantity "
            "from purchase_orders p join purchase_order_lines l using (purchase_order_id) "
            f"where {where} order by 1, 2"
        ).fetchall()

    def propose(self):
        rows = [
            (VENDOR_OF[sku], place, sku, units, 1.0, json.dumps({"terms": []}), "run",
             self.now.date() + timedelta(days=5), None)
            for (sku, place), units in sorted(self.plan.items())
        ]  # fmt: skip
        kinds = dict.fromkeys(PLAN_COLUMNS, pl.String) | {
            "quantity": pl.Int64, "unit_cost": pl.Float64, "expected_on": pl.Date,
        }  # fmt: skip
        plan = pl.DataFrame(rows, schema=kinds, orient="row")
        held = hold_back(self.db, plan, plan["quantity"].to_numpy(), now=self.now,
                         days=REFUSED_DAYS)  # fmt: skip
        return propose(self.db, plan.filter(~held.rows), now=self.now)

    def held(self):
        """Keys that a person refused and whose need is no news; others are not refused any more."""
        kept = {
            key: (units, at)
            for key, (units, at) in self.refused.items()
            if self.now < at + timedelta(days=REFUSED_DAYS)
        }
        news = {key for key, (units, _) in kept.items()
                if 4 * self.plan.get(key, 0) >= 5 * units and key in self.plan}  # fmt: skip
        self.refused = {key: told for key, told in kept.items() if key not in news}
        return set(self.refused)

    def refuse(self, lines):
        """(order, line, sku, place, units) that planning proposed, without what was added by hand.

        A line that a person fixed counts as planning wanted it before.
        """
        for order, line, sku, place, units in lines:
            added = self.db.execute(
                "select coalesce(sum((t ->> 'quantity')::int), 0) from purchase_order_lines, "
                "jsonb_array_elements(explanation -> 'terms') t "
                "where purchase_order_id = %s and line_no = %s", [order, line],
            ).fetchone()[0]  # fmt: skip
            self.refused[sku, place] = (units - added, self.now)

    @rule(plan=PLAN)
    def run(self, plan):
        """After a run open lines are the plan's, beside what is firmed in a draft or refused."""
        self.plan = plan
        self.propose()
        firmed = {(sku, place) for _, _, sku, place, _ in self.lines(
            "state = 'proposed' and firmed")}  # fmt: skip
        found = {(sku, place): q for _, _, sku, place, q in self.lines(
            "state = 'proposed' and not firmed")}  # fmt: skip
        held = self.held()
        assert found == {key: units for key, units in plan.items()
                         if key not in firmed and key not in held}  # fmt: skip

    @precondition(lambda self: self.refused)
    @rule(percent=st.sampled_from([100, 110, 125, 140]))
    def run_with_what_was_refused(self, percent):
        self.run({key: max(1, units * percent // 100) for key, (units, _) in self.refused.items()})

    @rule()
    def run_again(self):
        self.propose()
        self.held()
        before = self.stored()
        done = self.propose()
        assert self.stored() == before
        assert not any((done.orders_created, done.orders_withdrawn, done.lines_added,
                        done.lines_changed, done.lines_removed))  # fmt: skip

    @rule(days=st.integers(1, 8))
    def wait(self, days):
        self.now += timedelta(days=days)

    @rule(weekday=st.sampled_from(["monday", "thursday"]), category=st.sampled_from([None, "x"]))
    def set_calendar(self, weekday, category):
        calendar = OrderCalendar(f"c-{category}", "A", (weekday,), category=category)
        order_calendars.put(self.db, calendar)

    @rule(pick=st.integers(0, 5), quantity=st.integers(1, 99))
    def firm(self, pick, quantity):
        lines = self.lines("state = 'proposed'")
        if lines:
            order, _, sku, _, _ = lines[pick % len(lines)]
            edit(self.db, order, actor="pia", role="planner", now=self.now, reason="more",
                 lines=[{"sku": sku, "quantity": quantity}])  # fmt: skip
            self.touched.add(order)
            self.note()

    @rule(pick=st.integers(0, 5))
    def take_out(self, pick):
        lines = self.lines("state = 'proposed' and (select count(*) from purchase_order_lines x "
                           "where x.purchase_order_id = p.purchase_order_id) > 1")  # fmt: skip
        if lines:
            line = lines[pick % len(lines)]
            self.refuse([line])
            edit(self.db, line[0], actor="pia", role="planner", now=self.now, reason="no",
                 lines=[{"sku": line[2], "quantity": 0}])  # fmt: skip
            self.touched.add(line[0])
            self.note()

    @rule()
    def approve_by_rules(self):
        done = auto_approval.approve_by_rules(self.db, now=self.now)
        assert not self.touched & set(done)
        self.note()

    @rule(pick=st.integers(0, 5), name=st.sampled_from(ACTS))
    def decide(self, pick, name):
        orders = self.db.execute("select purchase_order_id from purchase_orders order by 1")
        ids = [order for (order,) in orders]
        if ids:
            order = ids[pick % len(ids)]
            lines = [line for line in self.lines(f"state in {UNSENT}") if line[0] == order]
            try:
                act(self.db, order, name, actor="ann", role="admin", now=self.now)
            except StateConflict:
                return
            if name in ("reject", "cancel"):
                self.refuse(lines)
            self.note()

    def note(self):
        """Lines that planning must not touch from here on."""
        self.firmed = {line[:3]: line[3:] for line in self.lines("firmed or state <> 'proposed'")}

    @invariant()
    def what_was_firmed_stays(self):
        found = {line[:3]: line[3:] for line in self.lines("firmed or state <> 'proposed'")}
        assert {key: found.get(key) for key in self.firmed} == self.firmed

    @invariant()
    def one_line_per_trigger(self):
        open_lines = [(sku, place) for _, _, sku, place, _ in self.lines(
            "state = 'proposed' and not firmed")]  # fmt: skip
        assert len(open_lines) == len(set(open_lines))

    @invariant()
    def no_draft_is_empty_and_each_is_alone(self):
        drafts = self.db.execute(
            "select vendor, location, calendar, (select count(*) from purchase_order_lines l "
            "where l.purchase_order_id = p.purchase_order_id) from purchase_orders p "
            "where state = 'proposed'"
        ).fetchall()
        assert all(count for *_, count in drafts)
        assert len({tuple(draft[:3]) for draft in drafts}) == len(drafts)


def test_planning_again_never_doubles_nor_touches_what_is_firmed(db):
    run_state_machine_as_test(
        lambda: Drafts(db),
        # A failure tells its steps; making them fewer would take minutes of database.
        settings=settings(
            max_examples=30,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
        ),
    )
