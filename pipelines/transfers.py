"""Transfers worth proposing: who runs short, who has too much, and what moving it would save.

Three looks, one after the other, each on what the ones before left:

* stock-out risk: sales missed between the day a transfer could arrive and the day a vendor's order
  could, at the price less the cost of each unit;
* pre-positioning (or a season that was asked for): sales beyond what the usual supply carries, in
  the weeks after that;
* clearance: stock that outlasts its welcome here and would replace a purchase there.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl
import psycopg

from inventory.errors import VouchError
from inventory.rebalancing import Move, Refused, Side, rebalance
from inventory.store import proposed_moves, transfer_lanes
from inventory.store.auto_approval import approve_by_rules
from inventory.store.availability import AvailabilityItem, availability_many
from inventory.store.effective_forecasts import read_effective
from inventory.store.transfer_candidates import read_candidates, read_coming
from inventory.store.transfer_proposals import PLAN_COLUMNS, propose
from inventory.transfer_value import Misses
from inventory.transfers import LINES_MAX, TRANSFER, Lane
from pipelines.settings import Settings
from pipelines.transfer_looks import LOOKS, Look, Season, season_look
from pipelines.transfer_outlooks import Outlook, outlooks

SAVING_MIN = 1.0
"""Money: a line that saves less is not worth a person's look."""

ITEMS_AT_ONCE = 1000

NO_LANES = (
    "no transfer lanes, so no transfers: say which ways there are with "
    "PUT /api/v2/transfer-lanes/{origin}/{destination}"
)


@dataclass(slots=True)
class TransferReport:
    """What a run found and changed."""

    positions: int = 0
    lines: int = 0
    saving: float = 0.0
    transfers_created: int = 0
    transfers_withdrawn: int = 0
    lines_added: int = 0
    lines_changed: int = 0
    lines_removed: int = 0
    approved: list[str] = field(default_factory=list)
    """Transfers that rules approved."""
    by_reason: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def propose_transfers(
    db: psycopg.Connection,
    settings: Settings,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
    season: Season | None = None,
) -> TransferReport:
    """Find transfers worth proposing and make the proposals say so. Run again, it changes nothing.

    Rules approve what they hold for when all SKUs are planned.

    skus : only these; proposals of others stay as they are.
    season : days whose demand is to be met from stock that lies elsewhere now; in place of the look
        at the weeks ahead.
    """
    report = TransferReport()
    lanes = transfer_lanes.read(db)
    if not lanes:
        report.problems.append(NO_LANES)
    marks = {lane.lead_time_days for lane in lanes}
    if season is not None:
        marks |= set(season.days_from(now.date()))
    found = _outlooks(db, settings, report, now=now, skus=skus, marks=marks,
                      season=season) if lanes else []  # fmt: skip
    loads = proposed_moves.loads(db, skus=skus)
    refused = proposed_moves.read_refused(db, now=now, skus=skus)
    rows = _planned(found, _less(lanes, loads), refused=refused, today=now.date(), season=season)
    plan = _frame(rows, lanes, report, today=now.date())
    done = propose(db, plan, now=now, skus=skus)
    if skus is None:
        report.approved = list(approve_by_rules(db, now=now, subject="transfer"))
    report.lines, report.saving = len(plan), round(float(plan["saving"].sum()), 2)
    report.by_reason = dict(plan["reason"].value_counts(sort=True).iter_rows())
    for name in ("transfers_created", "transfers_withdrawn", "lines_added", "lines_changed",
                 "lines_removed"):  # fmt: skip
        setattr(report, name, getattr(done, name))
    return report


