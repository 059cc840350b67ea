"""`vouch order`: from a plain history and the stock of today to what to order now, no database.

The forecast gives sample paths of demand until the next order's arrival and some reviews beyond,
and `inventory.next_order` says how much each series should be topped up by.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from features.frame import LOCATION, SERIES, SKU
from inventory.demand import DemandForecast
from inventory.errors import InputRejected
from inventory.next_order import NextOrder, UnitCosts, next_order
from inventory.policy.newsvendor import critical_ratio
from models.members import Preset
from pipelines.order_forecast import order_forecast
from pipelines.order_state import OrderState, checked_state, named, state_of
from pipelines.out_file import check_writable, write_whole
from pipelines.panel_file import key_types, read_panel, read_table, typed_like
from pipelines.predict import forecast_panel

SHOWN_MAX = 10
"""Problems on the screen; `--json` lists them all."""

STOCK_SOURCE = (
    "on hand and on order, projected to the order's arrival along the same paths; what comes later "
    "counts from its own period on, in the target"
)
TERMS = ("target", "stock_at_arrival", "whole_units", "not_below_zero")


@dataclass(frozen=True, slots=True)
class OrderFileReport:
    """What a run decided, for the screen."""

    series: int
    ordered_series: int
    ordered_units: int
    critical_ratio: float
    rejected_rows: int
    """Of the history."""
    refused_rows: int
    """Of the state: they are not in OUT."""
    notes: list[str]
    out: Path
    problems: list[dict[str, object]]
    """What is wrong with the rows refused: row, field, value, problem, remedy."""

    def lines(self) -> list[str]:
        """For a person."""
        hidden = len(self.problems) - SHOWN_MAX
        return [
            *self.notes,
            *(
                "row {row} of the state, {field}: {problem} ({value!r}); {remedy}".format(**each)
                for each in self.problems[:SHOWN_MAX]
            ),
            *([f"and {hidden} more; --json lists them all"] if hidden > 0 else []),
            *(
                f"{name.replace('_', ' ')}: "
                + (f"{value:.4g}" if isinstance(value, float) else str(value))
                for name, value in asdict(self).items()
                if name not in {"notes", "problems"}
            ),
        ]


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
        sound row of the state. A row without history orders nothing, and says so.

    Raises `InputRejected` for a file or figure that cannot be used.
    """
    _check(lead_time_periods, review_periods, holding, shortage)
    check_writable(out_path)
    stock = read_table(state_path)
    state = checked_state(stock, name=state_path.name, lost_sales=lost_sales)
    panel, read = read_panel(history_path)
    progress(f"read {len(panel.series)} series up to {panel.origin}")
    times = {"lead_time_periods": lead_time_periods, "review_periods": review_periods}
    forecast = forecast_panel(
        panel, horizon=sum(times.values()), preset=preset, seed=seed, threads=threads,
        progress=progress,
    )  # fmt: skip
    forecast = order_forecast(forecast, panel, **times)
    costs = UnitCosts(holding, shortage)
    rows = decided_rows(forecast, state.rows, costs, lost_sales=lost_sales, seed=seed, **times)
    write_whole(typed_like(rows, key_types(stock)), out_path)
    return OrderFileReport(
        series=len(rows),
        ordered_series=int((rows["quantity"] > 0).sum()),
        ordered_units=int(rows["quantity"].sum()),
        critical_ratio=float(critical_ratio(shortage_cost=shortage, holding_cost=holding)),
        rejected_rows=len(read.rejected),
        refused_rows=state.refused_rows,
        notes=[*read.notes, *state.notes, *_one_sided(state, panel.series, name=state_path.name)],
        out=out_path,
        problems=state.problems.to_dicts(),
    )


def _one_sided(state: OrderState, series: pl.DataFrame, *, name: str) -> list[str]:
    """Notes on series that only the state, or only the history, knows."""
    unknown = state.rows.join(series, on=SERIES, how="anti", maintain_order="left")
    absent = series.join(state.rows, on=SERIES, how="anti", maintain_order="left")
    return [
        f"{len(found)} {text}: {named(found)}"
        for found, text in (
            (unknown, f"rows of {name} have no history: nothing ordered"),
            (absent, f"series of the history have no sound row in {name}: nothing decided"),
        )
        if len(found)
    ]


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
        STOCK_SOURCE,
        "rounding",
        "nothing is sent back",
    )
    return json.dumps({
        "terms": [
            {"term": term, "quantity": value, "source": source}
            for term, value, source in zip(TERMS, values, sources, strict=True)
        ]
    })  # fmt: skip
