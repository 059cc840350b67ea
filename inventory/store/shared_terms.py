"""Which items are ordered together: they share an order cost, a minimum, a truck or a budget."""

from collections.abc import Sequence
from datetime import date

import psycopg


def ordered_together(db: psycopg.Connection, skus: Sequence[str], *, today: date) -> list[str]:
    """These SKUs and all whose orders depend on theirs, sorted.

    Planned without the others, one item would bear a joint order's whole cost, fill a truck alone
    or spend a budget that the others have spent in their drafts.
    """
    found = sorted(set(skus))
    while True:
        wider = db.execute(_WIDER, {"skus": found, "today": today}).fetchall()
        if len(wider) == len(found):
            return found
        found = [sku for (sku,) in wider]


# SKUs that are not in the catalogue stay: whoever named them is told elsewhere.
_WIDER = """
    with named as (select * from skus where sku = any(%(skus)s)),
    sharing as (
        select vendor from vendors
        where (order_cost > 0 or min_order_value > 0 or truck_units > 0)
            and vendor in (select vendor from named)
    ),
    budgeted as (
        select distinct b.vendor, b.category from budgets b join named n
            on (b.vendor is null or b.vendor = n.vendor)
            and (b.category is null or b.category = n.category)
        where %(today)s between b.starts_on and b.ends_on
    )
    select unnest(%(skus)s::text[]) as sku
    union
    select s.sku from skus s where s.vendor in (select vendor from sharing)
        or exists (select from budgeted b where (b.vendor is null or b.vendor = s.vendor)
            and (b.category is null or b.category = s.category))
    order by sku
"""
