"""Who is told of alerts: each event once, no storms, and nothing of what may wait."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.alert_messages import Subscription, payload, subject, text
from inventory.alerts import Alert
from inventory.errors import InputRejected, NotFound, UnknownSku
from inventory.store import alert_deliveries as queue
from inventory.store import alert_settings as settings
from inventory.store.alerts import list_alerts, replace_alerts

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def alert(sku, *, severity="warning", kind="low_stock"):
    return Alert(kind, severity, f"{sku} is low", sku, "DC", {"current_stock": 1})


def now_open(db, *alerts, at=NOW):
    replace_alerts(db, alerts, kinds=["low_stock", "out_of_stock"], now=at)


def subscribe(db, **more):
    told = {"id": "ops", "method": "email", "target": "ops@example.com"}
    settings.put_subscription(db, Subscription(**(told | more)), now=NOW - MINUTE, by="ann")


def due(db, *, at=NOW):
    """What is due: (digest, [(event, sku)]) of each; claimed and sent."""
    queue.plan(db, now=at)
    claimed = queue.claim(db, now=at)
    for delivery in claimed:
        queue.sent(db, delivery["id"], now=at)
    return [(d["digest"], [(a["event"], a["sku"]) for a in d["alerts"]]) for d in claimed]


def test_an_event_is_told_once(db):
    subscribe(db)
    now_open(db, alert("TEA"), alert("CUP"))
    assert sorted(due(db)) == [(False, [("raised", "CUP")]), (False, [("raised", "TEA")])]
    now_open(db, alert("TEA"), alert("CUP"))
    assert due(db, at=NOW + MINUTE) == []


def test_what_was_raised_before_is_not_told(db):
    now_open(db, alert("TEA"), at=NOW - 2 * MINUTE)
    subscribe(db)
    assert due(db) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, ["CUP", "TEA"]),
        ({"severity_min": "critical"}, ["CUP"]),
        ({"kinds": ("out_of_stock",)}, ["CUP"]),
        ({"locations": ("ST",)}, []),
        ({"severity_min": "info"}, ["CUP", "NUT", "TEA"]),
    ],
    ids=["usual", "severe", "kind", "elsewhere", "everything"],
)
def test_only_what_is_wanted_is_told(db, more, told):
    subscribe(db, **more)
    now_open(db, alert("TEA"), alert("CUP", severity="critical", kind="out_of_stock"),
             alert("NUT", severity="info"))  # fmt: skip
    assert sorted(sku for _, [(_, sku)] in due(db)) == told


def test_a_storm_is_one_digest(db):
    """Six at once where five may come: one message, and the next not within the hour."""
    subscribe(db, digest_above=5)
    first = [alert(f"S{n}") for n in range(6)]
    now_open(db, *first)
    ((digest, alerts),) = due(db)
    assert (digest, len(alerts)) == (True, 6)
    more = [alert(f"T{n}") for n in range(6)]
    now_open(db, *first, *more, at=NOW + MINUTE)
    assert due(db, at=NOW + MINUTE) == []
    ((digest, alerts),) = due(db, at=NOW + 61 * MINUTE)
    assert (digest, len(alerts)) == (True, 6)


def test_a_trickle_is_a_storm_too(db):
    """Five singles within the hour; the sixth waits for company in a digest."""
    subscribe(db, digest_above=5)
    for n in range(5):
        now_open(db, *[alert(f"S{k}") for k in range(n + 1)], at=NOW + n * MINUTE)
        assert [digest for digest, _ in due(db, at=NOW + n * MINUTE)] == [False]
    now_open(db, *[alert(f"S{k}") for k in range(6)], at=NOW + 6 * MINUTE)
    assert due(db, at=NOW + 6 * MINUTE) == [(True, [("raised", "S5")])]


def test_what_comes_and_goes_is_told_once_unless_it_gets_worse(db):
    subscribe(db)
    now_open(db, alert("TEA"))
    assert len(due(db)) == 1
    now_open(db, at=NOW + MINUTE)
    now_open(db, alert("TEA"), at=NOW + 2 * MINUTE)
    assert due(db, at=NOW + 2 * MINUTE) == []
    now_open(db, at=NOW + 3 * MINUTE)
    now_open(db, alert("TEA", severity="critical"), at=NOW + 4 * MINUTE)
    assert len(due(db, at=NOW + 4 * MINUTE)) == 1
    now_open(db, at=NOW + 5 * MINUTE)
    later = NOW + timedelta(hours=13)
    now_open(db, alert("TEA"), at=later)
    assert len(due(db, at=later)) == 1


def test_an_open_alert_that_gets_worse_is_told_again_once(db):
    """It goes up and down all day: each severity is told once, as it is reached from below."""
    subscribe(db, severity_min="info", with_resolved=True)
    for n, (severity, event) in enumerate([
        ("info", "raised"), ("warning", "escalated"), ("info", None), ("warning", None),
        ("critical", "escalated"), ("warning", None), ("critical", None),
    ]):  # fmt: skip
        at = NOW + n * MINUTE
        now_open(db, alert("TEA", severity=severity), at=at)
        assert due(db, at=at) == ([(False, [(event, "TEA")])] if event else [])
    now_open(db, at=NOW + 9 * MINUTE)
    assert due(db, at=NOW + 9 * MINUTE) == [(False, [("resolved", "TEA")])]


def test_what_was_too_light_to_tell_is_raised_when_it_is_not(db):
    subscribe(db)
    now_open(db, alert("TEA", severity="info"))
    assert due(db) == []
    now_open(db, alert("TEA"), at=NOW + MINUTE)
    assert due(db, at=NOW + MINUTE) == [(False, [("raised", "TEA")])]


def test_what_comes_back_worse_and_lately_told_so_is_not_told(db):
    """Told critical, over, back as a warning, then critical again within the hour: no news."""
    subscribe(db)
    now_open(db, alert("TEA", severity="critical"))
    assert len(due(db)) == 1
    now_open(db, at=NOW + MINUTE)
    for n, severity in enumerate(["warning", "critical"], start=2):
        now_open(db, alert("TEA", severity=severity), at=NOW + n * MINUTE)
        assert due(db, at=NOW + n * MINUTE) == []


def test_the_end_is_told_to_those_who_want_it(db):
    subscribe(db, with_resolved=True)
    now_open(db, alert("TEA"))
    assert len(due(db)) == 1
    now_open(db, at=NOW + MINUTE)
    assert due(db, at=NOW + MINUTE) == [(False, [("resolved", "TEA")])]
    assert due(db, at=NOW + 2 * MINUTE) == []


def test_a_snoozed_cause_waits_and_comes_back(db):
    subscribe(db)
    now_open(db, alert("TEA"))
    (found,) = list_alerts(db, now=NOW, snoozed=False)["alerts"]
    until = NOW + timedelta(days=2)
    settings.snooze(db, found["id"], until=until, now=NOW, by="ann", reason="known")
    assert list_alerts(db, now=NOW, snoozed=False)["alerts"] == []
    assert [a["snoozed_until"] for a in list_alerts(db, now=NOW, snoozed=True)["alerts"]] == [until]
    assert due(db) == []
    # It ends and comes back: the same cause still waits.
    now_open(db, at=NOW + MINUTE)
    now_open(db, alert("TEA"), at=NOW + 2 * MINUTE)
    assert due(db, at=NOW + 2 * MINUTE) == []
    assert len(due(db, at=until)) == 1
    assert len(list_alerts(db, now=until, snoozed=False)["alerts"]) == 1


def test_waking_ends_a_snooze(db):
    now_open(db, alert("TEA"))
    (found,) = list_alerts(db)["alerts"]
    settings.snooze(db, found["id"], until=NOW + MINUTE, now=NOW, by="ann")
    settings.wake(db, found["id"])
    assert list_alerts(db, now=NOW, snoozed=True)["alerts"] == []
    with pytest.raises(NotFound):
        settings.wake(db, 99)
    with pytest.raises(NotFound):
        settings.snooze(db, 99, until=NOW + MINUTE, now=NOW, by="ann")
    with pytest.raises(InputRejected):
        settings.snooze(db, found["id"], until=NOW, now=NOW, by="ann")


def test_what_does_not_arrive_is_tried_again_and_given_up_in_the_end(db):
    subscribe(db)
    now_open(db, alert("TEA"))
    queue.plan(db, now=NOW)
    at = NOW
    for attempt in range(1, queue.ATTEMPTS_MAX + 1):
        (delivery,) = queue.claim(db, now=at)
        assert delivery["attempts"] == attempt
        assert queue.claim(db, now=at) == []
        queue.failed(db, delivery["id"], problem="away", attempts=attempt, for_good=False, now=at)
        at += queue.FIRST_PAUSE * 2 ** (attempt - 1)
    assert queue.claim(db, now=at + timedelta(days=1)) == []
    (told,) = queue.recent(db)
    assert (told["state"], told["problem"]) == ("failed", "away")


def test_a_sender_that_died_is_replaced(db):
    subscribe(db)
    now_open(db, alert("TEA"))
    queue.plan(db, now=NOW)
    (lost,) = queue.claim(db, now=NOW)
    assert queue.claim(db, now=NOW + MINUTE) == []
    (again,) = queue.claim(db, now=NOW + queue.CLAIM_LIFE)
    assert again["id"] == lost["id"]


def test_thresholds_are_a_skus_own_or_everybodys_or_usual(db):
    db.execute("insert into skus (sku, name) values ('TEA', 'Tea')")
    settings.put_thresholds(db, "*", {"low_cover_days": 5, "slow_cover_days": 90}, now=NOW, by="a")
    found = settings.put_thresholds(db, "TEA", {"low_cover_days": 1}, now=NOW, by="a")
    assert found["hold"] == {
        "low_cover_days": 1, "over_cover_days": 30, "slow_cover_days": 90, "expiring_days": 7,
    }  # fmt: skip
    assert found["own"]["slow_cover_days"] is None
    with pytest.raises(UnknownSku):
        settings.put_thresholds(db, "NUT", {}, now=NOW, by="a")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"target": "nobody"}, "target"),
        ({"method": "webhook", "target": "http://example.com/x"}, "target"),
        ({"method": "fax"}, "method"),
        ({"severity_min": "awful"}, "severity_min"),
    ],
    ids=["address", "plain http", "method", "severity"],
)
def test_a_subscription_that_cannot_work_is_refused(more, field):
    with pytest.raises(InputRejected) as refused:
        Subscription(**({"id": "x", "method": "email", "target": "a@b.example"} | more))
    assert refused.value.field == field


def told(n, severity="warning"):
    return {"event": "raised", "id": n, "kind": "low_stock", "severity": severity, "sku": f"S{n}",
            "location": "DC", "message": f"S{n} is low",
            "detail": {"current_stock": 1, "action": {"label": "Accept", "method": "POST",
                                                      "path": "/api/v2/x"}}}  # fmt: skip


def test_a_message_says_what_to_do_and_a_digest_counts():
    assert subject([told(1)], digest=False) == "[warning] S1 is low"
    body = text([told(1)], digest=False)
    assert "Stock: 1" in body
    assert "Accept: POST /api/v2/x" in body
    many = [told(n) for n in range(29)] + [told(29, "critical")]
    assert subject(many, digest=True) == "[critical] 30 alerts: 30 low stock"
    assert text(many, digest=True).splitlines()[2] == "* [critical] S29 is low"
    assert "10 more" in text(many, digest=True)
    sent = payload(many, digest=True)["data"]
    assert (sent["count"], len(sent["alerts"])) == (30, 20)
