"""Figures, times and codes as people read them."""

from datetime import date, datetime

PREFIX = "/console"
"""Where every page of the console lives."""

MINUS = "−"

STATE_WORDS = {
    "out": "Out of stock",
    "low": "Low",
    "healthy": "Healthy",
    "over": "Overstocked",
    "no_policy": "No policy yet",
}
STATE_MEANINGS = {
    "out": "nothing left to sell, though something would sell",
    "low": "what is left to sell is at or below the reorder point",
    "healthy": "above the reorder point",
    "over": "above the order-up-to level by more than a month of demand",
    "no_policy": "no reorder point computed yet",
}
METHOD_WORDS = {
    "ship": "Ship from warehouse",
    "sfs": "Ship from store",
    "bopis": "Pick up in store",
    "same_day": "Same day",
}

TERM_WORDS = {
    "on-hand": "On hand",
    "soft-holds": "Carts (soft holds)",
    "orders": "Orders",
    "pre-orders": "Pre-orders",
    "inbound": "Inbound",
    "buffer": "Promise buffer",
    "group-promises": "Promised through groups",
}

MEMBER_WORDS = {"arima": "ARIMA", "lstm": "LSTM", "sba": "SBA", "tsb": "TSB"}

SMALL = 10
SIZES = ((1e9, 1e9, "B", 2), (1e6, 1e6, "M", 2), (1e4, 1e3, "K", 1))
"""From which value on, in what, with which letter and how many decimals."""


def number(value: float) -> str:
    """Thousands apart; one decimal where the value is small and not whole.

    >>> number(1234567), number(4.25), number(41.6), number(-3)
    ('1,234,567', '4.2', '42', '−3')
    """
    whole = abs(value) >= SMALL or float(value).is_integer()
    shown = f"{abs(value):,.0f}" if whole else f"{abs(value):,.1f}"
    return f"{MINUS}{shown}" if value < 0 and shown.strip("0.") else shown


def compact(value: float) -> str:
    """Three or four digits that fit a card.

    >>> compact(1250), compact(48_200), compact(1_234_567), compact(12)
    ('1,250', '48.2 K', '1.23 M', '12')
    """
    sign = MINUS if value < 0 else ""
    for least, size, letter, decimals in SIZES:
        if abs(value) >= least:
            return f"{sign}{abs(value) / size:,.{decimals}f} {letter}"
    return number(value)


def signed(value: float) -> str:
    """A change: always with its sign.

    >>> signed(4), signed(-2.5), signed(0)
    ('+4', '−2.5', '0')
    """
    return f"+{number(value)}" if value > 0 else number(value)


def day(value: date) -> str:
    """
    >>> day(date(2026, 11, 2))
    '2 Nov 2026'
    """
    return f"{value.day} {value:%b %Y}"


def moment(value: datetime) -> str:
    """A time with its zone; ours are all UTC.

    >>> from datetime import UTC
    >>> moment(datetime(2026, 11, 2, 9, 5, tzinfo=UTC))
    '2 Nov 2026, 09:05 UTC'
    """
    return f"{day(value)}, {value:%H:%M} UTC"


def ago(value: datetime, *, now: datetime) -> str:
    """How long since.

    >>> from datetime import UTC, timedelta
    >>> now = datetime(2026, 11, 2, tzinfo=UTC)
    >>> ago(now - timedelta(minutes=3), now=now), ago(now - timedelta(days=2), now=now)
    ('3 min ago', '2 d ago')
    """
    minutes = (now - value).total_seconds() / 60
    if minutes < 1:
        return "just now"
    for size, unit in ((24 * 60, "d"), (60, "h"), (1, "min")):
        if minutes >= size:
            return f"{minutes / size:.0f} {unit} ago"
    raise AssertionError


def method(code: str) -> str:
    """A fulfilment method in words; an unknown code stands for itself."""
    return METHOD_WORDS.get(code, code.replace("_", " ").capitalize())


def term(code: str) -> str:
    """A term of an availability answer in words; an unknown one stands for itself."""
    return TERM_WORDS.get(code, sentence(code))


def member_name(code: str) -> str:
    """A member of the ensemble as the field writes it.

    >>> member_name("lstm"), member_name("seasonal_naive")
    ('LSTM', 'Seasonal naive')
    """
    return MEMBER_WORDS.get(code, sentence(code))


def sentence(code: str) -> str:
    """A code such as `partially_received` in words.

    >>> sentence("partially_received")
    'Partially received'
    """
    return code.replace("_", " ").capitalize()


def counted(count: int, noun: str) -> str:
    """
    >>> counted(1, "line"), counted(2, "line")
    ('1 line', '2 lines')
    """
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"
