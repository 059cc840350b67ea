"""What `vouch demo` does before it serves: load, forecast, make a key, say where to look."""

import os
import shutil
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from inventory.store import database, keys, policies
from pipelines.demo import DemoHero, load_demo
from pipelines.settings import Settings, own_connection
from serving.cli.screen import progress


@dataclass(frozen=True, slots=True)
class Ready:
    """A demo that can be looked at: its key, and the SKU to look at first."""

    key: str
    hero: DemoHero


def prepare(settings: Settings, *, skus: int, days: int, now: datetime) -> Ready:
    """Tables, the made-up retailer, the daily job where it has not run today, and a key."""
    with own_connection(settings) as db:
        database.migrate(db, now=now, report=progress)
        loaded = load_demo(db, now=now, seed=settings.seed, skus=skus, days=days, progress=progress)
        if not loaded.already_loaded or not _has_policies(db):
            _plan(settings, now)
        return Ready(key=demo_key(db, settings.data_dir, now=now), hero=loaded.hero)


def _has_policies(db: psycopg.Connection) -> bool:
    return bool(policies.list_policies(db, limit=1)["policies"])


def _plan(settings: Settings, now: datetime) -> None:
    from pipelines.daily import daily

    assert settings.database_url is not None
    report = daily(settings.database_url, settings, now=now, progress=progress)
    for line in report.lines():
        progress(line)


def demo_key(db: psycopg.Connection, data_dir: Path, *, now: datetime) -> str:
    """The demo's admin key, kept beside its data for the next run; made anew when it is gone."""
    path = data_dir / "demo.key"
    if path.exists() and keys.verify_key(db, key := path.read_text().strip()):
        return key
    key = keys.create_key(db, role="admin", label="demo", now=now)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key)
    return key


def own_command() -> str:
    """How the reader's shell reaches us: by name, or by the path that started this."""
    return "vouch" if shutil.which("vouch") else sys.argv[0]


def where_to_look(settings: Settings, ready: Ready) -> list[str]:
    """What the demo prints last: three places and three requests that work."""
    at, hero = f"http://{settings.host}:{settings.port}", ready.hero
    call = f"curl -s -H 'Authorization: Bearer {ready.key}'"
    view = f"location={hero.location}&channel={hero.channel}&method=bopis"
    basket = (
        f'{{"kind":"soft","channel":"{hero.channel}","method":"bopis",'
        f'"location":"{hero.location}","lines":[{{"sku":"{hero.sku}","quantity":1}}]}}'
    )
    return [
        "",
        f"Console    {at}/console   (sign in with the key {ready.key})",
        f"Documents  {at}/docs",
        f"MLflow     `{own_command()} mlflow` in another terminal",
        "",
        "# what a channel may promise, and why",
        f"{call} '{at}/api/v2/availability/{hero.sku}?{view}&explain=true'",
        "# hold one unit",
        f"{call} -H 'Content-Type: application/json' -d '{basket}' {at}/api/v2/reservations",
        "# the policy behind it: safety stock, reorder point, order quantity",
        f"{call} {at}/api/v2/policies/{hero.sku}/{hero.location}",
        "",
    ]
