"""Places, things and rules in PostgreSQL: written whole, found by id, listed in id order."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.buying import Budget, PriceTableOfSku, SupplyLane
from inventory.catalog import (
    BufferRule,
    Bundle,
    Channel,
    Group,
    Location,
    PreSale,
    Sku,
    SupplyLink,
    Vendor,
    is_built_in,
)
from inventory.catalog import Item as CatalogItem
from inventory.errors import InputRejected, NotFound, UnknownLocation, UnknownSku
from inventory.policy_rules import PolicyRule

Item = CatalogItem | PolicyRule | PriceTableOfSku | Budget | SupplyLane

ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True, slots=True)
class _Table:
    """Where a kind lives. A kind with members keeps them in a table of their own."""

    name: str
    key: str
    noun: str
    members: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Columns that are not called as the field is."""


_TABLES: dict[type, _Table] = {
    Location: _Table("locations", "location", "location"),
    Vendor: _Table("vendors", "vendor", "vendor"),
    Sku: _Table("skus", "sku", "SKU"),
    Channel: _Table("channels", "channel", "channel"),
    Group: _Table("groups", "group_id", "group", members="locations"),
    Bundle: _Table("bundles", "sku", "bundle", members="components"),
    BufferRule: _Table("buffer_rules", "rule_id", "buffer rule"),
    SupplyLink: _Table(
        "supply_links", "link_id", "supply link", columns={"reserve": "reserve_units"}
    ),
    PreSale: _Table(
        "pre_sales", "pre_sale_id", "pre-sale", members="channel_caps",
        columns={"cap": "cap_units"},
    ),
    PolicyRule: _Table("policy_rules", "rule_id", "policy rule"),
    PriceTableOfSku: _Table("price_tables", "sku", "price table"),
    Budget: _Table("budgets", "budget_id", "budget"),
    SupplyLane: _Table("supply_lanes", "lane_id", "supply lane"),
}  # fmt: skip


def put(db: psycopg.Connection, item: Item) -> bool:
    """Write one item whole. True when it is new.

    Raises `InputRejected` when it refers to something that is not in the catalogue.
    """
    return put_many(db, [item]) == 1


def put_many(db: psycopg.Connection, items: Sequence[Item]) -> int:
    """Write items of one kind, all or none. Returns how many are new."""
    if not items:
        return 0
    kind = type(items[0])
    assert all(type(item) is kind for item in items)
    try:
        with db.transaction():
            if kind is Bundle:
                return _put_bundles(db, [item for item in items if isinstance(item, Bundle)])
            refuse_built_in(item.id for item in items if isinstance(item, Group))
            new = _put_rows(db, kind, items)
            if kind is Group:
                _put_members(db, [item for item in items if isinstance(item, Group)])
            if kind is PreSale:
                _put_caps(db, [item for item in items if isinstance(item, PreSale)])
            if kind in (PreSale, SupplyLink):
                _refuse_bundles(db, [i.sku for i in items if isinstance(i, PreSale | SupplyLink)])
            return new
    except ForeignKeyViolation as error:
        raise _dangling(error) from error


def _dangling(error: ForeignKeyViolation) -> InputRejected:
    """'Key (vendor)=(acme) is not present in table "vendors".' as the refusal of a field."""
    field, _, rest = (error.diag.message_detail or "").removeprefix("Key (").partition(")=(")
    value = rest.partition(")")[0]
    home = _HOMES.get(field, field)
    return InputRejected(
        f"'{value}' is not in the catalogue; add it with PUT /api/v2/{home}/{value} first",
        field=_FIELDS.get((error.diag.table_name or "", field), field),
    )


_FIELDS = {
    ("bundles", "component"): "components",
    ("group_members", "location"): "locations",
    ("pre_sale_caps", "channel"): "channel_caps",
}
"""What the body calls the column of a table of members."""

_HOMES = {
    "vendor": "vendors",
    "location": "locations",
    "hub": "locations",
    "sku": "skus",
    "component": "skus",
    "channel": "channels",
}


def _put_rows(db: psycopg.Connection, kind: type[Item], items: Sequence[Item]) -> int:
    table = _TABLES[kind]
    names = [f.name for f in fields(kind) if f.name != table.members]
    columns = [table.columns.get(name, table.key if name == "id" else name) for name in names]
    statement = sql.SQL(
        "insert into {table} as t ({columns}) values ({values}) on conflict ({key}) do update "
        "set {updates} returning t.xmax = 0"
    ).format(
        table=sql.Identifier(table.name),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(sql.Placeholder() * len(columns)),
        key=sql.Identifier(table.key),
        updates=sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in columns
        ),
    )
    new = 0
    with db.cursor() as cursor:
        cursor.executemany(
            statement, [[_value(item, name) for name in names] for item in items], returning=True
        )
        for result in cursor.results():
            new += result.fetchone() == (True,)
    return new


