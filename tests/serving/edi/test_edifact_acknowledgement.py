"""CONTRL, what partners' systems say of our orders in EDIFACT: syntax versions 3 and 4."""

import warnings

import pytest
from pydifact.segmentcollection import Interchange

from inventory.errors import InputRejected
from serving.connectors.edi import edifact_acknowledgement
from serving.connectors.edi.reading import read_interchange
from tests.serving.edi.papers import edifact

UCI = "UCI+12+VOUCH:ZZ+ACME:ZZ+{}"
UCM = "UCM+1+ORDERS:D:96A:UN+{}"


def heard(*segments):
    text = edifact("\n".join(segments), kind="CONTRL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It tells of directories that it does not have.
        (message,) = Interchange.from_str(text).get_messages()
    assert message.type == "CONTRL"
    (transaction,) = read_interchange(text.encode()).transactions
    return edifact_acknowledgement.read(transaction)


@pytest.mark.parametrize(
    ("segments", "accepted", "notes"),
    [
        ([UCI.format(7)], True, ""),
        ([UCI.format(7), UCM.format(7)], True, ""),
        ([UCI.format(8)], None, ""),
        ([UCI.format(4) + "+18"], False, "UCI 12 VOUCH ZZ ACME ZZ 4 18"),
        ([UCI.format(7), UCM.format(4) + "+12", "UCS+5+13", "UCD+12+2:1"], False,
         "UCM 1 ORDERS D 96A UN 4 12; UCS 5 13; UCD 12 2 1"),
    ],
    ids=["acknowledged", "the message too", "received", "rejected", "the message rejected"],
)  # fmt: skip
def test_action_codes(segments, accepted, notes):
    found = heard(*segments)
    assert (found.group_id, found.group_control) == ("ORDERS", "12")
    assert (found.accepted, found.notes) == (accepted, notes)


@pytest.mark.parametrize(
    ("segments", "field"),
    [([UCM.format(7)], "UNH01"), ([UCI.format(5)], "UCI04"), ([UCI.format("")], "UCI04")],
)
def test_what_says_nothing_is_refused(segments, field):
    with pytest.raises(InputRejected) as refused:
        heard(*segments)
    assert refused.value.field == field
