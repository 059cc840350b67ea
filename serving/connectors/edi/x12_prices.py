"""Prices in X12: of one unit, whatever number of units the price is per (data element 639)."""

from decimal import Decimal

from serving.connectors.edi.segments import Segment

UNITS_PER_PRICE = {
    1: ("", "PE", "UM", "QE", "LE", "TE", "WE", "CA", "CP", "CT", "DI", "DR", "FX", "NT", "PR",
        "QT", "ST", "WH"),
    10: ("PN",),
    12: ("PD", "LD", "TD", "WD"),
    100: ("HP", "QH", "LC", "TC", "WC"),
    1_000: ("TP", "QS", "LM", "TM", "WM"),
    10_000: ("TT",),
    100_000: ("HT",),
}  # fmt: skip
"""Price per each, ten, dozen, hundred, thousand ...: as such (PE, HP, TP), quoted, of the
catalogue, the contract or wholesale; and kinds of a price of one unit, as CA (catalogue), CT
(contract), NT (net) and PR (promotion). Not in it, and refused: prices that shoppers pay (RE, SR),
and prices per weight, length or time."""
PER_UNITS = {code: Decimal(units) for units, codes in UNITS_PER_PRICE.items() for code in codes}

NO_PRICE = ("NQ", "TB", "NS")
"""No quote, to be negotiated, not priced by itself."""
NO_CHARGE = "NC"


def unit_price(segment: Segment, element: int, basis: int) -> Decimal | None:
    """Money per unit from a price and its basis; None where no price is given.

    Raises `InputRejected` for a price that is per something else than units.
    """
    code = segment.text(basis).upper()
    if code == NO_CHARGE:
        if segment.text(element) and segment.price(element):
            raise segment.unclear(element, "a price, and 'NC' says that there is no charge")
        return Decimal(0)
    if code in NO_PRICE or not segment.text(element):
        return None
    price = segment.price(element)
    if code not in PER_UNITS:
        raise segment.unclear(
            basis, f"the price is by '{code}', not per unit; ask the vendor for PE"
        )
    return price / PER_UNITS[code]
