"""Keys are shown once, and jobs tell how far they are."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Vendor
from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store import catalog, jobs, keys

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


def test_a_key_is_good_until_it_is_revoked(db):
    assert not keys.any_key(db)
    key = keys.create_key(db, role="planner", label="desk", now=NOW)
    found = keys.verify_key(db, key)
    assert (found.role, found.vendor, found.label) == ("planner", None, "desk")
    assert keys.any_key(db)
    keys.revoke_key(db, found.key_id, now=NOW)
    keys.revoke_key(db, found.key_id, now=NOW + timedelta(days=1))
    assert keys.verify_key(db, key) is None
    assert not keys.any_key(db)
    (listed,) = keys.list_keys(db)
    assert (listed["key_id"], listed["revoked_at"]) == (found.key_id, NOW)


def test_the_secret_is_stored_nowhere(db):
    key = keys.create_key(db, role="admin", now=NOW)
    prefix, _, secret = key.split("_")
    assert prefix == "vk"
    assert len(secret) >= 64
    (stored,) = db.execute("select api_keys::text from api_keys").fetchone()
    assert secret not in stored
    assert secret.encode().hex() not in stored


def test_wrong_keys(db):
    key = keys.create_key(db, role="admin", now=NOW)
    other = keys.create_key(db, role="viewer", now=NOW)
    mixed = "_".join([*key.split("_")[:2], other.split("_")[2]])
    for wrong in (
        "",
        "vk",
        key[:-1],
        key + "0",
        mixed,
        "sk" + key[2:],
        "vk_\x00_a",
        "vk_ü_a",
        key.upper(),
    ):
        assert keys.verify_key(db, wrong) is None


def test_a_vendor_key_names_a_vendor_that_exists(db):
    catalog.put(db, Vendor("acme"))
    key = keys.create_key(db, role="vendor", vendor="acme", now=NOW)
    assert keys.verify_key(db, key).vendor == "acme"
    for role, vendor, field in [
        ("vendor", None, "vendor"), ("admin", "acme", "vendor"), ("vendor", "nobody", "vendor"),
        ("king", None, "role"),
    ]:  # fmt: skip
        with pytest.raises(InputRejected) as error:
            keys.create_key(db, role=role, vendor=vendor, now=NOW)
        assert error.value.field == field


def test_a_key_that_never_was_cannot_be_revoked(db):
    with pytest.raises(NotFound, match="no key '0123abcd'"):
        keys.revoke_key(db, "0123abcd", now=NOW)


def test_a_job_from_start_to_end(db):
    jobs.create(db, job_id="j1", kind="sync", total=10, now=NOW)
    assert jobs.get(db, "j1")["state"] == "queued"
    jobs.progress(db, "j1", phase="writing", done=4, now=NOW)
    assert (jobs.get(db, "j1")["state"], jobs.get(db, "j1")["done"]) == ("running", 4)
    jobs.succeed(db, "j1", result={"applied": 10}, now=NOW)
    done = jobs.get(db, "j1")
    assert (done["state"], done["done"], done["result"]) == ("succeeded", 10, {"applied": 10})
    with pytest.raises(StateConflict):
        jobs.fail(db, "j1", problem="late", now=NOW)
    with pytest.raises(NotFound):
        jobs.progress(db, "j2", phase="writing", now=NOW)


def test_jobs_whose_server_is_gone(db):
    jobs.create(db, job_id="old", kind="sync", total=1, now=NOW - timedelta(hours=2))
    jobs.create(db, job_id="new", kind="sync", total=1, now=NOW)
    assert jobs.fail_abandoned(db, before=NOW - timedelta(hours=1), now=NOW) == 1
    assert jobs.get(db, "old")["state"] == "failed"
    assert "send the request again" in jobs.get(db, "old")["problem"]
    assert jobs.get(db, "new")["state"] == "queued"
