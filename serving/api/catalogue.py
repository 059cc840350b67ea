"""The catalogue: places, things and rules, written whole by PUT, read one by one or by the page."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory import catalog as kinds
from inventory.buying import Budget, PriceTableOfSku, SupplyLane
from inventory.policy_rules import PolicyRule
from inventory.store import catalog as store
from inventory.store.paging import decode_cursor, encode_cursor
from inventory.store.planning_exceptions import mend_rejected
from serving import messages_buying as buying
from serving import messages_catalogue as messages
from serving.api.context import PREFIX, Call, CatalogueWriter, Staff, jsonable
from serving.messages import Cursor, Id, Message, PageLimit

router = APIRouter(prefix=PREFIX, tags=["Catalogue"])

LISTED: dict[str, type[store.Item]] = {
    "locations": kinds.Location,
    "skus": kinds.Sku,
    "vendors": kinds.Vendor,
    "channels": kinds.Channel,
    "groups": kinds.Group,
    "bundles": kinds.Bundle,
    "buffer-rules": kinds.BufferRule,
    "supply-links": kinds.SupplyLink,
    "pre-sales": kinds.PreSale,
    "policy-rules": PolicyRule,
    "price-tables": PriceTableOfSku,
    "budgets": Budget,
    "supply-lanes": SupplyLane,
}


@router.put("/locations/{id}")
def put_location(id: Id, body: messages.Location, call: CatalogueWriter) -> JSONResponse:  # noqa: A002 - the name in the path.
    """Add or replace a location."""
    return _put(call, kinds.Location(id=id, **body.model_dump()), body)


@router.put("/skus/{id}")
def put_sku(id: Id, body: messages.Sku, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Add or replace a SKU."""
    return _put(call, kinds.Sku(id=id, **body.model_dump()), body)


