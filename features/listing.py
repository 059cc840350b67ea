"""The page that lists every feature: made from the catalogue itself, whenever somebody asks."""

from collections.abc import Sequence
from html import escape

from features.catalog import GROUPS, Feature
from features.covariates import Covariate
from features.frame import LOCATION, SKU
from features.groups import EVERY
from features.product import Codes
from features.recipe import Recipe

HEADS = ("feature", "unit", "known when", "why", "by default")

LATE = (
    "searches", "wishlist_adds", "carts", "reviews", "mentions", "competitor_price",
    "consumer_confidence", "stock_on_hand", "lead_time", "order_frequency",
)  # fmt: skip
AHEAD = ("price", "discount", "temperature", "precipitation")
FLAGS = ("promotion", "school_break")
TEXTS = ("category", "brand")
NUMBERS = ("pack_size",)


def example_recipe(*, period_days: int = 1, horizon: int = 14) -> Recipe:
    """A panel with columns of every kind, to list what each kind brings.

    The columns are examples: those of a user's file give their own names to their features.
    """
    return Recipe(
        period_days=period_days,
        horizon=horizon,
        years=3.0,
        everything=True,
        covariates=[
            *(Covariate(name, known_ahead=False, binary=False) for name in LATE),
            *(Covariate(name, known_ahead=True, binary=False) for name in AHEAD),
            *(Covariate(name, known_ahead=True, binary=True) for name in FLAGS),
        ],
        attributes=[*TEXTS, *NUMBERS],
        codes=Codes({name: {} for name in TEXTS}),
        groups=(SKU, LOCATION, "category", EVERY),
    )


def rows_of(features: Sequence[Feature]) -> list[dict[str, str | bool]]:
    """One plain row per feature, in the order of the groups."""
    order = {group: place for place, group in enumerate(GROUPS)}
    return [
        {
            "name": f.name,
            "group": f.group,
            "unit": f.unit,
            "known_when": f.known_when,
            "why": f.why,
            "default": f.default,
        }
        for f in sorted(features, key=lambda f: order[f.group])
    ]


def summary(features: Sequence[Feature]) -> str:
    """How many features there are, and of which group.

    >>> summary([])
    '0 features (0 by default): 0 history, 0 external, 0 product, 0 customer, 0 inventory'
    """
    counts = ", ".join(f"{sum(f.group == g for f in features)} {g}" for g in GROUPS)
    taken = sum(f.default for f in features)
    return f"{len(features)} features ({taken} by default): {counts}"


def markdown(features: Sequence[Feature], *, title: str) -> str:
    """The page as Markdown: one table per group."""
    parts = [f"# {title}", summary(features)]
    for group, found in _grouped(features):
        lines = ["| " + " | ".join(HEADS) + " |", "|---" * len(HEADS) + "|"]
        lines += [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(f, code="`")) + " |"
            for f in found
        ]
        parts += [f"## {group}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def html(features: Sequence[Feature], *, title: str) -> str:
    """The page as HTML that needs nothing beside it."""
    parts = [f"<h1>{escape(title)}</h1><p>{escape(summary(features))}</p>"]
    for group, found in _grouped(features):
        head = "".join(f"<th>{escape(name)}</th>" for name in HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(f)) + "</tr>"
            for f in found
        )
        parts.append(f"<h2>{escape(group)}</h2><table><tr>{head}</tr>{body}</table>")
    style = (
        "body{font-family:sans-serif;margin:2em}td,th{text-align:left;padding:.2em .8em .2em 0;"
        "vertical-align:top}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{style}</style><body>{''.join(parts)}</body></html>\n"
    )


def _grouped(features: Sequence[Feature]) -> list[tuple[str, list[Feature]]]:
    return [(g, [f for f in features if f.group == g]) for g in GROUPS]


def _cells(feature: Feature, *, code: str = "") -> list[str]:
    default = "yes" if feature.default else "no"
    return [
        f"{code}{feature.name}{code}", feature.unit, feature.known_when, feature.why, default
    ]  # fmt: skip
