"""Documents over SFTP: into a partner's folder and out of it.

A partner's server is known by its pinned key, and by nothing else. A file appears there under its
name in one step; one that was taken is removed, as partners expect.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import PurePosixPath
from typing import Any, TypeVar

import asyncssh

from inventory.vendor_dispatch import SftpPlace
from pipelines.settings import Settings
from serving.connectors.delivery import NotDelivered, NotPossible
from serving.connectors.folders import PART, Choice, Found, Look, Lying, is_document, too_large

SECONDS_MAX = 60.0
CONNECT_SECONDS_MAX = 15.0

LOST = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
"""What says nothing of a file that is there."""

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


def download(
    place: SftpPlace, *, choose: Choice, vendor: str, settings: Settings, bytes_max: int
) -> Look:
    """Read the chosen ones of the documents in the folder from which we fetch.

    On a slow line fewer than were chosen: the next look takes more. Raises `NotDelivered` and
    `NotPossible`.
    """
    assert place.fetch_from is not None
    folder = PurePosixPath(place.fetch_from)

    async def act(sftp: asyncssh.SFTPClient) -> Look:
        enough = asyncio.get_running_loop().time() + SECONDS_MAX / 2
        there = [_lying(entry) async for entry in sftp.scandir(str(folder)) if _is_document(entry)]
        found = []
        for file in choose(sorted(there, key=lambda file: file.name)):
            with contextlib.suppress(asyncssh.SFTPNoSuchFile):  # Another server was quicker.
                found.append(await _read(sftp, folder, file, bytes_max))
            if asyncio.get_running_loop().time() > enough:
                break
        return Look(frozenset(file.told for file in there), found)

    return _over_sftp(place, act, vendor=vendor, settings=settings)


def _is_document(entry: asyncssh.SFTPName) -> bool:
    regular = entry.attrs.type in (asyncssh.FILEXFER_TYPE_REGULAR, None)
    return regular and is_document(str(entry.filename))


def _lying(entry: asyncssh.SFTPName) -> Lying:
    told = entry.attrs
    return Lying(str(entry.filename), told.size or 0, float(told.mtime or 0))


async def _read(
    sftp: asyncssh.SFTPClient, folder: PurePosixPath, file: Lying, bytes_max: int
) -> Found:
    if file.size_bytes > bytes_max:
        return Found(file, None, too_large(file, bytes_max))
    try:
        async with sftp.open(str(folder / file.name), "rb") as opened:
            read = await opened.read(bytes_max + 1)
    except LOST:
        raise
    except asyncssh.SFTPError as why:
        return Found(file, None, f"it cannot be read: {why.reason}")
    return Found(file, read.encode() if isinstance(read, str) else read)


def remove(
    place: SftpPlace, names: Sequence[str], *, vendor: str, settings: Settings
) -> dict[str, str]:
    """Remove taken files; returns those that could not be removed, and why.

    Partners expect that who took a file removes it. Raises `NotDelivered` and `NotPossible` where
    the server cannot be asked.
    """
    folder = PurePosixPath(str(place.fetch_from))

    async def act(sftp: asyncssh.SFTPClient) -> dict[str, str]:
        problems = {}
        for name in names:
            try:
                await sftp.remove(str(folder / name))
            except asyncssh.SFTPNoSuchFile:
                continue
            except LOST:
                raise
            except asyncssh.SFTPError as why:
                problems[name] = f"it cannot be removed: {why.reason}"
        return problems

    return _over_sftp(place, act, vendor=vendor, settings=settings)


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
