"""Commands on where each vendor wants its orders, and how it answers."""

from typing import Annotated, Any

import typer

from serving.cli.screen import Json, figure, opened, person, show, utc_now

cli = typer.Typer(help="Where vendors want their orders.", no_args_is_help=True)

Vendor = Annotated[str, typer.Argument(help="Id of the vendor.", metavar="VENDOR")]


@cli.callback()
def _group() -> None:
    """Where vendors want their orders."""


@cli.command("show")
def show_(vendor: Vendor, *, as_json: Json = False) -> None:
    """Where a vendor's orders go: as was set, else by mail to its address in the catalogue.

    \b
    $ vouch dispatch settings show ACME
    vouch: no vendor 'ACME'
    """  # noqa: D301 - \b keeps the example's line breaks.
    from dataclasses import asdict

    from inventory.store import vendor_dispatch

    with opened() as (_, db):
        told = vendor_dispatch.get(db, vendor)
    found = {"vendor": vendor, "channel": None} if told is None else asdict(told)
    show(found, as_json=as_json, lines=_told(found))


def _told(found: dict[str, Any]) -> list[str]:
    if found["channel"] is None:
        remedy = f"say where with `vouch dispatch settings set {found['vendor']} --channel ...`"
        return [f"{found['vendor']} cannot be sent any order: {remedy}"]
    return [
        f"{name.replace('_', ' ')}: {figure(value)}"
        for name, value in found.items()
        if value not in (None, (), "", False)
    ]


@cli.command("set")
def set_(
    vendor: Vendor,
    *,
    channel: Annotated[str, typer.Option(
        help="email, webhook, edi, or by_hand: somebody calls, nothing is sent.")],
    email: Annotated[list[str] | None, typer.Option(
        help="To this address, not that of the catalogue; may be repeated.")] = None,
    webhook_url: Annotated[str | None, typer.Option(
        help="https; `vouch dispatch secret VENDOR` prints what to check it with.")] = None,
    edi_standard: Annotated[str | None, typer.Option(help="x12 or edifact.")] = None,
    edi_qualifier: Annotated[str, typer.Option(help="Who gave the id: ZZ, 01, 14 ...")] = "",
    edi_id: Annotated[str | None, typer.Option(
        help="The vendor's id in interchanges; its documents are taken whatever the channel.")
    ] = None,
    edi_test: Annotated[bool, typer.Option("--edi-test", help="Documents are tests.")] = False,
    echoes_lines: Annotated[bool, typer.Option(
        "--echoes-lines", help="It numbers lines as our orders do.")] = False,
    transit_days: Annotated[int | None, typer.Option(
        help="From its door to ours, where its documents tell only when goods ship.", min=0,
        max=365)] = None,
    sftp_host: Annotated[str | None, typer.Option(
        help="Files go to this server; else they lie in a folder of ours.")] = None,
    sftp_user: Annotated[str, typer.Option(help="Who signs in there.")] = "",
    sftp_host_key: Annotated[str, typer.Option(
        help="The server's public key, as `ssh-ed25519 AAAA...`.")] = "",
    sftp_port: Annotated[int, typer.Option(help="Its port.", min=1, max=65535)] = 22,
    sftp_send_to: Annotated[str, typer.Option(help="The folder for our documents.")] = ".",
    sftp_fetch_from: Annotated[str | None, typer.Option(
        help="The folder from which we take theirs.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say where a vendor wants its orders, as a whole; what waited for an address is sent.

    \b
    $ vouch dispatch settings set ACME --channel email --email orders@acme.example
    vouch: no vendor 'ACME'
    """  # noqa: D301
    from dataclasses import asdict

    from inventory.store import vendor_dispatch
    from inventory.vendor_dispatch import SftpPlace, VendorDispatch

    place = None
    if sftp_host is not None:
        place = SftpPlace(sftp_host, sftp_user, sftp_host_key, sftp_port, sftp_send_to,
                          sftp_fetch_from)  # fmt: skip
    told = VendorDispatch(
        vendor, channel, tuple(email or ()), webhook_url, edi_standard, edi_qualifier, edi_id,
        edi_test, place, transit_days, echoes_lines,
    )  # fmt: skip
    with opened() as (_, db):
        vendor_dispatch.put(db, told, actor=person(), now=utc_now())
    found = asdict(told)
    show(found, as_json=as_json, lines=_told(found))


@cli.command()
def remove(vendor: Vendor) -> None:
    """Back to mail to the vendor's address in the catalogue.

    \b
    $ vouch dispatch settings remove ACME
    vouch: no dispatch settings of vendor 'ACME'
    """  # noqa: D301
    from inventory.store import vendor_dispatch

    with opened() as (_, db):
        vendor_dispatch.remove(db, vendor)
    show({}, as_json=False, lines=[f"{vendor} gets its orders by mail to its catalogue address"])
