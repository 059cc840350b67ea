"""Transfers worth proposing: what hubs owe their places, and what else moving it would save.

Hubs send what the places they supply need (`hub_supply`). Then three looks, one after the other,
each on what the ones before left:

* stock-out risk: sales missed between the day a transfer could arrive and the day a vendor's order
  could, at the price less the cost of each unit;
* pre-positioning (or a season that was asked for): sales beyond what the usual supply carries, in
  the weeks after that;
* clearance: stock that outlasts its welcome here and would replace a purchase there.
"""

import json
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
import psycopg

from inventory.rebalancing import Move, Refused, Side, rebalance
from inventory.store import proposed_moves, transfer_lanes
from inventory.store.auto_approval import approve_by_rules
from inventory.store.buying import read_batches
from inventory.store.effective_forecasts import read_effective
from inventory.store.transfer_candidates import COMING, read_candidates, read_coming
from inventory.store.transfer_proposals import PLAN_COLUMNS, propose
from inventory.transfer_value import Misses
from inventory.transfers import LINES_MAX, Lane
from pipelines.hub_supply import REASON, Hubs, Line, less
from pipelines.movable import movable_units
from pipelines.policies import Decided
from pipelines.settings import Settings
from pipelines.stock_ages import expired_units
from pipelines.transfer_looks import LOOKS, Look, Season, season_look
from pipelines.transfer_outlooks import Outlook, outlooks, silent

SAVING_MIN = 1.0
"""Money: a line that saves less is not worth a person's look."""

NO_LANES = (
    "no transfer lanes, so no transfers: say which ways there are with "
    "`vouch transfer lane` or PUT /api/v2/transfer-lanes/{origin}/{destination}"
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
    unmet: list[dict[str, object]] = field(default_factory=list)
    """Needs of places that their hubs cannot send, as planning exceptions."""
    problems: list[str] = field(default_factory=list)


def propose_transfers(
    db: psycopg.Connection,
    settings: Settings,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
    season: Season | None = None,
    decided: Decided | None = None,
) -> TransferReport:
    """Find transfers worth proposing and make the proposals say so. Run again, it changes nothing.

    Rules approve what they hold for when all SKUs are planned.

    skus : only these; proposals of others stay as they are.
    season : days whose demand is to be met from stock that lies elsewhere now; in place of the look
        at the weeks ahead.
    decided : policies, by which hubs supply their places; without them, hubs send nothing.
    """
    report = TransferReport()
    lanes = transfer_lanes.read(db)
    refused = proposed_moves.read_refused(db, now=now, skus=skus)
    settled = refused | proposed_moves.read_fixed(db, skus=skus)
    hubs = None if decided is None else Hubs(db, decided, settled, now, skus)
    if not lanes and (hubs is None or not hubs.any):
        report.problems.append(NO_LANES)
    loads = proposed_moves.loads(db, skus=skus)
    room = {
        way: None if lane.capacity_units is None else lane.capacity_units - loads.get(way, 0)
        for lane in lanes
        if (way := (lane.origin, lane.destination))
    }
    supply = None if hubs is None else hubs.supply(lanes, room)
    sent = [] if supply is None else supply.lines
    marks = {lane.lead_time_days for lane in lanes}
    if season is not None:
        marks |= set(season.days_from(now.date()))
    found = _outlooks(db, settings, report, now=now, skus=skus, marks=marks, supply=sent,
                      season=season) if lanes else []  # fmt: skip
    rows = _planned(
        found, lanes, less(room, sent), refused=refused, today=now.date(), season=season
    )
    if hubs is not None and supply is not None:
        # What moves otherwise is no need of a place any more, and no stock of a hub.
        supply = hubs.supply(lanes, room, moved=rows) if rows else supply
        report.unmet = supply.unmet.to_dicts()
        rows = [*supply.lines, *rows]
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
    supply: Sequence[Line],
    season: Season | None,
) -> list[Outlook]:
    """The positions of SKUs that one place can spare and another may want.

    supply : what hubs send: it leaves them, and comes to their places.
    """
    candidates = _with_expired(db, read_candidates(db, now=now, skus=skus), now=now, skus=skus)
    table = _with_leaving(candidates, supply)
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
            f" is worth saving (first: {worthless['sku'][0]}); set it with `vouch import skus`"
            " or PUT /api/v2/skus"
        )
    if table.is_empty():
        return []
    wanted = table["sku"].unique().sort().to_list()
    pairs = table.select("sku", "location").iter_rows()
    movable = pl.Series("atp", movable_units(db, pairs, now=now))
    table = table.with_columns(movable - table["expired"])
    coming = pl.DataFrame(
        [(ln["sku"], ln["destination"], ln["expected_on"], ln["quantity"]) for ln in supply],
        schema=COMING, orient="row",
    )  # fmt: skip
    forecasts = read_effective(db, now=now, skus=wanted)
    return outlooks(
        table,
        pl.concat([read_coming(db, now=now, skus=wanted), coming]),
        [*forecasts, *silent(table, forecasts, today=now.date())],
        today=now.date(),
        seed=settings.seed,
        marks=marks,
        season_days=None if season is None else season.days_from(now.date())[1],
    )