def _value(item: Item, name: str) -> object:
    value = getattr(item, name)
    if name == "name" and not value:
        return item.id
    if name in _DOCUMENTS and value is not None:
        return Jsonb(list(value) if isinstance(value, tuple) else value)
    return list(value) if isinstance(value, tuple) else value


_DOCUMENTS = ("forecast", "breaks")
"""Fields that are kept as JSON."""


def refuse_built_in(group_ids: Iterable[str]) -> None:
    """Raise `InputRejected` for a group whose members nobody but the database decides."""
    for group_id in group_ids:
        if is_built_in(group_id):
            problem = f"'{group_id}' is built in: it has every location of its kind by itself"
            raise InputRejected(problem, field="id")


def _put_members(db: psycopg.Connection, groups: Sequence[Group]) -> None:
    db.execute("delete from group_members where group_id = any (%s)", [[g.id for g in groups]])
    with db.cursor() as cursor:
        cursor.executemany(
            "insert into group_members (group_id, location) values (%s, %s)",
            [(group.id, place) for group in groups for place in dict.fromkeys(group.locations)],
        )


def _put_caps(db: psycopg.Connection, pre_sales: Sequence[PreSale]) -> None:
    ids = [pre_sale.id for pre_sale in pre_sales]
    remove_caps(db, ids)
    with db.cursor() as cursor:
        cursor.executemany(
            "insert into pre_sale_caps (pre_sale_id, channel, cap_units) values (%s, %s, %s)",
            [
                (sale.id, channel, n)
                for sale in pre_sales
                for channel, n in sale.channel_caps.items()
            ],
        )

    _refuse_moves(db, ids)


def remove_caps(db: psycopg.Connection, pre_sale_ids: Sequence[str]) -> None:
    """Leave these pre-sales with the cap over all channels alone."""
    db.execute("delete from pre_sale_caps where pre_sale_id = any (%s)", [list(pre_sale_ids)])


def sold_ahead(db: psycopg.Connection) -> dict[str, tuple[str, str]]:
    """SKU and location of every pre-sale of which units are waited for."""
    found = db.execute(
        "select distinct s.pre_sale_id, s.sku, s.location from pre_sales s "
        "join reservation_lines l using (pre_sale_id) where l.open_units > 0"
    )
    return {pre_sale_id: (sku, location) for pre_sale_id, sku, location in found}


def _refuse_moves(db: psycopg.Connection, ids: Sequence[str]) -> None:
    """What was sold ahead waits for the SKU and the place it was sold as."""
    moved = db.execute(
        "select s.pre_sale_id from pre_sales s join reservation_lines l using (pre_sale_id) "
        "where s.pre_sale_id = any (%s) and (l.sku <> s.sku or l.location <> s.location) "
        "and l.open_units > 0 limit 1",
        [list(ids)],
    ).fetchone()
    if moved is not None:
        raise InputRejected(
            f"units of pre-sale '{moved[0]}' are sold already; make another one for another "
            "SKU or location",
            field="sku",
        )


def _refuse_bundles(db: psycopg.Connection, skus: Sequence[str | None]) -> None:
    found = db.execute(
        "select sku from bundles where sku = any (%s) limit 1", [[s for s in skus if s]]
    ).fetchone()
    if found is not None:
        raise InputRejected(
            f"'{found[0]}' is a bundle, which has no stock; name its components", field="sku"
        )


def _put_bundles(db: psycopg.Connection, bundles: Sequence[Bundle]) -> int:
    ids = [bundle.id for bundle in bundles]
    old = db.execute("select distinct sku from bundles where sku = any (%s)", [ids]).fetchall()
    db.execute("delete from bundles where sku = any (%s)", [ids])
    with db.cursor() as cursor:
        cursor.executemany(
            "insert into bundles (sku, component, units, ship_together) values (%s, %s, %s, %s)",
            [
                (bundle.id, component, units, bundle.ship_together)
                for bundle in bundles
                for component, units in bundle.components.items()
            ],
        )
    _check_one_level(db)
    return len(set(ids)) - len(old)


