"""What hubs send to the places they supply: every need, and fair shares where stock is scarce."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import psycopg
from scipy.special import ndtri

from inventory.base_stock import LEVEL
from inventory.demand import Floats
from inventory.fair_shares import Claims, fair_shares
from inventory.order_plan import OrderPlan
from inventory.policy.demand_laws import normal_quantiles
from inventory.policy.window_quantiles import loss_at
from inventory.policy_terms import sources, told
from inventory.rebalancing import Refused
from inventory.store import proposed_moves
from inventory.store.planning_exceptions import FOUND_SCHEMA
from inventory.transfers import Lane
from pipelines.movable import movable_units
from pipelines.needs import Needs, Rows, read_needs
from pipelines.networks import hub_rows
from pipelines.order_plans import margin_of
from pipelines.policies import Decided

REASON = "replenishment"
STOCK, ROOM = "stock of the hub", "room on the way"

Line = dict[str, Any]
Room = Mapping[tuple[str, str], int | None]
"""Units that fit on each way; None: as many as there are. So it is where nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Supply:
    """Lines of transfers, and the needs that they leave open, columns `FOUND_SCHEMA`."""

    lines: list[Line]
    unmet: pl.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """What n places get: the rows of the places, units, and how they came about."""

    rows: Rows
    asked: Floats
    shared: Floats
    """What the hub's stock allows."""
    sent: Floats
    """What the way has room for."""
    free: Floats
    """What the hub could send in all."""
    keeps: Floats
    """What of its stock it keeps for what it sells itself."""


