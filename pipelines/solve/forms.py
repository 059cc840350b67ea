"""A question of the calculator: a function, and inputs checked by its own signature.

A topic has one or more forms, each a function of keywords. Which one is meant shows from the inputs
that are given. Where several fit, `method` in the inputs says which, or else a word in the case's
name or notes, or else the first is taken.
"""

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pydantic

from inventory.errors import InputRejected

Result = dict[str, Any]
Number = Annotated[float, pydantic.Field(strict=True, allow_inf_nan=False)]
NonNegative = Annotated[Number, pydantic.Field(ge=0)]
Positive = Annotated[Number, pydantic.Field(gt=0)]
Chance = Annotated[Number, pydantic.Field(gt=0, lt=1)]
Whole = Annotated[int, pydantic.Field(strict=True)]
Count = Annotated[Whole, pydantic.Field(ge=0)]
AtLeastOne = Annotated[Whole, pydantic.Field(ge=1)]
Numbers = Annotated[list[Number], pydantic.Field(min_length=1)]
Positives = Annotated[list[Positive], pydantic.Field(min_length=1)]
NonNegatives = Annotated[list[NonNegative], pydantic.Field(min_length=1)]

SAME_AS = {
    "annual_demand": "demand_rate",
    "demand_rate": "demand_mean",
    "demand_standard_deviation": "demand_sd",
    "demand_std": "demand_sd",
    "demand_std_dev": "demand_sd",
    "demand_stdev": "demand_sd",
    "demand_mean": "mean",
    "demand_sd": "sd",
    "demand_pmf": "pmf",
    "service_level": "cycle_service_level",
    "lot_size": "order_quantity",
    "order_cost": "fixed_cost",
    "setup_cost": "fixed_cost",
    "backorder_cost": "stockout_cost",
    "shortage_cost": "stockout_cost",
    "penalty_cost": "stockout_cost",
    "min_order_quantity": "moq",
    "lead_time": "lead_time_mean",
    "lead_time_std": "lead_time_sd",
    "lo": "low",
    "hi": "high",
    "edges": "arcs",
    "start_nodes": "start",
    "end_nodes": "end",
    "capacities": "capacity",
    "unit_costs": "unit_cost",
    "supplies": "supply",
    "demands": "demand",
}
"""Other names by which textbooks call an input, taken where no form of a topic has that one. In
this order, so that one name may lead to the next."""

METHOD_INPUTS = (
    "method", "policy", "discount", "discount_type",
    "demand", "demand_distribution", "distribution",
)  # fmt: skip
"""Inputs that, written as words, say which form is meant."""

SHOWN_MAX = 40
"""Characters of a wrong value that an error repeats."""

REMEDIES = {
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "list_type": "must be a list",
    "dict_type": "must be an object of names and values",
    "too_short": "must have {min_length} or more entries",
}
"""What to do about a value, by pydantic's kind of error."""


@dataclass(frozen=True)
class Form:
    """One way to ask a topic.

    `words` : its names, as a person writes them in `method` or in a case's name.
    `parameters` : by name; those of `solve`, unless it takes any.
    """

    solve: Callable[..., Result]
    words: tuple[str, ...] = ()
    parameters: Mapping[str, inspect.Parameter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.parameters:
            object.__setattr__(self, "parameters", parameters_of(self.solve))

    @property
    def required(self) -> set[str]:
        """Inputs without a default."""
        found = self.parameters.items()
        return {name for name, each in found if each.default is inspect.Parameter.empty}

    def misfit(self, inputs: Mapping[str, object]) -> tuple[int, int]:
        """How far the form is from being meant: inputs missing, or unknown; then those unknown.

        The first is zero where the form can be meant.
        """
        unknown = len(set(inputs) - set(self.parameters))
        return len(self.required - set(inputs)) + unknown, unknown

    def answer(self, inputs: Mapping[str, object]) -> Result:
        """The result for these inputs; raises `InputRejected` with the field that is wrong."""
        fields: dict[str, Any] = {
            name: (each.annotation, ... if name in self.required else each.default)
            for name, each in self.parameters.items()
        }
        shape = pydantic.create_model("Inputs", __config__={"extra": "forbid"}, **fields)
        try:
            checked = shape(**inputs)
        except pydantic.ValidationError as wrong:
            raise self._rejected(wrong) from wrong
        return self.solve(**{name: getattr(checked, name) for name in checked.model_fields_set})

    def _rejected(self, wrong: pydantic.ValidationError) -> InputRejected:
        fault = min(
            wrong.errors(),
            key=lambda each: (each["type"] != "extra_forbidden", -len(_place(each["loc"]))),
        )
        name = ".".join(_place(fault["loc"]))
        if fault["type"] == "missing":
            return InputRejected(f"is missing; this form takes {self._listed()}", field=name)
        if fault["type"] == "extra_forbidden":
            return InputRejected(
                f"is no input here; drop it, or write one of {self._listed()}", field=name
            )
        template = REMEDIES.get(fault["type"], fault["msg"].lower())
        remedy = template.format(**fault.get("ctx", {}))
        return InputRejected(f"{_short(fault['input'])} will not do: it {remedy}", field=name)

    def _listed(self) -> str:
        optional = sorted(set(self.parameters) - self.required)
        needed = [name for name in self.parameters if name in self.required]
        return ", ".join(needed) + (f" (and if wanted {', '.join(optional)})" if optional else "")


def parameters_of(function: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """Keyword parameters of a function by name, with their annotations evaluated."""
    hints = typing.get_type_hints(function, include_extras=True)
    return {
        name: each.replace(annotation=hints[name])
        for name, each in inspect.signature(function).parameters.items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    }


def solve(
    forms: Sequence[Form], inputs: Mapping[str, object], *, told: Sequence[str] = ()
) -> Result:
    """The result of the form that the inputs, or what is told of the case, mean.

    told : name, notes and so on, in the order in which they are believed.
    """
    words = {key: inputs[key] for key in METHOD_INPUTS if isinstance(inputs.get(key), str)}
    given = {name: value for name, value in inputs.items() if name not in words}
    for other, name in SAME_AS.items():
        if other in given and name not in given and not any(other in f.parameters for f in forms):
            given[name] = given.pop(other)
    for key, said in words.items():
        named = [form for form in forms if _mention(str(said), form)]
        if not named:
            known = ", ".join(dict.fromkeys(form.words[0] for form in forms if form.words))
            raise InputRejected(
                f"'{said}' is not known here; " + (f"choose from: {known}" if known else "drop it"),
                field=key,
            )
        forms = named
    least = min(form.misfit(given) for form in forms)
    fitting = [form for form in forms if form.misfit(given) == least]
    for text in told:
        best = max(fitting, key=lambda form: _mention(text, form))
        if _mention(text, best):
            return best.answer(given)
    return fitting[0].answer(given)


def _mention(text: str, form: Form) -> int:
    """Letters of the longest name of a form that a text mentions."""
    plain = f" {re.sub('[^a-z0-9]+', ' ', text.lower()).strip()} "
    return max((len(word) for word in form.words if f" {word} " in plain), default=0)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "..."


def _place(location: tuple[int | str, ...]) -> list[str]:
    """Where in the input, without pydantic's branches of a union, as `list[...]`."""
    branch = re.compile(r"(list|dict|constrained|function|tagged)\b.*|float|int|str")
    return [str(part) for part in location if not branch.fullmatch(str(part))]
