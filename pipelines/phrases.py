"""Sentences with braces, filled from the columns of a frame."""

from itertools import zip_longest

import polars as pl


def phrase(sentence: str, *filled: pl.Expr | str | pl.Series) -> pl.Expr:
    """The sentence with each `{}` replaced by the value of an expression or column; null if one is.

    What `polars.format` says too, but that of polars 2.1 panics on a frame with an empty chunk, as
    a filter leaves where no row of a chunk stays.

    >>> pl.DataFrame({"sku": ["A"], "n": [2]}).select(phrase("{} of {}", "n", "sku")).item()
    '2 of A'
    """
    parts = sentence.split("{}")
    assert len(parts) == len(filled) + 1, f"'{sentence}' has not {len(filled)} places"
    said: list[pl.Expr] = []
    for text, value in zip_longest(parts, filled):
        if text:
            said.append(pl.lit(text))
        if value is not None:
            said.append(pl.col(value) if isinstance(value, str) else _expression(value))
    return pl.concat_str(said)


def _expression(value: pl.Expr | pl.Series) -> pl.Expr:
    return pl.lit(value) if isinstance(value, pl.Series) else value
