"""What each position is to achieve and what its orders cost, with where every value comes from.

A value is that of the most specific rule (`inventory.policy_rules`), else of the catalogue, else
the setting. Sources are kept beside the values: nobody should have to guess why.
"""

import json
from collections.abc import Iterable, Sequence

import polars as pl

from inventory.policy_rules import VALUES, PolicyRule, precedence
from inventory.targets import CYCLE_SERVICE
from pipelines.phrases import phrase
from pipelines.settings import Settings

TYPES = {
    "target_kind": pl.String, "level": pl.Float64, "demand_law": pl.String,
    "order_cost": pl.Float64, "holding_cost": pl.Float64, "max_order_quantity": pl.Float64,
    "change_factor_max": pl.Float64,
}  # fmt: skip
"""Values that rules give; kind and level of the target come together."""

SOURCES = (
    "target", "demand_law", "order_cost", "holding_cost", "max_order_quantity", "lead_time",
    "packs", "review_period",
)  # fmt: skip
"""Values whose source is told; those of the demand law, packs and the review period only where a
rule, the vendor or its calendar gave them."""

Row = dict[str, object]


def settled(table: pl.DataFrame, rules: Sequence[PolicyRule], settings: Settings) -> pl.DataFrame:
    """`table` with target_kind, level, the other `TYPES`, segment and sources, in its order.

    Parameters
    ----------
    table : positions with sku, category, vendor, location, location_type, abc, xyz, unit_cost,
        order_cost, holding_cost and max_order_quantity of the catalogue (null: not given), and the
        calendar and order_days of `order_rhythm.with_order_days`.

    `sources` is a JSON object as text; `demand_law` is null where no rule names one.
    """
    found = table.rename({name: f"own_{name}" for name in OWN if name in table.columns})
    found = found.with_columns(pl.lit(None, dtype=pl.Float64).alias(f"own_{name}")
                               for name in OWN if name not in table.columns)  # fmt: skip
    found = _ruled(found, rules)
    return _defaulted(found, settings).with_columns(pl.concat_str("abc", "xyz").alias("segment"))


OWN = ("order_cost", "holding_cost", "max_order_quantity")
"""Values that the catalogue may give for a SKU."""


def _ruled(table: pl.DataFrame, rules: Iterable[PolicyRule]) -> pl.DataFrame:
    """Values and their sources by the rules alone; null where no rule gives any."""
    names = [*TYPES, *(f"{value}_source" for value in ("target", *VALUES))]
    found = table.with_columns(
        pl.lit(None, dtype=TYPES.get(name, pl.String)).alias(name) for name in names
    )
    by_selectors: dict[tuple[str, ...], list[PolicyRule]] = {}
    for rule in sorted(rules, key=lambda rule: rule.precedence):
        by_selectors.setdefault(rule.selectors, []).append(rule)
    ordered = sorted(by_selectors.items(), key=lambda item: precedence(item[0]))
    for selectors, group in ordered:
        given = pl.DataFrame(
            [_row(rule) for rule in group],
            schema={n: TYPES.get(n, pl.String) for n in (*selectors, *names)},
            orient="row",
        )
        found = _laid_over(found, given, selectors, names)
    return found


def _row(rule: PolicyRule) -> Row:
    """The rule as values and their sources, beside what it selects by."""
    kind, level = rule.target or (None, None)
    row: Row = {name: getattr(rule, name) for name in rule.selectors}
    row |= {"target_kind": kind, "level": level, "target_source": kind and rule.source}
    for name in VALUES:
        value = getattr(rule, name)
        row |= {name: value, f"{name}_source": None if value is None else rule.source}
    return row


def _laid_over(
    table: pl.DataFrame, given: pl.DataFrame, selectors: Sequence[str], names: Sequence[str]
) -> pl.DataFrame:
    """Where rules with these selectors give a value, that; else what there was."""
    if selectors:
        last = given.group_by(selectors, maintain_order=True).agg(pl.col(names).drop_nulls().last())
        joined = table.join(last, on=list(selectors), how="left", suffix="_new",
                            maintain_order="left")  # fmt: skip
    else:
        last = given.select(pl.col(name).drop_nulls().last().alias(f"{name}_new") for name in names)
        joined = table.with_columns(pl.lit(last[name][0], dtype=last.schema[name]).alias(name)
                                    for name in last.columns)  # fmt: skip
    return joined.with_columns(pl.coalesce(f"{name}_new", name).alias(name) for name in names).drop(
        f"{name}_new" for name in names
    )


def _defaulted(table: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The catalogue's values and the settings' where no rule spoke, and the sources as JSON."""
    catalogue = pl.lit("catalogue of the SKU")
    by_rate = pl.col("unit_cost") * settings.holding_cost_rate
    fallback = {
        "target": pl.lit("default VOUCH_SERVICE_LEVEL"),
        "order_cost": pl.lit("default VOUCH_ORDER_COST"),
        "holding_cost": pl.lit(
            f"default VOUCH_HOLDING_COST_RATE {settings.holding_cost_rate:g} of unit cost"
        ),
    }
    found = table.with_columns(
        pl.coalesce(
            f"{name}_source",
            pl.when(pl.col(f"own_{name}").is_not_null()).then(catalogue),
            fallback.get(name, pl.lit(None, dtype=pl.String)),
        ).alias(f"{name}_source")
        for name in OWN
    ).with_columns(
        pl.coalesce("target_source", fallback["target"]).alias("target_source"),
        pl.col("target_kind").fill_null(CYCLE_SERVICE),
        pl.col("level").fill_null(settings.service_level),
        pl.coalesce("order_cost", "own_order_cost", pl.lit(settings.order_cost)).alias(
            "order_cost"
        ),
        pl.coalesce("holding_cost", "own_holding_cost", by_rate).alias("holding_cost"),
        pl.coalesce("max_order_quantity", "own_max_order_quantity").alias("max_order_quantity"),
        pl.col("change_factor_max").fill_null(settings.policy_change_factor_max),
        _lead_time_source().alias("lead_time_source"),
        pl.when(pl.col("full_pallets") == "t", pl.col("pallet_size") > 1)
        .then(phrase("whole pallets, as vendor {} asks", "vendor"))
        .alias("packs_source"),
        pl.when(pl.col("order_days").is_not_null())
        .then(phrase("order calendar '{}' of vendor {}", "calendar", "vendor"))
        .alias("review_period_source"),
    )
    told = [f"{name}_source" for name in SOURCES]
    return _with_sources(found, told).drop(
        *told, "change_factor_max_source", *(f"own_{name}" for name in OWN)
    )


def _lead_time_source() -> pl.Expr:
    """What the lead time was learned from, or who states it."""
    learned = phrase("{} orders received from vendor {}", "lead_time_orders", "vendor")
    where = pl.when(pl.col("lead_time_of_vendor") == "t").then(pl.lit(" on its other lanes"))
    return (
        pl.when(pl.col("lead_time_orders").is_null())
        .then(phrase("stated by vendor {}", "vendor"))
        .otherwise(learned + where.otherwise(phrase(" at {}", "location")))
    )


def _with_sources(table: pl.DataFrame, told: Sequence[str]) -> pl.DataFrame:
    """A column `sources`: few different ones, so that each is written as JSON once."""
    different = table.select(told).unique()
    said = [
        json.dumps({name: row[f"{name}_source"] for name in SOURCES if row[f"{name}_source"]})
        for row in different.iter_rows(named=True)
    ]
    texts = different.with_columns(pl.Series("sources", said, dtype=pl.String))
    return table.join(texts, on=list(told), how="left", nulls_equal=True, maintain_order="left")
