"""Counts and money as people read them, in messages."""


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "day"), counted(1200, "unit"), counted(2, "entry", "entries")
    ('1 day', '1,200 units', '2 entries')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def money(amount: float, currency: str | None) -> str:
    """Money with its currency, where that is known.

    >>> money(11931, "EUR"), money(-0.5, None)
    ('EUR 11,931.00', '-0.50')
    """
    return f"{currency} {amount:,.2f}" if currency else f"{amount:,.2f}"
