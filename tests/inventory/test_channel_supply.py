"""Shares by largest remainder, and what is kept of a reserve: the examples, by hand."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.catalog import SupplyLink
from inventory.channel_limits import Position, view_limits
from inventory.channel_supply import ChannelSupply, Use, largest_remainder, quota_units
from inventory.pre_sales import Axis, PreOrders, PreSaleFacts, SoldAhead, claimed_units

TODAY = date(2026, 6, 1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("base", "ratios", "quotas"),
    [
        (100, [0.8], [80]),
        (50, [0.8], [40]),
        (100, [0.4, 0.6], [40, 60]),
        (12, [0.6, 0.4], [7, 5]),
        # 7 x 0.8 is 5.6 for the channel and 1.4 for nobody: the larger remainder gets the unit.
        (7, [0.8], [6]),
        (1, [0.5, 0.5], [1, 0]),
        (0, [0.5, 0.5], [0, 0]),
        (-3, [1.0], [0]),
        (100, [0.29, 0.71], [29, 71]),
        # More than everything is handed out in proportion.
        (90, [0.8, 0.8], [45, 45]),
        (10, [0.0, 1.0], [0, 10]),
    ],
)
def test_quotas(base, ratios, quotas):
    assert quota_units(base, ratios) == quotas


def test_seats_for_five_states():
    """The example of Balinski & Young: 26,000 people, 26 seats; the fourth remainder is largest."""
    populations = [9061, 7179, 5259, 3319, 1182]
    assert largest_remainder(26, [Fraction(p) for p in populations]) == [9, 7, 5, 4, 1]


ratios_of = st.lists(st.integers(0, 100).map(lambda n: n / 100), min_size=1, max_size=6)


@given(base=st.integers(0, 10_000), ratios=ratios_of)
def test_quotas_keep_within_a_unit_of_the_share_and_never_exceed_the_base(base, ratios):
    quotas = quota_units(base, ratios)
    whole = max(1, sum(Fraction(str(ratio)) for ratio in ratios))
    assert sum(quotas) <= base
    for quota, ratio in zip(quotas, ratios, strict=True):
        assert abs(quota - Fraction(str(ratio)) * base / whole) < 1


def position(base, *, free=None, days=3):
    free = base if free is None else free
    return Position(
        "A", "L1", "warehouse", np.full(days, base), np.full(days, free), TODAY, day_zero=0
    )


def supply(*links, uses=(), linked=()):
    found = {("web", None)} if not linked else set(linked)
    return ChannelSupply(list(links), found, {("A", "L1"): list(uses)})


def link(link_id, channel, **more):
    return SupplyLink(link_id, channel, "L1", **more)


def room(limits, day=0):
    return None if limits.room_units is None else int(limits.room_units[day])


def test_the_most_specific_share_holds_and_the_others_do_not_count():
    links = supply(
        link("all", "web", ratio=0.5),
        link("pick-up", "web", ratio=0.2, method="bopis"),
        link("this", "web", ratio=0.1, sku="A", method="ship"),
        link("app", "app", ratio=0.3),
    )
    view = {"channel": "web"}
    assert room(view_limits(links, position(100), method="ship", **view)) == 9
    assert room(view_limits(links, position(100), method="bopis", **view)) == 18
    assert room(view_limits(links, position(100), method="sfs", **view)) == 46
    assert room(view_limits(links, position(100), method=None, **view)) == 46


def test_a_share_completely_overruled_takes_no_part():
    """Without the overruled link: 100 at 40/60."""
    links = supply(
        link("a", "web", ratio=0.9), link("b", "web", ratio=0.4, sku="A"),
        link("c", "app", ratio=0.6),
    )  # fmt: skip
    assert room(view_limits(links, position(100), channel="web", method="ship")) == 40


def test_what_is_promised_for_a_day_uses_the_share_from_that_day_on():
    tomorrow = TODAY + timedelta(days=1)
    links = supply(link("a", "web", ratio=0.5), uses=[Use("web", "ship", 20, tomorrow)])
    limits = view_limits(links, position(100), channel="web", method="ship")
    assert limits.room_units.tolist() == [50, 30, 30]


def test_a_channel_without_a_link_there_gets_nothing_there():
    links = supply(link("a", "app", ratio=0.5), linked={("web", None)})
    limits = view_limits(links, position(100), channel="web", method="ship")
    assert (limits.linked, room(limits)) == (False, 0)


def test_a_link_for_one_method_or_sku_does_not_open_others():
    links = supply(link("a", "web", method="bopis"), link("b", "web", sku="B"))
    assert view_limits(links, position(9), channel="web", method="bopis").linked
    assert not view_limits(links, position(9), channel="web", method="ship").linked


def reserved(limits, day=0):
    return 0 if limits.reserved_units is None else int(limits.reserved_units[day])


def test_a_reserve_is_kept_from_others_as_far_as_it_is_unused():
    campaign = link("c", "promo", reserve=30)
    used = Use("promo", "ship", 10, TODAY)
    links = supply(campaign, uses=[used], linked={("promo", None)})
    assert reserved(view_limits(links, position(100), channel="web", method="ship")) == 20
    assert reserved(view_limits(links, position(100), channel=None, method=None)) == 20
    assert reserved(view_limits(links, position(100), channel="promo", method="ship")) == 0


def test_units_sold_since_the_start_use_a_reserve_also_when_shipped():
    campaign = link("c", "promo", reserve=30, starts_at=NOON)
    uses = [
        Use("promo", "ship", 4, TODAY),  # Before the campaign.
        Use("promo", "ship", 5, TODAY, since=NOON),
        Use("promo", "ship", 6, None, since=NOON),  # Shipped.
    ]
    links = supply(campaign, uses=uses, linked={("promo", None)})
    assert reserved(view_limits(links, position(100), channel="web", method="ship")) == 30 - 11
    standing = supply(link("c", "promo", reserve=30), uses=uses, linked={("promo", None)})
    assert reserved(view_limits(standing, position(100), channel="web", method="ship")) == 30 - 9


@pytest.mark.parametrize("turn", [1, -1])
def test_each_use_counts_where_it_can(turn):
    """A standing reserve and a campaign of 5 each; 5 units from before it and 5 since: all used."""
    links = [link("a", "promo", reserve=5), link("b", "promo", reserve=5, starts_at=NOON)]
    uses = [Use("promo", "ship", 5, TODAY), Use("promo", "ship", 5, TODAY, since=NOON)]
    found = supply(*links, uses=uses[::turn], linked={("promo", None)})
    assert reserved(view_limits(found, position(100), channel="web", method="ship")) == 0


def test_reserves_that_do_not_fit_are_cut_for_their_owners():
    """30 and 30 of 40: 20 each, so that neither keeps the last units from the other."""
    links = supply(
        link("a", "web", reserve=30), link("b", "app", reserve=30),
        linked={("web", None), ("app", None)},
    )  # fmt: skip
    assert reserved(view_limits(links, position(40), channel="web", method="ship")) == 20
    assert reserved(view_limits(links, position(40), channel="other", method="ship")) == 60


def test_a_channel_may_sell_its_reserve_where_that_is_more_than_its_share():
    links = supply(link("a", "web", ratio=0.0, reserve=30))
    assert room(view_limits(links, position(100), channel="web", method="ship")) == 30
    links = supply(link("a", "web", ratio=0.4, reserve=30))
    assert room(view_limits(links, position(100), channel="web", method="ship")) == 40


LAUNCH = TODAY + timedelta(days=2)
AXIS = Axis(TODAY, days=4, day_zero=0, opens=0)


def claimed(sale, *, supply_units, free_units):
    return claimed_units(
        [sale], AXIS, supply_units=np.array(supply_units), free_units=np.array(free_units)
    ).tolist()


def test_what_is_sold_ahead_takes_announced_supply_and_nothing_else():
    sold = [SoldAhead("web", LAUNCH, 20, 20)]
    ended = PreSaleFacts("p", LAUNCH, 50, in_force=False, sold=sold)
    assert claimed(ended, supply_units=[0] * 4, free_units=[10] * 4) == [0, 0, 0, 0]
    assert claimed(ended, supply_units=[0, 0, 50, 50], free_units=[10, 10, 60, 60]) == [
        0, 0, 20, 20,
    ]  # fmt: skip
    # While it runs, the rest of the cap is kept for pre-orders too.
    runs = PreSaleFacts("p", LAUNCH, 50, sold=sold)
    assert claimed(runs, supply_units=[0, 0, 80, 80], free_units=[10, 10, 90, 90])[2] == 50
    # Ordinary promises on that supply come first.
    assert claimed(runs, supply_units=[0, 0, 80, 80], free_units=[10, 10, 15, 15])[2] == 15
    # Late supply is taken as it comes.
    assert claimed(ended, supply_units=[0, 0, 0, 50], free_units=[0, 0, 0, 50]) == [0, 0, 0, 20]


def test_a_pre_order_is_served_by_one_pre_sale():
    first = PreSaleFacts("first", TODAY + timedelta(days=1), 5)
    second = PreSaleFacts("second", LAUNCH, 8, channel_caps={"web": 3})
    ahead = PreOrders([second, first], "web", AXIS)
    assert ahead.units_by_day.tolist() == [0, 5, 5, 5]
    assert ahead.take(2, 3) == "second"
    assert ahead.take(3, 1) == "first"
    assert ahead.units_by_day.tolist() == [0, 4, 4, 4]


def test_a_pre_sale_whose_day_is_over_sells_nothing():
    yesterday = PreSaleFacts("p", TODAY - timedelta(days=1), 5)
    assert not PreOrders([yesterday], "web", AXIS)
    assert PreOrders([PreSaleFacts("p", TODAY, 5)], "web", AXIS)
