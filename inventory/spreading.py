"""Locating promises on groups at a glance: evenly, so that every location keeps about as much.

It is one of many ways to locate them, and not one that anybody is bound to. But as long as it finds
a place for all, a location can give up what it was dealt and no more than that becomes homeless:
a bound on what promises on groups can ever need there, for the price of a sort.
"""

from collections.abc import Collection, Sequence


def spread(
    given_units: Sequence[int], promises: Sequence[tuple[Collection[int], int]]
) -> list[int] | None:
    """Units dealt to each location; None where not all found a place this way.

    `given_units`: what each location can give, zero or more. `promises`: the locations, as indices,
    that each may go to, and its units. Who has the least choice goes first.

    >>> spread([5, 9, 2], [((0, 1, 2), 6), ((2,), 1)])
    [1, 5, 1]
    >>> spread([1, 9], [((0,), 2)]) is None
    True
    >>> spread([1, 9], [((), 2)]) is None
    True
    """
    left = list(given_units)
    for members, units in sorted(promises, key=lambda promise: sum(left[i] for i in promise[0])):
        level = _level([left[i] for i in members], units) if members else None
        if level is None:
            return None
        over = sum(max(0, left[i] - level) for i in members) - units
        for i in sorted(members):
            if left[i] > level:
                # A unit more than needed at the level stays where it is, at the first of them.
                keeps = level + 1 if over > 0 else level
                over -= keeps - level
                left[i] = keeps
    return [given - rest for given, rest in zip(given_units, left, strict=True)]


def _level(left: Sequence[int], units: int) -> int | None:
    """The highest level down to which locations can give, all alike, so that it makes `units`."""
    taken, above = 0, sorted(left, reverse=True)
    for count, (here, below) in enumerate(zip(above, [*above[1:], 0], strict=True), start=1):
        if taken + count * (here - below) >= units:
            return here - -(-(units - taken) // count)
        taken += count * (here - below)
    return None
