"""`vouch order`: from a plain history and the stock of today to what to order now, no database.

The forecast gives sample paths of demand until the next order's arrival and some reviews beyond,
and `inventory.next_order` says how much each series should be topped up by.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from features.frame import LOCATION, SERIES, SKU
from inventory.demand import DemandForecast
from inventory.errors import InputRejected
from inventory.next_order import NextOrder, UnitCosts, next_order
from inventory.policy.newsvendor import critical_ratio
from inventory.simulate import StockState
from models.members import Preset
from pipelines.order_forecast import order_forecast
from pipelines.out_file import check_writable, write_whole
from pipelines.panel_file import key_types, read_panel, read_table, typed_like
from pipelines.predict import forecast_panel

ON_HAND = "on_hand"
ON_ORDER = "on_order_"
TERMS = ("target", "stock_at_arrival", "whole_units", "not_below_zero")


@dataclass(frozen=True, slots=True)
class OrderFileReport:
    """What a run decided, for the screen."""

    series: int
    ordered_series: int
    ordered_units: int
    critical_ratio: float
    rejected_rows: int
    notes: list[str]
    out: Path


def order_file(
    history_path: Path,
    state_path: Path,
    *,
    lead_time_periods: int,
    holding: float,
    shortage: float,
    out_path: Path,
    review_periods: int = 1,
    lost_sales: bool = False,
    seed: int = 7,
    threads: int = 1,
    preset: Preset = "fast",
    progress: Callable[[str], None] = lambda _: None,
) -> OrderFileReport:
    """Decide on orders for every row of the state file and write them.

    Parameters
    ----------
    history_path : sku, location, date, units and what else `pipelines.panel_file` reads.
    state_path : sku, location, on_hand, on_order_1, on_order_2, … (arriving in 1, 2, … periods).
    lead_time_periods : L ≥ 0. An order placed now arrives at the start of period L + 1 from now.
    review_periods : R ≥ 1, periods between orders.
    holding, shortage : money per unit left at a period's end, and per unit of demand not met.
    lost_sales : demand that is not met is lost; otherwise it waits.
    out_path : parquet with sku, location, quantity, target, mean, explanation (JSON), one row per
        row of the state. A row without history orders nothing, and says so.

    Raises `InputRejected` for a file or figure that cannot be used.
    """
    _check(lead_time_periods, review_periods, holding, shortage)
    check_writable(out_path)
    stock = read_table(state_path)
    state = checked_state(stock, name=state_path.name)
    panel, read = read_panel(history_path)
    progress(f"read {len(panel.series)} series up to {panel.origin}")
    times = {"lead_time_periods": lead_time_periods, "review_periods": review_periods}
    forecast = forecast_panel(
        panel, horizon=sum(times.values()), preset=preset, seed=seed, threads=threads,
        progress=progress,
    )  # fmt: skip
    forecast = order_forecast(forecast, panel, **times)
    costs = UnitCosts(holding, shortage)
    rows = decided_rows(forecast, state, costs, lost_sales=lost_sales, seed=seed, **times)
    write_whole(typed_like(rows, key_types(stock)), out_path)
    return OrderFileReport(
        series=len(rows),
        ordered_series=int((rows["quantity"] > 0).sum()),
        ordered_units=int(rows["quantity"].sum()),
        critical_ratio=float(critical_ratio(shortage_cost=shortage, holding_cost=holding)),
        rejected_rows=len(read.rejected),
        notes=[*read.notes, *_without_history(state, panel.series, name=state_path.name)],
        out=out_path,
    )


def _without_history(state: pl.DataFrame, series: pl.DataFrame, *, name: str) -> list[str]:
    unknown = len(state.join(series, on=SERIES, how="anti"))
    return [f"{unknown} rows of {name} have no history: nothing ordered"] if unknown else []


def decided_rows(
    forecast: DemandForecast,
    state: pl.DataFrame,
    costs: UnitCosts,
    *,
    lead_time_periods: int,
    review_periods: int,
    lost_sales: bool,
    seed: int,
) -> pl.DataFrame:
    """Rows of OUT, in the order of the state."""
    series = pl.DataFrame({
        SKU: forecast.skus, LOCATION: forecast.locations, "series": np.arange(len(forecast.skus)),
    })  # fmt: skip
    known = state.join(series, on=SERIES, maintain_order="left")
    chosen = forecast.select(known["series"].to_numpy())
    order = next_order(
        chosen, state_of(known), costs, lead_time_periods=lead_time_periods,
        review_periods=review_periods, lost_sales=lost_sales, seed=seed,
    )  # fmt: skip
    periods = lead_time_periods + review_periods
    texts = [_explanation(order, row, costs, periods=periods) for row in range(len(known))]
    decided = known.select(SERIES).with_columns(
        pl.Series("quantity", order.quantity_units).cast(pl.Int64),
        pl.Series("target", order.target_units),
        pl.Series("mean", order.mean_units),
        pl.Series("explanation", texts, dtype=pl.String),
    )
    nothing = json.dumps({"terms": [], "note": "no history of this series: nothing is ordered"})
    return (
        state.select(SERIES)
        .join(decided, on=SERIES, how="left", maintain_order="left")
        .with_columns(
            pl.col("quantity").fill_null(0),
            pl.col("target").fill_null(0.0),
            pl.col("mean").fill_null(0.0),
            pl.col("explanation").fill_null(nothing),
        )
    )


def checked_state(table: pl.DataFrame, *, name: str) -> pl.DataFrame:
    """The state file, checked: sku, location, on_hand, and on_order_1 … on_order_K without gaps."""
    for column in (SKU, LOCATION, ON_HAND):
        if column not in table.columns:
            raise InputRejected(
                f"{name} has no column '{column}'; it has {', '.join(table.columns)}",
                field=column,
            )
    if table.is_empty():
        raise InputRejected(f"{name} has no rows; give the stock of each sku and location")
    arriving = _arriving(table)
    state = table.select(
        pl.col(SKU).cast(pl.String),
        pl.col(LOCATION).cast(pl.String),
        pl.col(ON_HAND, *arriving).cast(pl.Float64, strict=False),
    ).with_columns(pl.col(arriving).fill_null(0.0))
    for column in (ON_HAND, *arriving):
        least = 0.0 if column != ON_HAND else -np.inf
        sound = pl.col(column).is_finite() & (pl.col(column) >= least)
        wrong = state.with_row_index("row", offset=1).filter(~sound.fill_null(value=False))
        if len(wrong):
            raise InputRejected(
                f"must be a number{', not negative' if least == 0 else ''}",
                field=column,
                row=int(wrong["row"][0]),
            )
    twice = state.with_row_index("row", offset=1).filter(pl.struct(SERIES).is_duplicated())
    if len(twice):
        raise InputRejected(
            "a second row of the same sku and location", field=SKU, row=int(twice["row"][1])
        )
    return state


def state_of(state: pl.DataFrame) -> StockState:
    """Rows of the state file as the simulator reads them."""
    arriving = _arriving(state)
    pipeline = state.select(arriving).to_numpy() if arriving else np.zeros((len(state), 0))
    return StockState(state[ON_HAND].to_numpy(), np.asarray(pipeline, dtype=float))


def _arriving(table: pl.DataFrame) -> list[str]:
    """Columns on_order_1 … on_order_K, in order."""
    count = sum(column.startswith(ON_ORDER) for column in table.columns)
    wanted = [f"{ON_ORDER}{k}" for k in range(1, count + 1)]
    for column in wanted:
        if column not in table.columns:
            raise InputRejected(
                f"'{column}' is missing; number on_order_1, on_order_2, … without gaps",
                field=column,
            )
    return wanted


def _check(lead_time_periods: int, review_periods: int, holding: float, shortage: float) -> None:
    if lead_time_periods < 0:
        raise InputRejected("must be 0 or more periods", field="lead_time")
    if review_periods < 1:
        raise InputRejected("must be at least 1 period", field="review")
    if holding < 0 or shortage < 0 or holding + shortage == 0:
        raise InputRejected("costs must not be negative, nor both zero", field="holding")


def _explanation(order: NextOrder, row: int, costs: UnitCosts, *, periods: int) -> str:
    """Terms that sum to the quantity, as JSON."""
    target, stock = float(order.target_units[row]), float(order.stock_units[row])
    quantity = float(order.quantity_units[row])
    need = target - stock
    rounded = float(np.round(need))
    values = (target, -stock, rounded - need, quantity - rounded)
    weighed = f"holding at {costs.holding:g} a period weighed against {costs.shortage:g} if short"
    sources = (
        f"{weighed}, over sample paths, {periods} periods ahead",
        "on hand and on order, projected to the order's arrival along the same paths",
        "rounding",
        "nothing is sent back",
    )
    return json.dumps({
        "terms": [
            {"term": term, "quantity": value, "source": source}
            for term, value, source in zip(TERMS, values, sources, strict=True)
        ]
    })  # fmt: skip
