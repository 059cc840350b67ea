"""A server with the console on it, a known story in its database, and a browser to look with."""

import shutil
import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from inventory.store import database
from serving.console import mount
from tests.databases import copied

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY = "a-key-that-is-good"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def served(app):
    """Run `app` on a free port; yields its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)


@contextmanager
def console(database_url):
    """The console over one database, at `NOW`, with one good key."""
    with database.pool(database_url, size_max=4) as pool:
        app = FastAPI()
        mount(
            app,
            pool=pool,
            session_of_key=lambda key: "good" if key == KEY else None,
            role_of_session=lambda session: "viewer" if session == "good" else None,
            clock=lambda: NOW,
            atp_horizon_days=28,
        )
        with served(app) as address:
            yield address


@pytest.fixture(scope="session")
def story_database(postgres_url):
    # Pages only read, so tests can share it.
    with copied(postgres_url, "console_story") as url:
        with database.connect(url) as db:
            db.execute((Path(__file__).parent / "story.sql").read_text())
        yield url


@pytest.fixture(scope="session")
def story_console(story_database):
    with console(story_database) as address:
        yield address


@pytest.fixture(scope="session")
def empty_console(postgres_url):
    with copied(postgres_url, "console_empty") as url, console(url) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    """One headless Chromium for all pages of a module: Playwright keeps an event loop running as
    long as it is open, in which no other test could start its own."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no Chromium on this machine; install one of: {', '.join(BROWSERS)}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(chromium):
    """One cache for all tests: the scripts are large."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(context):
    """A fresh window that fails its test on any script error or request to another host."""
    context.clear_cookies()
    page = context.new_page()
    problems, hosts = [], set()
    page.on("console", lambda told: problems.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.problems = problems
    yield page
    page.close()
    assert problems == []
    assert {host.split(":")[0] for host in hosts if host} <= {"127.0.0.1"}
