"""The command line `vouch`. A command parses, calls one function and prints what came back.

A refusal is printed as one message, with exit code 2 and no traceback; so is a setting that is
wrong. Anything else is a defect: one message too, and the traceback in a file. Heavy libraries load
inside the commands that need them, so that `vouch --help` is quick.
"""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import psycopg
import pydantic
import typer

from inventory.errors import VouchError
from serving.cli import (
    alerts,
    analytics,
    answers,
    audit,
    backtest,
    bench,
    dispatch,
    documents,
    features,
    files,
    invoices,
    jobs,
    keys,
    lost_sales,
    models,
    monitor,
    orders,
    overrides,
    planning,
    quarantine,
    server,
    solve,
    store,
    transfers,
    what_if,
)
from serving.cli.screen import complain

REFUSED = 2
BROKEN = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130

cli = typer.Typer(
    name="vouch",
    help="Retail forecasting and replenishment whose forecasts adjust the availability promised.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for area in (
    server,
    store,
    jobs,
    monitor,
    models,
    answers,
    what_if,
    files,
    features,
    lost_sales,
    solve,
    analytics,
):
    area.register(cli)
cli.add_typer(keys.cli, name="keys")
cli.add_typer(quarantine.cli, name="quarantine")
cli.add_typer(bench.cli, name="bench")
cli.add_typer(backtest.cli, name="backtest")
cli.add_typer(dispatch.cli, name="dispatch")
cli.add_typer(documents.cli, name="documents")
cli.add_typer(audit.cli, name="audit")
cli.add_typer(jobs.promotion_cli, name="promotion")
cli.add_typer(overrides.cli, name="override")
cli.add_typer(planning.cli, name="planning")
cli.add_typer(orders.cli, name="orders")
cli.add_typer(invoices.cli, name="invoices")
cli.add_typer(transfers.cli, name="transfer")
cli.add_typer(alerts.cli, name="alert")


def main() -> None:
    """Run the command in `sys.argv` and exit."""
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    # OpenMP threads that spin while they wait take minutes on a busy machine; sleeping ones do not.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. No traceback for what a person can mend."""
    try:
        cli(list(arguments), prog_name="vouch")
    except SystemExit as done:  # How typer ends, also when all is well, and after Ctrl-C.
        if done.code == INTERRUPTED:
            complain("stopped")
        return done.code if isinstance(done.code, int) else 1
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED
    except VouchError as refusal:
        complain(str(refusal))
    except pydantic.ValidationError as wrong:
        fault = wrong.errors()[0]
        name = "VOUCH_" + "_".join(str(part).upper() for part in fault["loc"])
        complain(f"setting {name}: {fault['msg']}")
    except psycopg.OperationalError as away:
        complain(f"the database does not answer: {away}")
    except Exception as defect:  # noqa: BLE001  The last door: a person reads what comes out of it.
        complain(f"unexpected {type(defect).__name__}: {_first_line(defect)}; {_kept()}")
        return BROKEN
    return REFUSED


def _first_line(defect: Exception) -> str:
    return (str(defect).splitlines() or ["no message"])[0]


def _kept() -> str:
    """Write the traceback where whoever mends the defect finds it; says where that is."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="vouch-defect-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exc(file=file)
    return f"this is a defect of Vouch, please report it with {file.name}"


def _as_ctrl_c(_signal: int, _frame: FrameType | None) -> NoReturn:
    """A polite kill unwinds like Ctrl-C, so that the embedded server is stopped too."""
    raise KeyboardInterrupt
