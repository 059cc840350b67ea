"""Stock of one position carried through the days ahead: what the projection chart draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Projection:
    """Stock of one position over the days ahead, in units, and the levels it is held against."""

    days: Sequence[date]
    uncommitted_units: Sequence[int]
    """On hand plus inbound so far minus commitments so far."""
    expected_units: Sequence[float] | None
    """The same after expected demand; None without a forecast."""
    inbound_units: Sequence[int]
    committed_units: Sequence[int]
    reorder_point: float | None
    safety_stock: float | None


def project(
    days: Sequence[date],
    *,
    on_hand_units: int,
    inbound_units: Mapping[date, int],
    committed_units: Mapping[date, int],
    mean_demand_units: Mapping[date, float] | None,
    reorder_point: float | None,
    safety_stock: float | None,
) -> Projection:
    """Carry stock through the days.

    Commitments are demand that is already known, so expected demand up to a day is the larger of
    the two sums: an order is not counted a second time as forecast. Days beyond the forecast
    continue at its last mean.
    """
    uncommitted, expected = [], []
    supply, promised, demand = on_hand_units, 0, 0.0
    last_mean = 0.0
    for today in days:
        supply += inbound_units.get(today, 0)
        promised += committed_units.get(today, 0)
        uncommitted.append(supply - promised)
        if mean_demand_units is not None:
            last_mean = mean_demand_units.get(today, last_mean)
            demand += last_mean
            expected.append(max(0.0, supply - max(promised, demand)))
    return Projection(
        days=days,
        uncommitted_units=uncommitted,
        expected_units=expected if mean_demand_units is not None else None,
        inbound_units=[inbound_units.get(today, 0) for today in days],
        committed_units=[committed_units.get(today, 0) for today in days],
        reorder_point=reorder_point,
        safety_stock=safety_stock,
    )
