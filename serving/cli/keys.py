"""Commands on API keys: who may call."""

from typing import Annotated

import typer

from inventory.store import keys as store
from serving.cli.screen import Json, opened, show, utc_now

cli = typer.Typer(help="API keys: who may call, and as what.", no_args_is_help=True)


@cli.callback()
def _group() -> None:
    """API keys: who may call, and as what."""


@cli.command()
def create(
    *,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(store.ROLES)}.")],
    vendor: Annotated[
        str | None, typer.Option(help="For role vendor: whose SKUs the key may see.")
    ] = None,
    label: Annotated[str, typer.Option(help="What the key is for.")] = "",
    as_json: Json = False,
) -> None:
    """Make a key. It is shown this once: only its hash is stored.

    \b
    $ vouch keys create --role viewer
    vk_...
    """  # noqa: D301 - \b keeps the example's line breaks.
    with opened() as (_, db):
        key = store.create_key(db, role=role, vendor=vendor, label=label, now=utc_now())
    show({"key": key, "role": role}, as_json=as_json, lines=[key])


@cli.command("list")
def list_(*, as_json: Json = False) -> None:
    """Keys and their roles; never the keys themselves.

    \b
    $ vouch keys list
    no keys
    """  # noqa: D301
    with opened() as (_, db):
        found = store.list_keys(db)
    lines = [
        f"{key['key_id']}  {key['role']}  {key['label']}{'  revoked' * bool(key['revoked_at'])}"
        for key in found
    ]
    show({"keys": found}, as_json=as_json, lines=lines or ["no keys"])


@cli.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `vouch keys list` prints.")],
) -> None:
    """Take a key out of use, within seconds.

    \b
    $ vouch keys revoke 0123abcd
    vouch: no key '0123abcd'
    """  # noqa: D301
    with opened() as (_, db):
        store.revoke_key(db, key_id, now=utc_now())
    show({}, as_json=False, lines=[f"revoked {key_id}"])
