"""Commands on rows of feeds that could not go in: see them, send them again, dismiss them."""

from typing import Annotated

import typer

from inventory.store import quarantine as store
from inventory.store import replays
from serving.cli.screen import Json, opened, person, short_enough, show, utc_now

cli = typer.Typer(help="Rows of feeds that could not go in.", no_args_is_help=True)

ROW_CHARACTERS_SHOWN = 60

Feed = Annotated[str | None, typer.Option(help="Only rows of this feed.")]


@cli.callback()
def _group() -> None:
    """Rows of feeds that could not go in."""


@cli.command("list")
def list_(
    *,
    feed: Feed = None,
    after: Annotated[int, typer.Option(help="Only rows after this number.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """Rows that wait, oldest first: their number, feed, id, and what is wrong.

    \b
    $ vouch quarantine list
    no rows wait
    """  # noqa: D301 - \b keeps the example's line breaks.
    with opened() as (_, db):
        rows = store.waiting(db, feed=feed, after_quarantine_id=after, limit=limit)
    lines = [
        f"{row['quarantine_id']}  {row['feed']}  "
        f"{str(row['message_id'])[:ROW_CHARACTERS_SHOWN]}  {row['problem']}"
        for row in rows
    ]
    show({"rows": rows}, as_json=as_json, lines=lines or ["no rows wait"])


@cli.command()
def replay(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Rows to send again; none: all that wait.")
    ] = None,
    *,
    feed: Feed = None,
    as_json: Json = False,
) -> None:
    """Send rows again as they were: same id, same moment. What is still wrong stays.

    \b
    $ vouch quarantine replay
    0 rows went in, 0 are still wrong, 0 wait
    """  # noqa: D301
    with opened() as (_, db):
        report = replays.replay(
            db, now=utc_now(), actor=person(), quarantine_ids=numbers or None, feed=feed
        ).as_dict()
    told = "{went_in} rows went in, {still_quarantined} are still wrong, {waiting} wait"
    show(report, as_json=as_json, lines=[told.format(**report)])


@cli.command()
def dismiss(
    number: Annotated[int, typer.Argument(help="The number that `vouch quarantine list` prints.")],
    *,
    reason: Annotated[str, typer.Option(help="Why the row need not go in.", callback=short_enough)],
) -> None:
    """Take a row off the list without sending it; who did and why stays on record.

    \b
    $ vouch quarantine dismiss 7 --reason "counted by hand"
    vouch: no quarantined row '7'
    """  # noqa: D301
    with opened() as (_, db):
        store.dismiss(db, number, reason=reason, actor=person(), now=utc_now())
    show({}, as_json=False, lines=[f"dismissed {number}"])
