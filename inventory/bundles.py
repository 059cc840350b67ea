"""Bundles: several SKUs sold as one. They have no stock of their own.

Components that are also sold loose share one ledger with the bundle: a bundle is promised by
promising its components.
"""

from collections.abc import Mapping, Sequence


def explode(components: Mapping[str, int], bundles: int) -> dict[str, int]:
    """Units of each component in so many bundles.

    >>> explode({"A": 1, "B": 2}, 3)
    {'A': 3, 'B': 6}
    """
    return {sku: units * bundles for sku, units in components.items()}


def bundle_atp(component_atp: Mapping[str, int], components: Mapping[str, int]) -> int:
    """Whole bundles that the components allow: min ⌊ATP_i / n_i⌋.

    Rounds down also below zero, so that a raw (signed) availability stays conservative.

    >>> bundle_atp({"A": 150, "B": 200}, {"A": 1, "B": 2})
    100
    """
    return min(component_atp[sku] // units for sku, units in components.items())


def binding_component(component_atp: Mapping[str, int], components: Mapping[str, int]) -> str:
    """The component that limits the bundle; the first by name when several do."""
    return min(sorted(components), key=lambda sku: component_atp[sku] // components[sku])


def bundle_atp_by_day(
    component_atp: Mapping[str, Sequence[int]], components: Mapping[str, int]
) -> list[int]:
    """The same for every day; all components over the same days."""
    days = range(len(next(iter(component_atp.values()))))
    return [
        bundle_atp({sku: atp[t] for sku, atp in component_atp.items()}, components) for t in days
    ]
