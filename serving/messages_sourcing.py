"""Bodies of order sourcing: what to send where, how to compare, and whether to hold the result."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from inventory.sourcing_request import LINES_MAX, ORDERS_MAX, UNITS_MAX
from serving.messages import Day, Id, Message, Method, Number
from serving.messages_promises import TtlSeconds

Priority = Annotated[StrictInt, Field(ge=-1000, le=1000)]
Weight = Annotated[Number, Field(ge=0, le=1e6)]


class Line(Message):
    """Units of one SKU or bundle."""

    sku: Id
    quantity: Annotated[StrictInt, Field(gt=0, le=UNITS_MAX)]


class Destination(Message):
    """Where the order goes, in degrees; north and east are positive."""

    latitude: Annotated[Number, Field(ge=-90, le=90)]
    longitude: Annotated[Number, Field(ge=-180, le=180)]


class Weights(Message):
    """What the hybrid strategy goes by, on any scale."""

    time: Weight = 0.4
    cost: Weight = 0.3
    performance: Weight = 0.3


class Reserve(Message):
    """Hold what is found, in the same transaction."""

    kind: Literal["soft", "hard"] = "soft"
    ttl_seconds: TtlSeconds | None = None
    order_id: Id | None = None


class Terms(Message):
    """How sources are compared, and through which view they are seen."""

    strategy: Literal["proximity", "cost", "balanced", "performance", "hybrid"] = "hybrid"
    weights: Weights = Weights()
    split_penalty: Annotated[Number, Field(ge=0, le=10)] = 1.0
    channel: Id | None = None
    method: Method = "ship"
    group: Id = "*"
    on: Day | None = None
    max_splits: Annotated[StrictInt, Field(ge=0, le=1000)] | None = None
    allow_partial: StrictBool = False
    reserve: Reserve | None = None

    @model_validator(mode="after")
    def _channel_to_reserve(self) -> Self:
        if self.reserve is not None and self.channel is None:
            raise ValueError("a reservation needs the channel through which it is sold")
        return self


class Propose(Terms):
    """One order to be sourced."""

    lines: Annotated[list[Line], Field(min_length=1, max_length=LINES_MAX)]
    destination: Destination
    priority: Priority = 0
    exclude: Annotated[tuple[Id, ...], Field(max_length=500)] = ()


class BatchOrder(Message):
    """One order of a batch; `id` is its order id where the batch is reserved."""

    id: Id
    lines: Annotated[list[Line], Field(min_length=1, max_length=LINES_MAX)]
    destination: Destination
    priority: Priority = 0
    exclude: Annotated[tuple[Id, ...], Field(max_length=500)] = ()


class ProposeMany(Terms):
    """Orders to be sourced together from the same stock, those of a higher priority first."""

    orders: Annotated[list[BatchOrder], Field(min_length=1, max_length=ORDERS_MAX)]

    @model_validator(mode="after")
    def _ids(self) -> Self:
        if len({order.id for order in self.orders}) < len(self.orders):
            raise ValueError("every order needs an id of its own")
        if self.reserve is not None and self.reserve.order_id is not None:
            raise ValueError("the orders of a batch are reserved under their own ids")
        return self
