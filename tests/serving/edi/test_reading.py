"""Files of several interchanges, as mailboxes write them, are told apart and lose nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.errors import InputRejected
from serving.connectors.edi.reading import interchanges, read_interchange
from tests.serving.edi.papers import CONFIRMED, CONFIRMED_EDIFACT, edifact, x12

ONE = x12(CONFIRMED)
TWO = x12(CONFIRMED, control="000000346")
THREE = edifact(CONFIRMED_EDIFACT)


def other_signs(text):
    """The same X12 with separators of one's own: `|`, `^` and a line feed as terminator."""
    return text.replace("~\n", "\n").replace("*", "|").replace(">", "^")


def controls(content):
    return [read_interchange(piece).control for piece in interchanges(content.encode())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ONE, ["000000345"]),
        (ONE + TWO, ["000000345", "000000346"]),
        (ONE.replace("\n", "") + TWO.replace("\n", ""), ["000000345", "000000346"]),
        (ONE + "\r\n\r\n" + other_signs(TWO), ["000000345", "000000346"]),
        (other_signs(ONE) + TWO, ["000000345", "000000346"]),
        (THREE + "UNA:+.? '\n" + edifact(CONFIRMED_EDIFACT, control="346"), ["345", "346"]),
        (ONE + THREE + TWO, ["000000345", "345", "000000346"]),
        ("\ufeff" + ONE + "\n" + TWO + "\n\n", ["000000345", "000000346"]),
    ],
    ids=["one", "two", "unbroken", "own signs", "own signs first", "una", "mixed", "marked"],
)
def test_each_interchange_is_read_by_itself(text, expected):
    assert controls(text) == expected


def test_what_is_cut_short_or_follows_is_refused_and_the_others_are_not():
    first, second = interchanges((ONE + TWO[:-30]).encode())
    assert read_interchange(first).control == "000000345"
    with pytest.raises(InputRejected):
        read_interchange(second)
    first, second = interchanges((ONE + TWO + "good bye").encode())
    with pytest.raises(InputRejected, match="inside of a segment"):
        read_interchange(second)


def test_a_name_that_reads_like_an_end_is_none():
    body = CONFIRMED_EDIFACT.replace("LIN+2+3+TEA:IN", "LIN+2+3+TEA:IN\nFTX+AAI+++say ?'UNZ+1+3?'")
    text = edifact(body)
    assert controls(text + edifact(CONFIRMED_EDIFACT, control="346")) == ["345", "346"]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_pieces_are_the_file_whatever_it_holds(data):
    parts = data.draw(st.lists(st.sampled_from([ONE, TWO, THREE, "\n", "ISA*", "IEA*1*2~", "é'"])))
    content = "".join(parts).encode()
    cut = data.draw(st.integers(0, len(content)))
    assert b"".join(interchanges(content[:cut])) == content[:cut]