@dataclass(frozen=True, eq=False)
class Hubs:
    """All that decides what hubs send.

    settled : moves that people refused, or whose units they fixed: planning proposes none.
    """

    db: psycopg.Connection
    decided: Decided
    settled: Refused
    now: datetime
    skus: Sequence[str] | None

    @cached_property
    def any(self) -> bool:
        return bool((hub_rows(self.decided.table) >= 0).any())

    @cached_property
    def _kept(self) -> pl.DataFrame:
        return proposed_moves.read(self.db, skus=self.skus, firmed=True)

    @cached_property
    def _movable(self) -> dict[int, int]:
        return {}

    def supply(self, lanes: Collection[Lane], room: Room, *, moved: Sequence[Line] = ()) -> Supply:
        """What hubs send, where `moved` come and go as well.

        Every need that its policy triggered is sent, in packs, as far as the hub has stock that is
        not promised; what it sells itself claims its share too.

        lanes : transfer lanes say what a way costs; those without one cost nothing.
        """
        if not self.any:
            return Supply([], pl.DataFrame(schema=FOUND_SCHEMA))
        moves = _added(self._kept, moved)
        needs, _ = read_needs(self.db, self.decided, moves, now=self.now, skus=self.skus)
        plan = needs.planned(needs.passed_up, needs.may_order & (needs.hub >= 0))
        shares = self._shares(needs, plan, less(room, moved))
        ways = {(lane.origin, lane.destination): lane for lane in lanes}
        lines = self._lines(needs, plan, shares, ways)
        return Supply(lines, _unmet(self.decided.table, needs.hub, shares))

    def _shares(self, needs: Needs, plan: OrderPlan, room: Room) -> Shares:
        table, hub = self.decided.table, needs.hub
        rows = np.flatnonzero(plan.quantity_units > 0)
        sku, at = table["sku"].to_list(), table["location"].to_list()
        may = [(sku[row], at[hub[row]], at[row]) not in self.settled for row in rows.tolist()]
        rows = rows[np.array(may, dtype=bool)]
        hubs, group = np.unique(hub[rows], return_inverse=True)
        free = self._free(needs, hubs)
        asked = plan.quantity_units[rows]
        claims = _claims(needs, rows, asked)
        own, of_hub = _own_claims(self.decided, hubs, places=rows, group=group)
        together = Claims(*(np.concatenate([getattr(claims, n), getattr(own, n)])
                            for n in Claims.__slots__))  # fmt: skip
        dealt = fair_shares(together, np.concatenate([group, of_hub]), free)
        shared, keeps = dealt[: len(rows)], np.zeros(len(hubs))
        keeps[of_hub] = dealt[len(rows) :]
        limits = {way: float(max(units, 0)) for way, units in room.items() if units is not None}
        number = {way: n for n, way in enumerate(limits, start=1)}
        way = [number.get((at[hub[row]], at[row]), 0) for row in rows.tolist()]
        sent = fair_shares(
            _claims(needs, rows, shared), np.array(way, dtype=int),
            np.array([np.inf, *limits.values()]),
        )  # fmt: skip
        return Shares(rows, asked, shared, sent, free[group], keeps[group])

    def _free(self, needs: Needs, hubs: Rows) -> Floats:
        """Whole units that may leave each hub, are not about to, and do not expire before that."""
        table, stock = self.decided.table, needs.positions
        unknown = [row for row in hubs.tolist() if row not in self._movable]
        pairs = table[unknown].select("sku", "location").iter_rows()
        found = movable_units(self.db, pairs, now=self.now)
        self._movable.update(zip(unknown, found, strict=True))
        shape = stock.on_hand_units.shape
        leaving = np.broadcast_to(stock.leaving_units, shape)[hubs]
        outdating = np.broadcast_to(stock.outdating_units, shape)[hubs]
        here = stock.on_hand_units[hubs] - stock.committed_units[hubs]
        movable = np.array([self._movable[row] for row in hubs.tolist()], dtype=float)
        free: Floats = np.maximum(np.floor(np.minimum(here, movable) - leaving - outdating), 0.0)
        return free

    def _lines(
        self,
        needs: Needs,
        plan: OrderPlan,
        shares: Shares,
        ways: Mapping[tuple[str, str], Lane],
    ) -> list[Line]:
        table = self.decided.table
        saved = _sales_saved(needs, shares)
        at, today = table["location"].to_list(), self.now.date()
        chosen = table[shares.rows].iter_rows(named=True)
        found = []
        for n, position in enumerate(chosen):
            units, row = float(shares.sent[n]), int(shares.rows[n])
            if units <= 0:
                continue
            origin = at[needs.hub[row]]
            terms = _unit_terms(plan, shares, n, position, origin)
            lane = ways.get((origin, at[row]))
            money = _money_terms(float(saved[n]), units, lane, origin=origin, destination=at[row])
            found.append({
                "origin": origin, "destination": at[row], "sku": position["sku"],
                "quantity": int(units), "keep_units": int(shares.keeps[n]), "reason": REASON,
                "saving": sum(round(100 * term["money"]) for term in money) / 100,
                "terms": [*terms, *money],
                "expected_on": today + timedelta(days=math.ceil(position["transit_days"])),
            })  # fmt: skip
        return found


def less(room: Room, moved: Sequence[Line]) -> dict[tuple[str, str], int | None]:
    """The room that moves leave."""
    left = dict(room)
    for line in moved:
        way = line["origin"], line["destination"]
        if (units := left.get(way)) is not None:
            left[way] = units - line["quantity"]
    return left


def _added(kept: pl.DataFrame, moved: Sequence[Line]) -> pl.DataFrame:
    """Moves per position with further ones, columns `proposed_moves.SCHEMA`."""
    ends = [(m["sku"], m["destination"], float(m["quantity"]), 0.0) for m in moved]
    ends += [(m["sku"], m["origin"], 0.0, float(m["quantity"])) for m in moved]
    more = pl.DataFrame(ends, schema=proposed_moves.SCHEMA, orient="row")
    together = pl.concat([kept, more]).group_by("sku", "location")
    return together.agg(pl.col("coming", "leaving").sum())


def _claims(needs: Needs, rows: Rows, units: Floats) -> Claims:
    decided = needs.decided
    return Claims(
        units=units,
        position_units=needs.passed_up.position_units[rows],
        pack_units=decided.constraints.pack_units[rows],
        unit_margin=margin_of(decided.table)[rows],
        quantiles_units=decided.windows.quantiles_units[rows],
        demand_per_day_units=decided.demand_per_day_units[rows],
    )


