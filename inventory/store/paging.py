"""Opaque cursors of paged lists: the sort key of the last row, as text that fits into a URL."""

import base64
import binascii
import json
from collections.abc import Sequence

from inventory.errors import InputRejected


def encode_cursor(key: Sequence[str | int]) -> str:
    """A cursor that continues after the row with this sort key.

    >>> decode_cursor(encode_cursor(["SKU-1", 7]), str, int)
    ['SKU-1', 7]
    """
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *parts: type[str] | type[int]) -> list[str | int]:
    """The sort key in a cursor, of such parts; `InputRejected` for text that never was one."""
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        key = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, binascii.Error, UnicodeError) as error:
        raise InputRejected("use the cursor of the page before as it was given",
                            field="cursor") from error  # fmt: skip
    if not isinstance(key, list) or [type(part) for part in key] != list(parts):
        raise InputRejected("use the cursor of the page before as it was given", field="cursor")
    return key