def _outlooks(
    db: psycopg.Connection,
    settings: Settings,
    report: TransferReport,
    *,
    now: datetime,
    skus: Sequence[str] | None,
    marks: Collection[int],
    season: Season | None,
) -> list[Outlook]:
    """The positions of SKUs that one place can spare and another may want."""
    table = read_candidates(db, now=now, skus=skus)
    report.positions = len(table)
    free = pl.col("sellable") - pl.col("leaving")
    spares = table.filter(free > pl.col("reorder_point").ceil())["sku"].unique()
    table = table.filter(
        pl.col("sku").is_in(spares.implode()) & (pl.len().over("sku") > 1),
    )
    worthless = table.filter(pl.col("price") <= pl.col("unit_cost"))
    if len(worthless):
        report.problems.append(
            f"{worthless['sku'].n_unique()} SKUs have no price above their cost, so no sale of them"
            f" is worth saving (first: {worthless['sku'][0]}); set it with PUT /api/v2/skus"
        )
    if table.is_empty():
        return []
    wanted = table["sku"].unique().sort().to_list()
    table = table.with_columns(pl.Series("atp", _atp(db, table, now=now)))
    return outlooks(
        table,
        read_coming(db, now=now, skus=wanted),
        read_effective(db, now=now, skus=wanted),
        today=now.date(),
        seed=settings.seed,
        marks=marks,
        season_days=None if season is None else season.days_from(now.date())[1],
    )


def _atp(db: psycopg.Connection, table: pl.DataFrame, *, now: datetime) -> list[int]:
    """What may leave each position today: nothing that is promised there, or withheld."""
    found: list[int] = []
    items = [
        AvailabilityItem(sku, location, channel=TRANSFER, method=TRANSFER)
        for sku, location in table.select("sku", "location").iter_rows()
    ]
    for first in range(0, len(items), ITEMS_AT_ONCE):
        answers = availability_many(db, items[first : first + ITEMS_AT_ONCE], now=now)
        found += [0 if isinstance(answer, VouchError) else answer.atp for answer in answers]
    return found


def _less(lanes: Sequence[Lane], loads: Mapping[tuple[str, str], int]) -> list[Lane]:
    """Lanes with the room that is left on them."""
    found = []
    for lane in lanes:
        room, load = lane.capacity_units, loads.get((lane.origin, lane.destination), 0)
        left = _with_room(lane, None if room is None else room - load)
        found += [] if left is None else [left]
    return found


def _planned(
    positions: Sequence[Outlook],
    lanes: Sequence[Lane],
    *,
    refused: Refused,
    today: date,
    season: Season | None,
) -> list[dict[str, Any]]:
    """Moves of every look, each with its terms; what moves is booked before the next look."""
    at = {(p.sku, p.location): p for p in positions}
    room = {(lane.origin, lane.destination): lane.capacity_units for lane in lanes}
    looks = [LOOKS["stock_out_risk"], LOOKS["pre_position"], LOOKS["clearance"]]
    if season is not None:
        looks[1] = season_look(season, today=today)
    rows: list[dict[str, Any]] = []
    for look in looks:
        open_lanes = [_with_room(lane, room[lane.origin, lane.destination]) for lane in lanes]
        usable = [lane for lane in open_lanes if lane is not None]
        offers, missed, wants = _sides(look, positions, usable, refused)
        moves, _ = rebalance(offers, wants, usable, refused=refused)
        for row in _lines(look, moves, offers=offers, missed=missed, lanes=usable, at=at):
            if row["saving"] < SAVING_MIN:
                continue
            rows.append(row)
            units = row["quantity"]
            at[row["sku"], row["origin"]].leave(units)
            at[row["sku"], row["destination"]].arrive(units)
            key = (row["origin"], row["destination"])
            left = room[key]
            room[key] = None if left is None else left - units
    return rows


def _with_room(lane: Lane, room: int | None) -> Lane | None:
    if room is None:
        return lane
    if room <= 0:
        return None
    return Lane(lane.origin, lane.destination, lane.freight_per_unit, lane.lead_time_days,
                lane.handling_per_unit, room)  # fmt: skip


_Key = tuple[str, str]
"""SKU and location."""


