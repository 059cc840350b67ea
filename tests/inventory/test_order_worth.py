"""What waiting for an order costs: worked examples, a second method, and what the lists show."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.demand import LEVELS, DemandForecast
from inventory.errors import InputRejected
from inventory.order_worth import PROJECTED_DAYS, SAVED_WITHIN_DAYS, OrderedLines, order_worth
from inventory.store import inbound
from inventory.store import order_worth as store
from inventory.store.forecasts import store_run
from inventory.store.order_proposals import propose
from inventory.store.purchase_orders import edit, get_order, list_orders
from tests.inventory.ordering import DUE, NOW, do, open_centre, plan_of

TODAY = NOW.date()


def line(*, on_hand=0, committed=0, supply=(), demand=1.0, ordered=10, arrives=5, price=2.0,
         next_in=6):  # fmt: skip
    """One line; `supply` as {day: units}, demand even or a list that goes on with its last."""
    coming = np.zeros((1, PROJECTED_DAYS))
    for day, units in dict(supply).items():
        coming[0, day] += units
    each = [demand] if isinstance(demand, int | float) else list(demand)
    each += [each[-1]] * (PROJECTED_DAYS - len(each))
    return OrderedLines(
        on_hand_units=np.array([float(on_hand)]),
        committed_units=np.array([float(committed)]),
        supply_units=coming,
        demand_units=np.array([each], dtype=float),
        ordered_units=np.array([float(ordered)]),
        arrives_in_days=np.array([arrives]),
        next_in_days=np.array([next_in]),
        price=np.array([price]),
    )


@pytest.mark.parametrize(
    ("given", "out", "after", "cover", "saved"),
    [
        # 12 units at 4 a day last 3 days; 2 days are missed, then 40 units last 10 days.
        (line(on_hand=12, demand=4.0, ordered=40, arrives=5), 3.0, 40, 10.0, 80),
        # 10 units at 4 a day: half of the third day is served.
        (line(on_hand=10, demand=4.0, ordered=40, arrives=5), 2.5, 40, 10.0, 80),
        # Nothing to sell now: out at once.
        (line(on_hand=0, demand=2.0, ordered=10, arrives=0), 0.0, 10, 5.0, 20),
        # Commitments take from what may be sold: 3 of 8 are left.
        (line(on_hand=8, committed=5, demand=1.0, ordered=4, arrives=2), 3.0, 5, 5.0, 8),
        # Another delivery on day 2 carries to day 7: 4 + 10 at 2 a day.
        (line(on_hand=4, supply={2: 10}, demand=2.0, ordered=20, arrives=5), 7.0, 24, 12.0, 40),
        # Nobody asks for it: it lasts, and saves nothing.
        (line(on_hand=5, demand=0.0), np.inf, 15, PROJECTED_DAYS - 5, 0),
        # Plenty: 40 lasts past the 28 days that are counted.
        (line(on_hand=40, demand=1.0, ordered=10), 40.0, 45, 45.0, 0),
    ],
    ids=["short", "half", "out", "promised", "coming", "idle", "plenty"],
)
def test_worked_examples(given, out, after, cover, saved):
    found = order_worth(given)
    assert found.stock_out_days[0] == out
    assert found.stock_after_units[0] == after
    assert found.cover_days[0] == pytest.approx(cover)
    assert found.saved_cents[0] == saved * 100


def by_walking(given):
    """Sales with and without the line and the day of the first miss, in exact fractions."""
    demand = [Fraction(float(x)) for x in given.demand_units[0]]
    supply = [Fraction(float(x)) for x in given.supply_units[0]]
    free = Fraction(float(given.on_hand_units[0] - given.committed_units[0]))
    arrives = int(given.arrives_in_days[0])
    until = max(SAVED_WITHIN_DAYS, int(given.next_in_days[0]))

    def walk(extra):
        stock, missed, out = free, [], None
        for day in range(PROJECTED_DAYS):
            stock += supply[day] + (extra if day == arrives else 0)
            sold = max(Fraction(0), min(stock, demand[day]))
            if sold < demand[day] and out is None:
                out = day + sold / demand[day]
            missed.append(demand[day] - sold)
            stock -= sold
        return out, sum(missed[:until])

    out, without = walk(Fraction(0))
    _, with_it = walk(Fraction(float(given.ordered_units[0])))
    return out, without, with_it


QUARTERS = st.integers(0, 40).map(lambda n: n / 4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    on_hand=st.integers(0, 60),
    committed=st.integers(0, 20),
    demand=st.lists(QUARTERS, min_size=1, max_size=20),
    supply=st.dictionaries(st.integers(0, 40), st.integers(1, 30), max_size=4),
    ordered=st.integers(1, 80),
    arrives=st.integers(0, 50),
)
def test_projection_is_what_walking_day_by_day_gives(**drawn):
    given_line = line(**drawn, next_in=drawn["arrives"] + 1)
    found = order_worth(given_line)
    out, without, with_it = by_walking(given_line)
    assert found.stock_out_days[0] == (np.inf if out is None else pytest.approx(float(out)))
    assert found.missed_units[0][0] == without
    assert found.missed_units[1][0] == with_it
    assert sum(units[0] for units in found.stock_terms.values()) == found.stock_after_units[0]
    assert found.missed_cents[0][0] - found.missed_cents[1][0] == found.saved_cents[0]


def forecast(db, means, run_id="run-1"):
    keys = sorted(means)
    mean = np.array([means[key] for key in keys], dtype=float)
    store_run(
        db,
        DemandForecast(
            skus=tuple(keys), locations=("DC",) * len(keys), first_day=TODAY,
            levels=np.array(LEVELS),
            quantiles_units=np.repeat(mean[:, None, None], 28, axis=1).repeat(len(LEVELS), axis=2),
            mean_units=np.repeat(mean[:, None], 28, axis=1),
            dependence=np.zeros((len(keys), 2)), run_id=run_id, model_version="test",
        ),
        now=NOW,
    )  # fmt: skip


@pytest.fixture
def centre(db):
    """10 TEA a day with 20 on hand, 1 CUP a day with 10; NUT has no forecast. Prices 9 and 3."""
    db = open_centre(db)
    db.execute("update skus set price = case sku when 'TEA' then 9 else 3 end")
    db.execute(
        "insert into balances (sku, location, status, units, updated_at) values "
        "('TEA', 'DC', 'available', 20, %s), ('CUP', 'DC', 'available', 10, %s)",
        [NOW, NOW],
    )
    forecast(db, {"TEA": 10, "CUP": 1})
    return db


def of(db, vendor="ACME"):
    return get_order(db, list_orders(db, vendor=vendor)["orders"][0]["id"])


def test_an_order_is_as_urgent_as_its_most_urgent_line(centre):
    propose(centre, plan_of(("ACME", "TEA", 100), ("ACME", "CUP", 40), ("BOLT", "NUT", 5)), now=NOW)
    found = of(centre)
    cup, tea = (line["worth"] for line in found["lines"])
    # 20 TEA last 2 days; from the 9th on, 100 last 10. 10 CUP last 10 days: 3 are left on the 9th.
    assert (tea["urgency"], tea["stock_out_days"], tea["stock_out_on"]) == (
        "critical", 2, "2026-03-04",
    )  # fmt: skip
    assert (cup["urgency"], cup["stock_out_days"], cup["cover_days"]) == ("medium", 10, 43)
    assert (found["urgency"], found["stock_out_on"], found["cover_days"]) == (
        "critical", date(2026, 3, 4), 10,
    )  # fmt: skip
    # In 28 days TEA misses 260 without and 160 with the order; CUP 18 and none.
    assert [term["quantity"] for term in tea["revenue_protected"]["terms"]] == [260, -160]
    assert found["revenue_protected"] == 100 * 9 + 18 * 3
    unknown = of(centre, "BOLT")
    assert (unknown["urgency"], unknown["lines"][0]["worth"]) == (None, None)


def test_every_figure_is_the_sum_of_its_terms(centre):
    forecast(centre, {"TEA": 9.37, "CUP": 0.31}, "run-2")
    propose(centre, plan_of(("ACME", "TEA", 77), ("ACME", "CUP", 13)), now=NOW)
    found = of(centre)
    money = Decimal(0)
    for line_ in found["lines"]:
        worth = line_["worth"]
        stock, saved = worth["stock_after_receipt"], worth["revenue_protected"]
        assert sum(term["quantity"] for term in stock["terms"]) == stock["quantity"]
        cents = sum(Decimal(str(term["money"])) for term in saved["terms"])
        assert cents == Decimal(str(saved["money"]))
        money += cents
    assert Decimal(str(found["revenue_protected"])) == money
    assert found["value"] == sum(line_["value"] for line_ in found["lines"])


def test_other_supply_counts_and_its_own_does_not(centre):
    propose(centre, plan_of(("ACME", "TEA", 100)), now=NOW)
    order = of(centre)["id"]
    do(centre, order, "accept", "approve", "send", "confirm")
    store.assess(centre, now=NOW)
    assert of(centre)["urgency"] == "critical"  # Its own 100 are not what saves it.
    inbound.put(centre, inbound_id="other", sku="TEA", location="DC", quantity=30,
                expected_at=NOW + timedelta(days=1), state="confirmed", now=NOW)  # fmt: skip
    store.assess(centre, now=NOW)
    assert of(centre)["lines"][0]["worth"]["stock_out_days"] == 5
    inbound.put(centre, inbound_id="other", sku="TEA", location="DC", quantity=30,
                expected_at=NOW - timedelta(days=2), state="confirmed", now=NOW)  # fmt: skip
    store.assess(centre, now=NOW)  # Overdue: nobody knows when it comes.
    assert of(centre)["lines"][0]["worth"]["stock_out_days"] == 2


def test_an_edit_is_judged_at_once_and_a_repeat_changes_nothing(centre):
    propose(centre, plan_of(("ACME", "TEA", 100)), now=NOW)
    found = edit(centre, of(centre)["id"], actor="pia", role="planner", now=NOW, reason="half",
                 lines=[{"sku": "TEA", "quantity": 50}])  # fmt: skip
    assert (found["cover_days"], found["revenue_protected"]) == (5, 450)
    assert store.assess(centre, now=NOW) == 0
    later = do(centre, found["id"], "accept", "approve", "send")
    redated = do(centre, found["id"], "redate",
                 lines=[{"sku": "TEA", "expected_at": DUE + timedelta(days=30)}])  # fmt: skip
    assert later["revenue_protected"] == 450
    assert redated["revenue_protected"] == 0 + 9 * 10 * 1  # One day of it falls within the count.


def test_lists_sort_and_filter_by_urgency_and_value(centre):
    centre.execute("insert into locations (location, name, type) values ('S1', 'S1', 'store')")
    propose(centre, plan_of(("ACME", "TEA", 10), ("BOLT", "NUT", 500)), now=NOW)
    do(centre, of(centre)["id"], "accept")
    propose(centre, plan_of(("ACME", "CUP", 40), ("BOLT", "NUT", 500)), now=NOW)

    def listed(**more):
        seen, cursor = [], None
        while True:
            page = list_orders(centre, limit=1, cursor=cursor, **more)
            seen += [order["lines"][0]["sku"] for order in page["orders"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return seen

    assert listed(sort="urgency") == ["TEA", "CUP", "NUT"]
    assert listed(sort="value") == ["NUT", "CUP", "TEA"]
    assert listed(urgency="critical") == ["TEA"]
    assert listed(urgency="low") == []
    do(centre, list_orders(centre, urgency="critical")["orders"][0]["id"], "cancel")
    assert listed(urgency="critical") == []
    for more in ({"sort": "beauty"}, {"urgency": "somewhat"}):
        with pytest.raises(InputRejected):
            list_orders(centre, **more)


def test_lines_do_not_bear_on_each_other():
    many = line(on_hand=12, demand=4.0, ordered=40)
    rows = 20_000
    wide = replace(many, **{
        name: np.repeat(getattr(many, name), rows, axis=0) for name in many.__dataclass_fields__
    })  # fmt: skip
    assert (order_worth(wide).saved_cents == 8000).all()
