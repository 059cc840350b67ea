"""What can come of a delivery: it arrived, it may arrive later, or it never will as it is."""


class NotDelivered(Exception):
    """The other side did not take it. `for_good`: trying again as it is would be no use."""

    def __init__(self, problem: str, *, for_good: bool) -> None:
        self.problem = problem
        self.for_good = for_good
        super().__init__(problem)


class NotPossible(Exception):
    """Nothing was tried: an address, a setting or an id is missing or does not fit."""