def _with_expired(
    db: psycopg.Connection, table: pl.DataFrame, *, now: datetime, skus: Sequence[str] | None
) -> pl.DataFrame:
    """Candidates with what lies there past its shelf life, which is not sellable."""
    keyed = table.select("sku", "location").with_row_index("row")
    batches = read_batches(db, now=now, skus=skus).join(keyed, on=["sku", "location"])
    expired = expired_units(
        table["shelf_life_days"].fill_null(math.inf).to_numpy(),
        batches["row"].to_numpy().astype(np.intp), table["on_hand"].to_numpy(),
        age_days=batches["age_days"].to_numpy(), received_units=batches["units"].to_numpy(),
    )  # fmt: skip
    past = pl.Series("expired", np.ceil(expired))
    return table.with_columns(past, pl.col("sellable") - past)


def _with_leaving(table: pl.DataFrame, supply: Sequence[Line]) -> pl.DataFrame:
    """Candidates with what their hubs send on as well."""
    sent = pl.DataFrame(
        [(line["sku"], line["origin"], float(line["quantity"])) for line in supply],
        schema={"sku": pl.String, "location": pl.String, "sent": pl.Float64}, orient="row",
    ).group_by("sku", "location").agg(pl.col("sent").sum())  # fmt: skip
    return table.join(sent, on=["sku", "location"], how="left", maintain_order="left").select(
        pl.exclude("sent", "leaving"), pl.col("leaving") + pl.col("sent").fill_null(0.0)
    )


def _planned(
    positions: Sequence[Outlook],
    lanes: Sequence[Lane],
    room: dict[tuple[str, str], int | None],
    *,
    refused: Refused,
    today: date,
    season: Season | None,
) -> list[dict[str, Any]]:
    """Moves of every look, each with its terms; what moves is booked before the next look.

    `room` is what is left on the lanes, and less afterwards.
    """
    at = {(p.sku, p.location): p for p in positions}
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
            room.update(less(room, [row]))
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
        day = row.get("expected_on") or arrival[key[:2]]
        if (earlier := merged.get(key)) is None:
            merged[key] = row | {"expected_on": day}
            continue
        terms = [*earlier["terms"], *row["terms"]]
        if earlier["reason"] == REASON:  # Its terms tell units too.
            terms.append({"term": "moved as well", "quantity": row["quantity"],
                          "source": str(row["reason"]).replace("_", " ")})  # fmt: skip
        merged[key] = earlier | {
            "quantity": earlier["quantity"] + row["quantity"],
            "keep_units": max(earlier["keep_units"], row["keep_units"]),
            "saving": round(earlier["saving"] + row["saving"], 2),
            "terms": terms,
            "expected_on": max(earlier["expected_on"], day),
        }
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
