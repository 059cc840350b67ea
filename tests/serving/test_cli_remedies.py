"""Refusals of the command line that say what to do instead, and figures as people write them."""

import re

import pytest

from inventory import transfers as rules
from serving.connectors.order_text import words
from tests.inventory.moving import hand, open_ends
from tests.serving.edi.papers import order

WORKED_OUT = "the daily job works one out where sales are known: `vouch daily`"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "invoices reject A-1004 --reason x",
            "field 'number': 'A-1004' is not a number that `vouch invoices list` prints first",
        ),
        (
            "invoices record no.json",
            "field 'file': cannot read no.json: No such file or directory",
        ),
        (
            "policy hh-01 --location shop-koeln",
            f"no policy 'hh-01/shop-koeln'; {WORKED_OUT}",
        ),
        ("transfer act TR-1 reject", "field 'reason': say why you reject it: --reason TEXT"),
        ("transfer act TR-1 cancel", "field 'reason': say why you cancel it: --reason TEXT"),
    ],
)
def test_a_refusal_says_what_to_do(desk, line, said):
    assert desk(line).stderr.strip() == f"vouch: {said}"


def test_a_plan_without_lanes_names_the_command(desk):
    said = desk("transfer plan").stdout
    assert "say which ways there are with `vouch transfer lane` or PUT" in said
    assert not {"[", "{}"} & set(said.split())


@pytest.mark.parametrize("state", rules.STATES)
@pytest.mark.parametrize("name", rules.ACTS)
def test_remedies_of_transfers_work(state, name):
    """Followed to the letter, each leads to where the act, or what stands for it, is allowed."""
    if state in rules.ACTS[name].from_states:
        return
    remedy = rules.remedy(state, name)
    if " instead " in remedy:
        assert state in rules.ACTS[remedy.split()[0]].from_states
    elif remedy:
        for step in remedy.removeprefix("first ").split(", then "):
            state = rules.next_state("TR-1", state, step.split()[0])
        assert state in rules.ACTS[name].from_states


@pytest.mark.parametrize(("currency", "total"), [("EUR", "EUR 505.00"), ("JPY", "JPY 505")])
def test_a_mail_writes_money_as_the_paper_does(currency, total):
    assert f"{total} in total" in words(order(currency=currency), buyer="Us")


def test_a_dear_transfer_says_that_a_second_buyer_must_sign(desk, db):
    open_ends(db)
    transfer = hand(db)
    assert desk("transfer terms set DC --second-approval-above 5").stdout.startswith("two")
    assert desk(f"transfer act {transfer} accept").returncode == 0
    signed = desk(f"transfer act {transfer} approve").stdout.splitlines()
    assert signed[0].startswith(f"{transfer} is accepted")
    assert signed[1].endswith(" did, another buyer must too")
    shown = [line.strip() for line in desk(f"transfer show {transfer}").stdout.splitlines()]
    assert shown[1] == signed[1]
    assert shown[2].startswith("1  TEA: 6, 0 shipped, 0 received; by hand, saves ")
    assert " approve by cli:" in shown[-1]


def test_steps_of_a_transfer_have_their_roles_in_help(desk):
    said = [
        re.split(r" {2,}", line.strip()) for line in desk("transfer act --help").stdout.split("\n")
    ]
    roles = {cells[0]: cells[1] for cells in said if cells[0] in rules.ACTS}
    assert roles == {name: " or ".join(act.roles) for name, act in rules.ACTS.items()}
