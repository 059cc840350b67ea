"""Commands that run a server: serve, demo, mlflow."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from inventory.errors import Unavailable
from inventory.store import database, keys
from pipelines.settings import Settings, database_of, own_connection
from serving.cli.screen import err, progress, say, utc_now

PORTS_TRIED = 20
"""How far above the usual port the demo looks for a free one."""

QUIET_MLFLOW = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING",
    "PYTHONWARNINGS": "ignore",
}  # fmt: skip
"""Its messages are about its own insides; what goes wrong is still said."""

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65535)]


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    cli.command()(demo)
    cli.command()(serve)
    cli.command()(mlflow)


def serve(
    *,
    host: Host = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.", min=1, max=64)] = None,
) -> None:
    """Answer HTTP until Ctrl-C: the API, the console, the documents.

    With VOUCH_DAILY_AT=05:30 in its environment (UTC) it also runs the daily job, once a day.

    \b
    $ vouch serve --port 8080
    Vouch answers at http://127.0.0.1:8080  (console /console, documents /docs)
    """  # noqa: D301 - \b keeps the example's line breaks.
    given = {"host": host, "port": port, "workers": workers}
    changed = {name: value for name, value in given.items() if value is not None}
    settings = Settings().model_copy(update=changed)
    check_port(settings.host, settings.port)
    with database_of(settings) as url:
        settings = settings.model_copy(update={"database_url": url})
        prepare(settings)
        run(settings)


def demo(
    *,
    port: Port = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the made-up retailer.")] = None,
    skus: Annotated[int, typer.Option(help="SKUs of the made-up retailer.", min=8)] = 240,
    days: Annotated[int, typer.Option(help="Days of its past.", min=120)] = 730,
    serve: Annotated[bool, typer.Option(help="Start the server when all is ready.")] = True,
) -> None:
    """Make up a retailer, forecast, set buffers and orders, and serve it: the whole loop.

    \b
    $ vouch demo --no-serve
    the demo is ready: start it with `vouch serve`
    """  # noqa: D301
    from serving.cli import walkthrough

    settings = Settings() if seed is None else Settings(seed=seed)
    if serve:
        wanted = port or settings.port
        free = wanted if port else free_port(settings.host, wanted)
        check_port(settings.host, free)
        if free != wanted:
            progress(f"port {wanted} is in use; the demo takes {free}")
        settings = settings.model_copy(update={"port": free})
    with database_of(settings) as url:
        settings = settings.model_copy(update={"database_url": url})
        ready = walkthrough.prepare(settings, skus=skus, days=days, now=utc_now())
        if not serve:
            say("the demo is ready: start it with `vouch serve`")
            return
        say(*walkthrough.where_to_look(settings, ready))
        run(settings)


def mlflow(
    *, port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 5000
) -> None:
    """Open MLflow's pages on our training runs and registered forecasters, until Ctrl-C.

    \b
    $ vouch mlflow --port 5000
    MLflow answers at http://127.0.0.1:5000
    """  # noqa: D301
    settings = Settings()
    check_port("127.0.0.1", port)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    say(f"MLflow answers at http://127.0.0.1:{port}")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--backend-store-uri", settings.tracking_uri]
    command += ["--default-artifact-root", str(settings.artifact_root), "--workers", "1"]
    command += ["--uvicorn-opts", "--log-level warning"]
    with subprocess.Popen(command, env=os.environ | QUIET_MLFLOW, start_new_session=True) as child:
        try:
            child.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, 15)


def check_port(host: str, port: int) -> None:
    """Raise `Unavailable` where nobody else could listen, before anything is started."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {host}:{port} ({error.strerror}); stop the program that does, "
            f"or choose another port, e.g. --port {port + 1 if port < 65535 else 8080}"  # noqa: PLR2004
        ) from error


def free_port(host: str, wanted: int) -> int:
    """`wanted`, or the next port that is free; `wanted` again when none nearby is."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        with contextlib.suppress(Unavailable):
            check_port(host, port)
            return port
    return wanted


def prepare(settings: Settings) -> None:
    """Tables in place, and a word to whoever has no key yet."""
    with own_connection(settings) as db:
        database.migrate(db, now=utc_now(), report=progress)
        if not keys.any_key(db):
            err.print("no API key yet: make one with `vouch keys create --role admin`")


def run(settings: Settings) -> None:
    """Serve until told to stop. Several workers get the settings by environment."""
    import uvicorn

    say(
        f"Vouch answers at http://{settings.host}:{settings.port}"
        "  (console /console, documents /docs)"
    )
    options = {"host": settings.host, "port": settings.port, "access_log": False}
    options |= {"log_level": "warning", "timeout_graceful_shutdown": 5}
    with contextlib.suppress(KeyboardInterrupt):
        if settings.workers == 1:
            from serving.app import create_app

            uvicorn.run(create_app(settings), **options)  # type: ignore[arg-type]
            return
        with _shared_metrics():
            os.environ["VOUCH_DATABASE_URL"] = settings.database_url or ""
            os.environ["VOUCH_DATA_DIR"] = str(settings.data_dir)
            uvicorn.run(
                "serving.app:from_environment",
                factory=True,
                workers=settings.workers,
                **options,  # type: ignore[arg-type]
            )


@contextlib.contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder in which workers keep their counts, so that `/metrics` adds them up."""
    from serving.metrics import MULTIPROCESS_FOLDER

    folder = Path(tempfile.mkdtemp(prefix="vouch-metrics-"))
    os.environ[MULTIPROCESS_FOLDER] = str(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