def _check_one_level(db: psycopg.Connection) -> None:
    """A bundle has no stock, so one inside another would stand for stock that there is not."""
    nested = db.execute(
        "select outer_one.sku, outer_one.component from bundles outer_one "
        "join bundles inner_one on inner_one.sku = outer_one.component limit 1"
    ).fetchone()
    if nested is not None:
        raise InputRejected(
            f"bundle '{nested[0]}' would contain '{nested[1]}', which is a bundle itself; "
            "list what is in that one instead",
            field="components",
        )


def get(db: psycopg.Connection, kind: type[ItemT], item_id: str) -> ItemT:
    """The item with this id, or `NotFound`."""
    found = _read(db, kind, "{key} = %s", [item_id], limit=1)
    if not found:
        raise NotFound(_TABLES[kind].noun, item_id)
    return found[0]


def exists(db: psycopg.Connection, kind: type[Item], item_id: str) -> bool:
    """Whether there is one of that id."""
    return bool(_read(db, kind, "{key} = %s", [item_id], limit=1))


def page(
    db: psycopg.Connection, kind: type[ItemT], *, after: str | None = None, limit: int = 100
) -> list[ItemT]:
    """Items in the order of their ids, from the one after `after` on."""
    return _read(db, kind, "{key} > %s", [after or ""], limit=limit)


def _read(
    db: psycopg.Connection,
    kind: type[ItemT],
    where: LiteralString,
    values: list[str],
    *,
    limit: int,
) -> list[ItemT]:
    table = _TABLES[kind]
    key = sql.Identifier(table.key)
    query = sql.SQL(_SELECTS.get(kind, "select t.*, {key} as id from {table} t where {where}"))
    statement = query.format(
        table=sql.Identifier(table.name), key=key, where=sql.SQL(where).format(key=key)
    ) + sql.SQL(" order by id limit {}").format(sql.Literal(limit))
    names = [f.name for f in fields(kind)]
    make: Callable[..., ItemT] = kind
    with db.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, values).fetchall()
    return [make(**{name: _tuple(row[name]) for name in names}) for row in rows]


_SELECTS: dict[type, LiteralString] = {
    Group: """
        select {key} as id, name, array(
            select location from group_members m where m.group_id = t.group_id order by location
        ) as locations
        from {table} t where {where}
    """,
    Bundle: """
        select {key} as id, jsonb_object_agg(component, units) as components,
            bool_or(ship_together) as ship_together
        from {table} where {where} group by sku
    """,
    SupplyLink: "select t.*, {key} as id, reserve_units as reserve from {table} t where {where}",
    PreSale: """
        select t.*, {key} as id, cap_units as cap, coalesce((
            select jsonb_object_agg(channel, c.cap_units) from pre_sale_caps c
            where c.pre_sale_id = t.pre_sale_id), '{{}}') as channel_caps
        from {table} t where {where}
    """,
}


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def remove(db: psycopg.Connection, kind: type[Item], item_id: str) -> None:
    """Withdraw a rule, link or budget: what it said holds no more. Raises `NotFound`."""
    table = _TABLES[kind]
    statement = sql.SQL("delete from {} where {} = %s").format(
        sql.Identifier(table.name), sql.Identifier(table.key)
    )
    if db.execute(statement, [item_id]).rowcount == 0:
        raise NotFound(table.noun, item_id)


def vendor_of(db: psycopg.Connection, sku: str) -> str | None:
    """Who delivers a SKU, if that is known. Raises `UnknownSku`."""
    found = db.execute("select vendor from skus where sku = %s", [sku]).fetchone()
    if found is None:
        raise UnknownSku(sku)
    vendor: str | None = found[0]
    return vendor


def assumed_lead_times(db: psycopg.Connection) -> set[str]:
    """Vendors of whom nobody said how long they take."""
    return {
        vendor for (vendor,) in db.execute("select vendor from vendors where lead_time_assumed")
    }


def check_position(db: psycopg.Connection, *, sku: str, location: str) -> None:
    """Raise `UnknownSku` or `UnknownLocation` unless both are in the catalogue."""
    skus, locations = unknown(db, skus=[sku], locations=[location])
    if skus:
        raise UnknownSku(sku)
    if locations:
        raise UnknownLocation(location)


def unknown(
    db: psycopg.Connection, *, skus: Collection[str], locations: Collection[str]
) -> tuple[set[str], set[str]]:
    """Those of the SKUs and of the locations that are not in the catalogue."""
    return (
        set(skus) - _known(db, "select sku from skus where sku = any (%s)", skus),
        set(locations)
        - _known(db, "select location from locations where location = any (%s)", locations),
    )


def _known(db: psycopg.Connection, query: LiteralString, ids: Iterable[str]) -> set[str]:
    return {found for (found,) in db.execute(query, [list(ids)])}