def _own_claims(decided: Decided, hubs: Rows, *, places: Rows, group: Rows) -> tuple[Claims, Rows]:
    """What hubs that sell themselves need until their own supply comes, and which hubs these are.

    A claim on stock that is there: what it has counts as nothing. It is as urgent as that of a
    place: by what would be missed in the days that the places, `places` of the hubs number `group`,
    wait for what they ask for.
    """
    table = decided.table[hubs.tolist()]
    waiting = decided.table[places.tolist()]
    wait = (waiting["lead_time_days"] + waiting["review_period_days"]).to_numpy()
    near = np.zeros(len(hubs))
    np.maximum.at(near, group, wait)
    days = (table["transit_days"] + table["review_period_days"]).to_numpy()
    rate, variance = table["own_rate"].to_numpy(), table["own_variance"].to_numpy()
    factor = np.maximum(ndtri(table["level"].to_numpy()), 0.0)
    pack = decided.constraints.pack_units[hubs]
    units = np.ceil((rate * days + factor * np.sqrt(variance * days)) / pack) * pack
    sells = np.flatnonzero(units > 0)
    claims = Claims(units, np.zeros(len(hubs)), pack, margin_of(table),
                    normal_quantiles(rate * near, variance * near, LEVEL), rate)  # fmt: skip
    return claims.of(sells), sells


def _sales_saved(needs: Needs, shares: Shares) -> Floats:
    """Money of the sales that would be missed without what is sent."""
    claims = _claims(needs, shares.rows, shares.sent)
    missed = loss_at(claims.quantiles_units, LEVEL, claims.position_units)
    after = loss_at(claims.quantiles_units, LEVEL, claims.position_units + shares.sent)
    money: Floats = np.maximum(missed - after, 0.0) * claims.unit_margin
    return money


def _unit_terms(
    plan: OrderPlan, shares: Shares, n: int, position: Mapping[str, Any], origin: str
) -> list[dict[str, object]]:
    """Terms that sum to the units sent: the need, and what stock and room took off it."""
    row = shares.rows[n]
    units = {name: float(each[row]) for name, each in plan.terms.items()}
    units[STOCK] = float(shares.shared[n] - shares.asked[n])
    units[ROOM] = float(shares.sent[n] - shares.shared[n])
    said = sources(
        dict(position)
        | {"service_level": position["level"], "sources": json.loads(position["sources"])}
    )
    said[STOCK] = f"{origin} can send {shares.free[n]:g}, dealt out by the sales that packs save"
    said[ROOM] = f"capacity of the lane {origin} to {position['location']}"
    return told(units, said)


def _money_terms(
    saved: float, units: float, lane: Lane | None, *, origin: str, destination: str
) -> list[dict[str, Any]]:
    """Terms that sum to the saving, in cents."""
    money = {"sales saved": (saved, f"forecast of {destination}")}
    if lane is not None:
        way = f"lane {origin} to {destination}"
        money["freight"] = (-lane.freight_per_unit * units, way)
        money["handling"] = (-lane.handling_per_unit * units, way)
    return [
        {"term": term, "money": round(100 * value) / 100, "source": source}
        for term, (value, source) in money.items()
    ]


def _unmet(table: pl.DataFrame, hub: Rows, shares: Shares) -> pl.DataFrame:
    """A planning exception for each need that its hub cannot send all of."""
    short = np.flatnonzero(shares.sent < shares.asked)
    sku, at = table["sku"].to_list(), table["location"].to_list()
    found = []
    for n in short.tolist():
        row = int(shares.rows[n])
        place, origin = at[row], at[hub[row]]
        why = (
            f"can send {shares.free[n]:g} to all that it supplies"
            if shares.shared[n] < shares.asked[n]
            else "has no more room on the way"
        )
        found.append({
            "kind": "hub_cannot_send", "sku": sku[row], "location": place, "vendor": None,
            "subject": f"hub {origin}",
            "message": f"{place} needs {shares.asked[n]:g} {sku[row]} and gets {shares.sent[n]:g}: "
            f"its hub {origin} {why}",
            "remedy": f"see what {origin} has on order; until that comes, move stock from "
            f"elsewhere with POST /api/v2/transfers",
            "blocks": False,
        })  # fmt: skip
    return pl.DataFrame(found, schema=FOUND_SCHEMA, orient="row")
