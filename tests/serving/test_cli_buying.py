"""What buyers settle and decide with `vouch orders` and `vouch dispatch settings`."""

import json
import re

import pytest

from inventory.purchase_orders import ACTS
from inventory.store import verify
from tests.inventory.ordering import do, on_hand, open_centre, proposed, sent

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"


@pytest.fixture
def vouch(desk):
    """`vouch(line)`: what it printed, where it did as it was told."""

    def run(line):
        done = desk(line)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    run.refused = lambda line: desk(line).stderr.strip()
    return run


def told(vouch, line):
    return json.loads(vouch(f"{line} --json"))


def test_an_order_comes_in_parts_and_the_surplus_is_decided_on(vouch, db):
    order = sent(open_centre(db))  # 40 CUP (line 1), 100 TEA (line 2).
    part = f"orders receive {order} --line 1=10 --quantity TEA=100 --document N-1"
    for _ in range(2):  # Booked again, the delivery note changes nothing.
        assert [line.strip() for line in vouch(part).splitlines()] == [
            f"{order} is partially received", "1  CUP: 10 of 40 came", "2  TEA: 100 of 100 came",
        ]  # fmt: skip
    assert on_hand(db) == {"CUP": 10, "TEA": 100}
    vouch(f"orders receive {order} --quantity TEA=8 --quantity CUP=30")
    assert on_hand(db, "inspection") == {"TEA": 8}
    assert f"108 received, 8 wait: `vouch orders approve-receipt {order}:2`" in vouch(
        f"orders show {order}"
    )
    line = vouch("orders waiting")
    assert line.startswith(f"{order}:2  8 of TEA at DC since ")
    assert line.endswith("from ACME; 8 beyond what was ordered")
    assert vouch(f"orders approve-receipt {order}:2 --units 5 --id d1") == (
        "5 units of TEA at DC are available, 3 wait"
    )
    assert told(vouch, f"orders approve-receipt {order}:2 --units 5 --id d1")["awaiting"] == 3
    assert vouch(f"orders approve-receipt {order}:2 --as scrap") == "3 units of TEA at DC are scrap"
    assert vouch("orders waiting") == "nothing waits for approval"
    assert (on_hand(db)["TEA"], on_hand(db, "inspection")) == (105, {})
    assert "nothing is left to decide" in vouch.refused(f"orders approve-receipt {order}:2")
    assert verify.verify(db).drifts == []


def test_without_lines_all_that_is_open_came(vouch, db):
    order = sent(open_centre(db))
    assert told(vouch, f"orders receive {order}")["state"] == "received"
    assert on_hand(db) == {"CUP": 40, "TEA": 100}


@pytest.mark.parametrize("line", ["--line TEA=3", "--line 1", "--quantity TEA", "--line 1=-3"])
def test_what_came_is_told_by_line_or_sku(vouch, line):
    assert "e.g." in vouch.refused(f"orders receive PO-1 {line}")


def test_an_order_above_the_limit_says_that_a_second_buyer_must_sign(vouch, db):
    order = proposed(open_centre(db))
    assert vouch("orders terms set ACME --second-approval-above 500").startswith(
        "two different buyers approve an order worth more than 500"
    )
    vouch(f"orders act {order} accept")
    said = vouch(f"orders act {order} approve").splitlines()
    assert said[0] == f"{order} is accepted"
    why = "two different buyers must approve it, as it is worth more than 500.00: cli:"
    assert said[1].startswith(why)
    assert said[1].endswith(" did, another buyer must too")
    assert said[1] in vouch(f"orders show {order}")
    do(db, order, "approve", actor="bea")
    assert " and bea did" in vouch(f"orders show {order}")


