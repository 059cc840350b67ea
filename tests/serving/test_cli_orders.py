"""`vouch orders` and `vouch invoices` on one order from proposal to paid."""

import json

import pytest

from tests.inventory.ordering import NOW, do, open_centre, proposed, sent


@pytest.fixture
def vouch(desk):
    def run(line):
        done = desk(line)
        return done.returncode, done.stdout.strip() or done.stderr.strip()

    run.folder = desk.folder
    return run


def told(vouch, line):
    code, printed = vouch(f"{line} --json")
    assert code == 0, printed
    return json.loads(printed)


def test_an_order_from_proposal_to_receipt(vouch, db):
    order = proposed(open_centre(db))
    assert told(vouch, "orders list --state proposed")["orders"][0]["id"] == order
    assert "ACME for DC on 2026-03-09: 560.00" in vouch("orders list --sort value")[1]
    shown = vouch(f"orders show {order}")[1].splitlines()
    assert "1  CUP: 40 at 4 is 160.00; 0 received" in shown[1]
    for step, state in [("accept", "accepted"), ("approve", "approved"), ("send", "sent")]:
        code, said = vouch(f"orders act {order} {step} --reason 'as agreed'")
        assert (code, said.splitlines()[0]) == (0, f"{order} is {state}")
    assert vouch("orders late")[1] == "no order is late"  # What is sent late is due late.
    db.execute("update purchase_order_lines set arrives_on = '2026-03-09', due_on = '2026-03-09'")
    late = told(vouch, "orders late")["orders"]
    assert [(row["order_id"], row["open_units"]) for row in late] == [(order, 140)]
    moved = told(vouch, f"orders act {order} redate --on 2026-03-12 --reason strike")
    assert {line["expected_on"] for line in moved["lines"]} == {"2026-03-12"}
    assert vouch(f"orders act {order} close --on 2026-03-12")[0] == 2
    assert vouch(f"orders act {order} receive")[1] == f"{order} is received"
    assert vouch("orders late")[1] == "no order is late"
    assert told(vouch, "orders approvals")["approved"] == 1
    code, printed = vouch(f"orders act {order} vanish")
    assert (code, "is none of" in printed) == (2, True)


def test_an_edit_says_why_and_against_what(vouch, db):
    order = proposed(open_centre(db))
    db.execute("update skus set pack_size = 12 where sku = 'TEA'")
    code, printed = vouch(f"orders edit {order} --quantity TEA=50 --reason 'half a pallet'")
    assert (code, "50 of 'TEA': not whole packs of 12; order 60" in printed) == (2, True)
    line = f"orders edit {order} --quantity TEA=50 --reason 'half a pallet' --version 1"
    assert told(vouch, f"{line} --anyway")["version"] == 2
    code, printed = vouch(f"{line} --anyway")
    assert code != 0
    assert "at version 2 and you saw 1, since when: edit by" in printed
    assert "(half a pallet)" in printed
    assert vouch(f"orders act {order} accept --version 1")[0] != 0
    assert vouch(f"orders act {order} accept --version 2") == (0, f"{order} is accepted")
    assert "not SKU=UNITS" in vouch(f"orders edit {order} --quantity TEA --reason x")[1]


def test_what_was_refused_is_listed_and_lifted(vouch, db):
    order = proposed(open_centre(db))
    assert vouch(f"orders act {order} reject --reason 'under dispute'")[0] == 0
    (tea,) = told(vouch, "planning refusals --sku TEA")["refusals"]
    code, printed = vouch("planning refusals")
    assert code == 0
    assert f"{tea['id']} held: 100 TEA at DC, refused by" in printed
    assert "(under dispute), until" in printed
    assert "until 125 are needed" in printed
    assert "proposed by the next run" in vouch(f"planning lift {tea['id']} --reason settled")[1]
    assert told(vouch, "planning refusals --sku TEA")["refusals"] == []


def test_an_invoice_from_file_to_decision(vouch, db):
    order = sent(open_centre(db))
    bill = {
        "id": "d1", "vendor": "ACME", "number": "I-1", "order": order,
        "lines": [{"line": 2, "quantity": 100, "unit_price": 4.1}],
    }  # fmt: skip
    (vouch.folder / "bill.json").write_text(json.dumps(bill))
    for _ in range(2):  # The repeat changes nothing.
        found = told(vouch, "invoices record bill.json")
    assert [wrong["kind"] for wrong in found["discrepancies"]] == ["not_received", "price"]
    assert "2 discrepancies" in vouch("invoices list")[1]
    lines = vouch("invoices discrepancies --kind price")[1]
    assert lines.endswith(f"ACME I-1 line 1 ({order} TEA): price, 4.1 instead of 4, +10.00")
    code, printed = vouch(f"invoices approve {found['id']}")
    assert (code, "say why" in printed) == (2, True)
    assert vouch(f"invoices reject {found['id']} --reason 'wrong price'")[0] == 0
    assert vouch("invoices discrepancies")[1] == "every open invoice matches"
    assert db.execute("select decided_at from invoices").fetchone()[0] > NOW


def test_an_invoice_in_another_currency_says_so(vouch, db):
    order = sent(open_centre(db))
    do(db, order, "receive")
    bill = {
        "vendor": "ACME", "number": "I-1", "order": order, "currency": "JPY",
        "lines": [{"line": 2, "quantity": 100, "unit_price": 420}],
    }  # fmt: skip
    (vouch.folder / "bill.json").write_text(json.dumps(bill))
    assert not told(vouch, "invoices record bill.json")["payable"]
    (line,) = vouch("invoices discrepancies")[1].splitlines()
    assert line.endswith(f"ACME I-1 ({order}): in JPY and the order in EUR, +42,000.00")


def test_a_file_that_is_no_invoice_names_its_field(vouch, db):
    open_centre(db)
    (vouch.folder / "bad.json").write_text('{"vendor": "ACME", "number": "1", "lines": [{}]}')
    code, printed = vouch("invoices record bad.json")
    assert (code, "field 'lines.0.quantity'" in printed) == (2, True)
    (vouch.folder / "bad.json").write_text("{")
    assert "cannot read bad.json" in vouch("invoices record bad.json")[1]
