"""How accurate forecasts were, by level, place, item and lead, and what each step added."""

from typing import Any

import polars as pl
import psycopg

from inventory.store import forecast_scores
from inventory.store.forecast_scores import Asked, Level
from models.accuracy import accuracy, rounded, value_added, with_ratios

COMPARED_LEVELS: tuple[Level, ...] = ("item-location", "item", "category")
"""Levels whose WAPE is told beside that of the level asked for."""


def accuracy_report(
    db: psycopg.Connection,
    asked: Asked,
    *,
    level: Level,
    limit: int,
    with_overrides: bool = True,
) -> dict[str, Any]:
    """Figures at the shortest lead that has any, the same per lead, and where most error is.

    limit : most keys of the level, and most overrides, that are listed.
    with_overrides : tell what each planner's overrides added.
    """
    levels = {name: _by_lead(db, asked, level=name) for name in {level, *COMPARED_LEVELS}}
    horizons = [
        figures(row)
        | {
            "lead": lead,
            "wape_by_level": {
                name: rounded(levels[name][lead]["wape"]) for name in COMPARED_LEVELS
            },
        }
        for lead, row in sorted(levels[level].items())
    ]
    first = horizons[0] if horizons else NOTHING | {"lead": None}
    answer = {
        "level": level,
        "from": asked.first.isoformat(),
        "to": asked.last.isoformat(),
        **{
            name: getattr(asked, name)
            for name in ("sku", "location", "category")
            if getattr(asked, name) is not None
        },
        **{name: value for name, value in first.items() if name != "wape_by_level"},
        "horizons": horizons,
        "worst": [_key(row) | figures(row) for row in _worst(db, asked, level, first, limit)],
    }
    if with_overrides:
        answer["overrides"] = _overrides(db, asked, limit=limit)
    return answer


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """One row of `models.accuracy` for JSON; null where nothing can be said."""
    return {
        "days": row.get("days"),
        "n": row["observed"],
        "censored": row["censored"],
        "censored_share": rounded(row["censored_share"]),
        "units": rounded(row["units"]),
        "wape": rounded(row["wape"]),
        "mape": rounded(row["mape"]),
        "bias": rounded(row["bias"]),
        "tracking_signal": rounded(row.get("tracking_signal")),
        "smoothed_tracking_signal": rounded(row.get("smoothed_tracking_signal")),
        "coverage": {"q95": rounded(row["coverage95"]), "q99": rounded(row["coverage99"])},
        "fva": value_added(row),
    }


def _by_lead(db: psycopg.Connection, asked: Asked, *, level: Level) -> dict[int, dict[str, Any]]:
    found = accuracy(forecast_scores.days(db, asked, level=level), ["lead"])
    return {row["lead"]: row for row in found.iter_rows(named=True)}


def _worst(
    db: psycopg.Connection, asked: Asked, level: Level, first: dict[str, Any], limit: int
) -> list[dict[str, Any]]:
    """Keys of the level with the largest error at the first lead."""
    if first["lead"] is None or level == "total":
        return []
    at_first = Asked(
        asked.first, asked.last, [first["lead"]],
        asked.sku, asked.location, asked.category, asked.vendor,
    )  # fmt: skip
    found = forecast_scores.worst(db, at_first, level=level, limit=limit)
    return with_ratios(found).to_dicts()


def _key(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("sku", "location", "category") if row[name] is not None}


def _overrides(db: psycopg.Connection, asked: Asked, *, limit: int) -> dict[str, Any]:
    """What overrides added, by planner, by reason, and each, the most helpful first."""
    effects = forecast_scores.override_effects(db, asked)
    each = _added(effects, ["override_id", "planner", "reason"])
    return {
        "by_planner": _added(effects, ["planner"]),
        "by_reason": _added(effects, ["reason"]),
        "each": each[:limit],
        "helped": sum(row["value_added_units"] > 0 for row in each),
        "hurt": sum(row["value_added_units"] < 0 for row in each),
    }


def _added(effects: pl.DataFrame, by: list[str]) -> list[dict[str, Any]]:
    """Error without and with the overrides of each key, all leads together."""
    before, after = "statistical_absolute_units", "final_absolute_units"
    summed = effects.group_by(by).agg(
        pl.col("override_id").n_unique().alias("overrides"),
        pl.col("observed", "units", before, after).sum(),
    )
    gain = (pl.col(before) - pl.col(after)).alias("gain")
    rows = summed.with_columns(gain).sort("gain", *by, descending=[True, *(False for _ in by)])
    return [
        {name: row[name] for name in by}
        | ({} if "override_id" in by else {"overrides": row["overrides"]})
        | {
            "n": row["observed"],
            "statistical_wape": rounded(row[before] / row["units"]) if row["units"] else None,
            "final_wape": rounded(row[after] / row["units"]) if row["units"] else None,
            "value_added_units": rounded(row["gain"]),
        }
        for row in rows.iter_rows(named=True)
    ]


NOTHING: dict[str, Any] = figures(
    dict.fromkeys(
        (
            "censored_share", "wape", "mape", "bias", "coverage95", "coverage99",
            *(f"{layer}_{figure}" for layer in ("naive", "statistical", "final")
              for figure in ("wape", "absolute_units")),
        )
    )
    | {"days": 0, "observed": 0, "censored": 0, "units": 0.0}
)  # fmt: skip
"""Figures of no day at all."""