def _sides(
    look: Look, positions: Sequence[Outlook], lanes: Sequence[Lane], refused: Refused
) -> tuple[list[Side], dict[_Key, Misses], list[Side]]:
    """Offers, what is missed elsewhere, by how soon it is needed, and the wants that makes."""
    offers = [side for p in positions if (side := look.offer(p)) is not None]
    offered = {(side.sku, side.location) for side in offers}
    into = defaultdict(list)
    for lane in lanes:
        into[lane.destination].append(lane)
    missed: dict[_Key, Misses] = {}
    wants = []
    for p in positions:
        ways = {
            lane.lead_time_days
            for lane in into[p.location]
            if (p.sku, lane.origin) in offered and (p.sku, lane.origin, p.location) not in refused
        }
        if ways and (found := look.want(p, ways)) is not None:
            missed[p.sku, p.location] = found
            steps = found.steps()
            wants.append(Side(p.sku, p.location, p.family, steps, most_units=found.most_units))
    return offers, missed, wants


def _lines(
    look: Look,
    moves: Sequence[Move],
    *,
    offers: Sequence[Side],
    missed: Mapping[_Key, Misses],
    lanes: Sequence[Lane],
    at: Mapping[_Key, Outlook],
) -> list[dict[str, Any]]:
    """Each move as a line, with money terms in cents that sum to what it saves.

    What several moves gain or cost together is theirs in proportion to their units.
    """
    lane_of = {(lane.origin, lane.destination): lane for lane in lanes}
    given: dict[_Key, int] = defaultdict(int)
    taken: dict[_Key, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for move in moves:
        given[move.sku, move.origin] += move.units
        days = lane_of[move.origin, move.destination].lead_time_days
        taken[move.sku, move.destination][days] += move.units
    gain = {key: missed[key].saved(units) / sum(units.values()) for key, units in taken.items()}
    loss = {(s.sku, s.location): s.worth(given[s.sku, s.location]) for s in offers}
    rows = []
    for move in moves:
        origin, destination = (move.sku, move.origin), (move.sku, move.destination)
        lane = lane_of[move.origin, move.destination]
        money = {
            look.gain: gain[destination] * move.units,
            look.loss: -loss[origin] * move.units / given[origin],
            "freight": -lane.freight_per_unit * move.units,
            "handling": -lane.handling_per_unit * move.units,
        }
        cents = {term: round(100 * value) for term, value in money.items()}
        rows.append({
            "origin": move.origin, "destination": move.destination, "sku": move.sku,
            "quantity": move.units, "keep_units": at[origin].own_need_units,
            "reason": look.reason, "saving": sum(cents.values()) / 100,
            "terms": [{"term": term, "money": n / 100, "source": look.source(term, move)}
                      for term, n in cents.items()],
        })  # fmt: skip
    return rows


def _frame(
    rows: Sequence[dict[str, Any]], lanes: Sequence[Lane], report: TransferReport, *, today: date
) -> pl.DataFrame:
    """Lines as a plan, one per way and SKU; of too many on one way those that save most."""
    arrival = {(lane.origin, lane.destination): lane.arrival(today) for lane in lanes}
    merged: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["origin"], row["destination"], row["sku"])
        if (earlier := merged.get(key)) is None:
            merged[key] = row | {"expected_on": arrival[key[:2]]}
        else:
            earlier["quantity"] += row["quantity"]
            earlier["saving"] = round(earlier["saving"] + row["saving"], 2)
            earlier["terms"] = earlier["terms"] + row["terms"]
    listed = [
        {**row, "explanation": json.dumps({"terms": row["terms"]})} for row in merged.values()
    ]
    schema = dict.fromkeys(PLAN_COLUMNS, pl.String) | {
        "quantity": pl.Int64, "keep_units": pl.Int64, "saving": pl.Float64, "expected_on": pl.Date,
    }  # fmt: skip
    plan = pl.DataFrame(listed, schema=schema) if listed else pl.DataFrame(schema=schema)
    way = ["origin", "destination"]
    kept = plan.sort("saving", descending=True).filter(pl.int_range(pl.len()).over(way) < LINES_MAX)
    if len(kept) < len(plan):
        report.problems.append(
            f"{len(plan) - len(kept)} lines wait for the next run: a transfer has {LINES_MAX}"
        )
    return kept.sort(*way, "sku")