@router.put("/vendors/{id}")
def put_vendor(id: Id, body: messages.Vendor, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Add or replace a vendor."""
    assumed = "lead_time_days" not in body.model_fields_set
    vendor = kinds.Vendor(id=id, lead_time_assumed=assumed, **body.model_dump())
    return _put(call, vendor, body)


@router.put("/channels/{id}")
def put_channel(id: Id, body: messages.Channel, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Add or replace a sales channel."""
    return _put(call, kinds.Channel(id=id, **body.model_dump()), body)


@router.put("/groups/{id}")
def put_group(id: Id, body: messages.Group, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Add or replace a group of locations."""
    members = body.model_dump() | {"locations": tuple(body.locations)}
    return _put(call, kinds.Group(id=id, **members), body)


@router.put("/bundles/{sku}")
def put_bundle(sku: Id, body: messages.Bundle, call: CatalogueWriter) -> JSONResponse:
    """Say what a SKU that is sold as a set is made of."""
    return _put(call, kinds.Bundle(id=sku, **body.model_dump()), body)


@router.put("/buffer-rules/{id}")
def put_buffer_rule(id: Id, body: messages.BufferRule, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Add or replace a rule that withholds units from a view."""
    return _put(call, kinds.BufferRule(id=id, **body.measured()), body)


@router.delete("/buffer-rules/{id}", status_code=204)
def remove_buffer_rule(id: Id, call: CatalogueWriter) -> None:  # noqa: A002
    """Take a rule out of force."""
    with call.db() as db:
        store.remove(db, kinds.BufferRule, id)


@router.put("/supply-links/{id}")
def put_supply_link(id: Id, body: messages.SupplyLink, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Say what a channel may sell at a location: once it has a link, only what its links say."""
    return _put(call, kinds.SupplyLink(id=id, **body.model_dump()), body)


@router.delete("/supply-links/{id}", status_code=204)
def remove_supply_link(id: Id, call: CatalogueWriter) -> None:  # noqa: A002
    """Take a link out of force; what was promised under it stays promised."""
    with call.db() as db:
        store.remove(db, kinds.SupplyLink, id)


@router.put("/pre-sales/{id}")
def put_pre_sale(id: Id, body: messages.PreSale, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Let pre-orders be taken before the stock is there, up to a cap."""
    return _put(call, kinds.PreSale(id=id, **body.model_dump()), body)


@router.put("/policy-rules/{id}")
def put_policy_rule(id: Id, body: buying.PolicyRule, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Set a target or value of replenishment for an item, a segment or everything."""
    return _put(call, PolicyRule(id=id, **body.model_dump()), body)


@router.delete("/policy-rules/{id}", status_code=204)
def remove_policy_rule(id: Id, call: CatalogueWriter) -> None:  # noqa: A002
    """Take a rule out of force; policies follow with the next run."""
    with call.db() as db:
        store.remove(db, PolicyRule, id)


@router.put("/price-tables/{sku}")
def put_price_table(sku: Id, body: buying.PriceTable, call: CatalogueWriter) -> JSONResponse:
    """Say what a vendor asks for a SKU by quantity."""
    breaks = tuple(each.model_dump(by_alias=True) for each in body.breaks)
    return _put(call, PriceTableOfSku(sku, body.discount, breaks), body)


@router.delete("/price-tables/{sku}", status_code=204)
def remove_price_table(sku: Id, call: CatalogueWriter) -> None:
    """Go back to the one unit cost of the SKU."""
    with call.db() as db:
        store.remove(db, PriceTableOfSku, sku)


@router.put("/budgets/{id}")
def put_budget(id: Id, body: buying.Budget, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Limit the money that orders of some days may bind."""
    return _put(call, Budget(id=id, **body.model_dump()), body)


@router.delete("/budgets/{id}", status_code=204)
def remove_budget(id: Id, call: CatalogueWriter) -> None:  # noqa: A002
    """Take a budget out of force."""
    with call.db() as db:
        store.remove(db, Budget, id)


@router.put("/supply-lanes/{id}")
def put_supply_lane(id: Id, body: buying.SupplyLane, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Have a place supplied from a hub instead of by vendors: planning proposes the transfers."""
    return _put(call, SupplyLane(id=id, **body.model_dump()), body)


@router.delete("/supply-lanes/{id}", status_code=204)
def remove_supply_lane(id: Id, call: CatalogueWriter) -> None:  # noqa: A002
    """Have a place supplied by vendors again."""
    with call.db() as db:
        store.remove(db, SupplyLane, id)


def _put(call: Call, item: store.Item, body: Message) -> JSONResponse:
    kind = type(item)
    with call.db() as db:

        def put() -> dict[str, Any]:
            created = store.put(db, item)
            if kind in MENDED:
                mend_rejected(db, kind=MENDED[kind], key=item.id, now=call.now)
            stored: dict[str, Any] = jsonable(asdict(store.get(db, kind, item.id)))
            return stored | {"created": created}

        return call.once(db, scope=f"PUT {kind.__name__} {item.id}", body=body, act=put)


MENDED: dict[type, str] = {
    kinds.Sku: "skus", kinds.Vendor: "vendors", PriceTableOfSku: "price-tables",
}  # fmt: skip
"""Files whose rejected rows are settled by what is written here."""


def _reader(kind: type[store.Item]) -> Callable[..., dict[str, Any]]:
    def read(id: Id, call: Staff) -> dict[str, Any]:  # noqa: A002
        with call.db() as db:
            found: dict[str, Any] = jsonable(asdict(store.get(db, kind, id)))
            return found

    read.__doc__ = f"One {kind.__name__.lower()} of the catalogue."
    return read


def _lister(name: str, kind: type[store.Item]) -> Callable[..., dict[str, Any]]:
    def page(call: Staff, cursor: Cursor = None, limit: PageLimit = 100) -> dict[str, Any]:
        after = str(decode_cursor(cursor, str)[0]) if cursor else None
        with call.db() as db:
            found = store.page(db, kind, after=after, limit=limit)
        more = encode_cursor([found[-1].id]) if len(found) == limit else None
        return {name: [jsonable(asdict(item)) for item in found], "next_cursor": more}

    page.__doc__ = f"The {name} of the catalogue, by id."
    return page


for listed, kind in LISTED.items():
    router.add_api_route(f"/{listed}", _lister(listed.replace("-", "_"), kind), methods=["GET"])
    router.add_api_route(f"/{listed}/{{id}}", _reader(kind), methods=["GET"])
