"""Documents over SFTP: into a partner's folder and out of it.

A partner's server is known by its pinned key, and by nothing else. A file appears there under its
name in one step; one that was taken is removed, as partners expect.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import PurePosixPath
from typing import Any, TypeVar

import asyncssh

from inventory.vendor_dispatch import SftpPlace
from pipelines.settings import Settings
from serving.connectors.delivery import NotDelivered, NotPossible
from serving.connectors.folders import FILES_MAX, PART, UNFINISHED, Found

SECONDS_MAX = 60.0
CONNECT_SECONDS_MAX = 15.0

T = TypeVar("T")


def upload(place: SftpPlace, name: str, content: bytes, *, vendor: str, settings: Settings) -> str:
    """Put a file into a partner's folder; returns where. Raises `NotDelivered`, `NotPossible`."""

    async def act(sftp: asyncssh.SFTPClient) -> str:
        target = str(PurePosixPath(place.send_to) / name)
        part = str(PurePosixPath(place.send_to) / f".{name}{PART}")
        async with sftp.open(part, "wb") as file:
            await file.write(content)
        try:
            await sftp.posix_rename(part, target)
        except asyncssh.SFTPOpUnsupported:
            with contextlib.suppress(asyncssh.SFTPNoSuchFile):
                await sftp.remove(target)
            await sftp.rename(part, target)
        return f"sftp://{place.host}/{target}"

    return _over_sftp(place, act, vendor=vendor, settings=settings)


def download(place: SftpPlace, *, vendor: str, settings: Settings, bytes_max: int) -> list[Found]:
    """Files in the folder from which we fetch. Raises `NotDelivered` and `NotPossible`."""
    assert place.fetch_from is not None
    folder = PurePosixPath(place.fetch_from)

    async def act(sftp: asyncssh.SFTPClient) -> list[Found]:
        found = []
        entries = [entry async for entry in sftp.scandir(str(folder))]
        for entry in sorted(entries, key=lambda entry: str(entry.filename))[:FILES_MAX]:
            name = str(entry.filename)
            regular = entry.attrs.type in (asyncssh.FILEXFER_TYPE_REGULAR, None)
            if not regular or name.startswith(".") or name.endswith(UNFINISHED):
                continue
            size, content = entry.attrs.size or 0, None
            if size <= bytes_max:
                async with sftp.open(str(folder / name), "rb") as file:
                    read = await file.read(bytes_max + 1)
                content = read.encode() if isinstance(read, str) else read
            found.append(Found(name, content, size, _remover(place, name, vendor, settings)))
        return found

    return _over_sftp(place, act, vendor=vendor, settings=settings)


def _remover(place: SftpPlace, name: str, vendor: str, settings: Settings) -> Callable[[], None]:
    """Partners expect that who took a file removes it."""

    async def act(sftp: asyncssh.SFTPClient) -> None:
        with contextlib.suppress(asyncssh.SFTPNoSuchFile):
            await sftp.remove(str(PurePosixPath(str(place.fetch_from)) / name))

    def remove() -> None:
        _over_sftp(place, act, vendor=vendor, settings=settings)

    return remove


def _over_sftp(
    place: SftpPlace,
    act: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, T]],
    *,
    vendor: str,
    settings: Settings,
) -> T:
    async def session() -> T:
        async with asyncio.timeout(SECONDS_MAX), _connected(place, vendor, settings) as sftp:
            return await act(sftp)

    try:
        return asyncio.run(session())
    except asyncssh.HostKeyNotVerifiable as error:
        raise NotDelivered(
            f"the server at {place.host} has another key than the pinned one: ask the partner "
            "before you pin a new one",
            for_good=True,
        ) from error
    except asyncssh.PermissionDenied as error:
        raise NotDelivered(f"{place.host} does not let us in: {error.reason}", for_good=False
        ) from error  # fmt: skip
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied) as error:
        raise NotDelivered(
            f"the folder at {place.host} cannot be used: {error.reason}", for_good=True
        ) from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        problem = f"{place.host} cannot be reached: {type(error).__name__} {error}".rstrip()
        raise NotDelivered(problem, for_good=False) from error


@contextlib.asynccontextmanager
async def _connected(
    place: SftpPlace, vendor: str, settings: Settings
) -> AsyncIterator[asyncssh.SFTPClient]:
    password = settings.sftp_passwords.get(vendor)
    if settings.sftp_key_file is None and password is None:
        raise NotPossible(
            f"no way to sign in at {place.host}: set VOUCH_SFTP_KEY_FILE or VOUCH_SFTP_PASSWORDS"
        )
    try:
        keys = [asyncssh.read_private_key(settings.sftp_key_file)] if settings.sftp_key_file else []
        pinned = asyncssh.import_public_key(place.host_key)
    except (OSError, asyncssh.KeyImportError) as error:
        raise NotPossible(f"a key for {place.host} cannot be read: {error}") from error
    async with (
        asyncssh.connect(
            place.host,
            place.port,
            username=place.user,
            known_hosts=([pinned], [], []),
            client_keys=keys or None,
            password=None if password is None else password.get_secret_value(),
            agent_path=None,
            config=None,
            connect_timeout=CONNECT_SECONDS_MAX,
            login_timeout=CONNECT_SECONDS_MAX,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        yield sftp