def test_to_reject_and_to_cancel_one_says_why(vouch, db):
    order = proposed(open_centre(db))
    for step in ("reject", "cancel"):
        assert f"say why you {step} it" in vouch.refused(f"orders act {order} {step}")
        assert f"say why you {step} it" in vouch.refused(f"orders act {order} {step} --reason ' '")
    assert vouch(f"orders act {order} cancel --reason 'not needed'") == f"{order} is cancelled"
    assert order in vouch("orders list --state cancelled")
    assert vouch("orders list") == "no orders"


def test_help_says_who_may_take_which_step(vouch):
    said = [re.split(r" {2,}", line.strip()) for line in vouch("orders act --help").splitlines()]
    roles = {cells[0]: cells[1] for cells in said if cells[0] in ACTS}
    steps = {name: " or ".join(act.roles) for name, act in ACTS.items() if name != "cancel_rest"}
    assert roles == steps
    usual = ["accept", "approve", "send", "confirm", "ship", "receive", "close"]
    assert list(roles)[: len(usual)] == usual


def test_terms_hold_for_a_vendor_else_for_all(vouch, db):
    open_centre(db)
    vouch("orders terms set '*' --over-receipt 0.1")
    vouch("orders terms set ACME --invoice-price 0.02")
    assert vouch("orders terms show ACME").splitlines()[1:3] == [
        "10 % beyond an order may come without approval",
        "an invoice may differ by 0 % of the units and 2 % of the price",
    ]
    assert told(vouch, "orders terms show BOLT")["in_force"]["invoice_price_share"] == 0
    assert "5 % is 0.05" in vouch.refused("orders terms set ACME --over-receipt 50")


def test_rules_are_set_listed_turned_off_and_removed(vouch, db):
    open_centre(db)
    vouch("orders rules set small --vendor ACME --value-max 500 --segment AX --segment AY")
    vouch("orders rules set usual --transfers --origin DC --deviation-max 0.2 --off")
    assert vouch("orders rules list").splitlines() == [
        "small: purchase orders, vendor ACME, only of class AX, AY, worth 500 at most",
        "usual (off): transfers, origin DC, no line more than 20% off its usual quantity",
    ]
    assert "bound the value or the deviation" in vouch.refused("orders rules set all")
    vouch("orders rules remove small")
    assert [rule["id"] for rule in told(vouch, "orders rules list")["rules"]] == ["usual"]


def test_calendars_are_set_listed_and_removed(vouch, db):
    open_centre(db)
    line = "orders calendars set m --vendor ACME --weekday monday --weekday friday --location DC"
    said = "m: ACME for DC on monday, friday; closed on 2026-12-25"
    assert vouch(f"{line} --closed-on 2026-12-25") == said
    assert vouch("orders calendars list --vendor ACME") == said
    assert vouch("orders calendars list --vendor BOLT") == "BOLT takes orders every day"
    assert "give one or more of monday" in vouch.refused(
        "orders calendars set x --vendor ACME --weekday payday"
    )
    vouch("orders calendars remove m")
    assert told(vouch, "orders calendars list")["order_calendars"] == []


def test_where_a_vendor_wants_its_orders_is_set_shown_and_removed(vouch, db):
    open_centre(db)
    assert vouch("dispatch settings show ACME").startswith("ACME cannot be sent any order")
    vouch(
        "dispatch settings set ACME --channel edi --edi-standard x12 --edi-qualifier ZZ --edi-id A "
        f"--sftp-host files.acme.example --sftp-user us --sftp-host-key '{HOST_KEY}'"
    )
    found = told(vouch, "dispatch settings show ACME")
    assert (found["channel"], found["sftp"]["host"], found["sftp"]["port"]) == (
        "edi", "files.acme.example", 22,
    )  # fmt: skip
    assert "edi id: A" in vouch("dispatch settings show ACME")
    assert "a webhook needs a URL" in vouch.refused("dispatch settings set ACME --channel webhook")
    vouch("dispatch settings remove ACME")
    assert vouch("dispatch settings set BOLT --channel email --email a@b.example").splitlines() == [
        "vendor: BOLT", "channel: email", "emails: a@b.example",
    ]  # fmt: skip
