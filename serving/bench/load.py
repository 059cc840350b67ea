"""An open-loop HTTP load: requests leave on schedule, whether or not earlier ones came back.

Latency is counted from the moment a request was due, so a server that stalls cannot hide the wait
of those behind (no coordinated omission). Plain asyncio streams: the load must cost the machine
less than what it measures.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP/1.1 request, ready to be written to a socket."""

    method: str
    path: str
    body: bytes = b""

    def encoded(self, *, host: str, key: str) -> bytes:
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}"
        if self.body:
            head += f"\r\nContent-Type: application/json\r\nContent-Length: {len(self.body)}"
        return head.encode() + b"\r\n\r\n" + self.body


@dataclass(frozen=True, slots=True)
class Measured:
    """Latencies of one run, milliseconds from due to done, and what the server answered."""

    rate_per_second: float
    seconds: float
    milliseconds: tuple[float, ...]
    statuses: dict[str, int]

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many percent of the requests were answered."""
        return round(float(np.percentile(self.milliseconds, percent)), 2)

    def all_answered(self, status: str) -> bool:
        """Whether every request got this status."""
        return set(self.statuses) == {status}

    def as_dict(self) -> dict[str, object]:
        return {
            "rate_per_second": self.rate_per_second,
            "seconds": round(self.seconds, 1),
            "requests": len(self.milliseconds),
            "statuses": self.statuses,
            "p50_ms": self.percentile(50),
            "p95_ms": self.percentile(95),
            "p99_ms": self.percentile(99),
            "max_ms": round(max(self.milliseconds), 2),
        }


class _Connections:
    """Keep-alive connections, used by one request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, request: bytes) -> str:
        """The status of the answer, once its last byte is here."""
        reader, writer = await self._open()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(n[15:]) for n in lines if n.startswith(b"content-length:"))
        await reader.readexactly(length)
        self.free.append((reader, writer))
        return lines[0].split(b" ")[1].decode()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self.free:
            reader, writer = self.free.pop()
            if not reader.at_eof():  # The server closes what was idle for some seconds.
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self.host, self.port)

    async def close(self) -> None:
        for _, writer in self.free:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def run(
    requests: Sequence[Request], *, rate_per_second: float, host: str, port: int, key: str
) -> Measured:
    """Send `requests` in order at a steady rate and wait for all answers."""
    return asyncio.run(_run(requests, rate_per_second, host, port, key))


async def _run(
    requests: Sequence[Request], rate_per_second: float, host: str, port: int, key: str
) -> Measured:
    connections = _Connections(host, port)
    milliseconds: list[float] = []
    statuses: Counter[str] = Counter()

    async def one(request: bytes, due: float) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status = await connections.send(request)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            status = type(error).__name__
        milliseconds.append((time.perf_counter() - due) * 1000)
        statuses[status] += 1

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for place, request in enumerate(requests):
            due = began + place / rate_per_second
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one(request.encoded(host=host, key=key), due))
    seconds = time.perf_counter() - began
    await connections.close()
    return Measured(rate_per_second, seconds, tuple(milliseconds), dict(statuses))
