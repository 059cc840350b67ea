"""Pages of lists: what they may be asked by, and opaque cursors to the page that follows.

A cursor is the sort key of the last row, as text that fits into a URL.
"""

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from inventory.errors import InputRejected


def encode_cursor(key: Sequence[str | int | datetime]) -> str:
    """A cursor that continues after the row with this sort key; moments become ISO 8601.

    >>> decode_cursor(encode_cursor(["SKU-1", 7]), str, int)
    ['SKU-1', 7]
    """
    text = json.dumps(list(key), default=datetime.isoformat)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


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


def before_id(cursor: str | None) -> int | None:
    """The id in the cursor of a list by id; None where the list begins.

    >>> before_id(encode_cursor([7]))
    7
    """
    return int(decode_cursor(cursor, int)[0]) if cursor else None


def page_of(
    rows: list[dict[str, Any]], *, name: str, limit: int, by: Sequence[str] = ("id",)
) -> dict[str, Any]:
    """A page of rows of which one more than `limit` was asked for, sorted `by` these columns.

    >>> page = page_of([{"id": 9}, {"id": 8}], name="alerts", limit=1)
    >>> page["alerts"], before_id(page["next_cursor"])
    ([{'id': 9}], 9)
    """
    last = rows[limit - 1] if len(rows) > limit else None
    more = encode_cursor([last[column] for column in by]) if last else None
    return {name: rows[:limit], "next_cursor": more}


def check_choice(value: str | None, choices: Collection[str], *, field: str) -> None:
    """Raise `InputRejected` unless a list is asked by a word that it knows, or by none."""
    if value is not None and value not in choices:
        raise InputRejected(
            f"'{value}' is no {field}; use one of {', '.join(choices)}", field=field
        )
