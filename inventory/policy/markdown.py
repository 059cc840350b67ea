"""Clearing a season's stock: what will be left at its end, and what a lower price must achieve."""


def expected_end_units(
    *, start_units: float, now_units: float, week: float, season_weeks: float
) -> float:
    """Stock at the season's end if it goes on shrinking by the same share each week.

        I_T = I_t · (I_t / I_0)^((T − t) / t)

    Parameters
    ----------
    start_units : I_0 > 0. now_units : I_t in [0, I_0], after `week` t > 0 of T = `season_weeks`.

    Source
    ------
    Walker, A model for determining price markdowns of seasonal merchandise (1999), Journal of
    Product & Brand Management 8(4).

    >>> round(expected_end_units(start_units=1000, now_units=825, week=2, season_weeks=16), 1)
    214.6
    """
    return float(now_units * (now_units / start_units) ** ((season_weeks - week) / week))


def required_sales_multiple(
    price_ratio: float, *, start_units: float, now_units: float, week: float, season_weeks: float
) -> float | None:
    """How much faster stock must shrink at a price of `price_ratio` times the old one to pay.

    What is sold until the end at the lower price must earn what would have been sold at the old
    one. The weekly share sold that this takes, over the share sold so far:

        (1 − (1 − (1 − r^((T−t)/t)) / ρ)^(1/(T−t))) / (1 − r^(1/t)),  r = I_t / I_0

    None where no sales rate earns it: even all the stock at that price would bring less.

    Source: Walker (1999), as `expected_end_units`.

    >>> round(required_sales_multiple(
    ...     0.9, start_units=1000, now_units=825, week=2, season_weeks=16), 4)
    1.2651
    """
    left = now_units / start_units
    rest_weeks = season_weeks - week
    sold_share = 1 - left ** (rest_weeks / week)
    needed = sold_share / price_ratio
    so_far = 1 - left ** (1 / week)
    if needed > 1 or so_far <= 0 or rest_weeks <= 0:
        return None
    return float((1 - (1 - needed) ** (1 / rest_weeks)) / so_far)
