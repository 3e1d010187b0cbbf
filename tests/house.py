"""A whole house for tests: real database, real reading and indexing, real server on a free port, real Chromium."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from tests.database import TestServer

from haechi.city.installation import Installation
from haechi.city.settings import Settings
from haechi.city.worker import Worker
from haechi.web import vendor
from haechi.web.app import create_app

PASSWORD = "해치는-여섯-시에-일어난다"
PEOPLE = (
    ("kim", "김해솔", ("staff",), "재무국"),
    ("jung", "정보슬", ("staff",), "복지실"),
    ("head", "마루한", ("staff", "admin"), "디지털도시국"),
    ("nam", "남도담", ("auditor",), "디지털도시국"),
    ("citizen", "나시민", ("citizen",), None),
    ("ai", "하늘찬", ("staff", "ai_team"), "디지털도시국"),
    ("ai2", "한바다", ("staff", "ai_team"), "디지털도시국"),
    ("owner", "박나린", ("staff", "service_owner"), "복지실"),
    ("oper", "진가온", ("staff", "operator"), "재난안전실"),
    ("oper2", "문여울", ("staff", "operator"), "재난안전실"),
)
BUREAUX = ("재무국", "복지실", "디지털도시국", "재난안전실")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class House:
    """A running house. `address` has no slash at its end."""

    address: str
    installation: Installation

    @contextmanager
    def client(self, login: str = "") -> Iterator[httpx.Client]:
        """A browser without a screen; signed in when `login` is given."""
        with httpx.Client(base_url=self.address, timeout=60) as client:
            if login:
                sent = {"login": login, "password": PASSWORD, "csrf": csrf_of(client.get("/login").text)}
                answer = client.post("/login", data=sent)
                assert answer.status_code == 303, answer.text
            yield client

    def put(self, login: str, filename: str, text: str, **described: Any) -> str:
        """Upload as that person through the form and wait until it can be asked about; the document's id."""
        with self.client(login) as client:
            form = client.get("/library/new").text
            bureau = next(person[3] for person in PEOPLE if person[0] == login)
            answer = client.post(
                "/library/new",
                data={"csrf": csrf_of(form), "bureau": bureau, "grade": "public", **described},
                files={"files": (filename, text.encode(), "text/markdown")},
            )
            assert answer.status_code == 303, answer.text
            document_id = answer.headers["location"].split("/")[2].split("?")[0]
            self.wait_until_answerable(client, document_id)
            return document_id

    def wait_until_answerable(self, client: httpx.Client, document_id: str, seconds: float = 60) -> None:
        """Return when the newest version has been read, indexed, and taken up by the serving index."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = client.get(f"/api/v1/documents/{document_id}").json()
            if found["state"] in ("searchable", "complete"):
                with self.installation.worker_store.transaction() as tx:
                    wanted = tx.value("select coalesce(max(seq), 0) from index_log")
                if self.installation.indexing.applied >= wanted:
                    return
            assert found["state"] != "failed", found["error"]
            time.sleep(0.2)
        raise AssertionError(f"document {document_id} was not read within {seconds} s")


def csrf_of(html: str) -> str:
    """The form token that a page carries."""
    found = re.search(r'name="csrf" (?:content|value)="([0-9A-Za-z_\-]+)"', html)
    assert found is not None, "the page carries no form token"
    return found[1]


_houses: dict[Path, House] = {}


@pytest.fixture(scope="session")
def house(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all tests of this process; its documents add up, so a test looks only for its own."""
    if database_server.root in _houses:
        yield _houses[database_server.root]
        return
    with ExitStack() as stack:
        built = stack.enter_context(build_house(database_server, tmp_path_factory.mktemp("house")))
        _houses[database_server.root] = built
        yield built
        del _houses[database_server.root]


@contextmanager
def build_house(database_server: TestServer, home: Path, **settings: Any) -> Iterator[House]:
    """Database, people, worker and server, all real, gone at the end of the block."""
    with database_server.fresh() as fresh, ExitStack() as stack:
        installation = Installation(Settings(home=home, demo=False, **settings), fresh.urls)
        stack.callback(installation.close)
        _move_in(fresh.admin_url, installation)
        installation.start_serving()
        worker = Worker(installation)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        stack.callback(thread.join, 30)
        stack.callback(worker.stop.set)
        address = stack.enter_context(_serve(installation))
        assert installation.indexing.filled.wait(120), installation.indexing.standing()
        yield House(address, installation)


def _move_in(admin_url: str, installation: Installation) -> None:
    with psycopg.connect(admin_url) as connection:
        for name in BUREAUX:
            connection.execute(
                "insert into bureaux (id, contact_name, contact_phone) values (%s, '대표', '02-000-1000')", [name]
            )
    for login, name, roles, bureau in PEOPLE:
        installation.accounts.create(login, name, password=PASSWORD, roles=roles, bureau=bureau)


@contextmanager
def _serve(installation: Installation) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(create_app(installation), host="127.0.0.1", port=port, log_level="error", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


# --- the browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium, started once a file of tests; skipped where there is none.

    Not once a process: until it ends, Playwright keeps its event loop running in this thread, and no test after it could
    call asyncio.run.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    if vendor.missing():
        pytest.skip(f"browser files are not installed: {vendor.INSTALL}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Visitor:
    """A person at a browser of their own. Remembers what went wrong in the console and every address asked for."""

    def __init__(self, house: House, chromium: Any, width: int, height: int) -> None:
        self.house = house
        self.context = chromium.new_context(
            viewport={"width": width, "height": height}, locale="ko-KR", reduced_motion="reduce"
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.asked: list[str] = []
        self.troubles: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", lambda line: self.troubles.append(line.text) if line.type == "error" else None)

    def go(self, path: str) -> Any:
        """Open a page of the house."""
        return self.page.goto(self.house.address + path)

    def sign_in(self, login: str) -> None:
        """Through the form, as people do."""
        self.go("/login")
        self.page.fill("#login", login)
        self.page.fill("#password", PASSWORD)
        self.page.click("main form button[type=submit]")
        self.page.wait_for_url(lambda url: "/login" not in url)

    def outside(self) -> list[str]:
        """Addresses that are not this house's own."""
        return [url for url in self.asked if not url.startswith((self.house.address, "data:", "blob:"))]


@pytest.fixture
def visitor(house: House, chromium: Any) -> Iterator[Any]:
    """`visitor(width=1280)` opens a browser of its own; at the end none of them may have asked an outside address."""
    opened: list[Visitor] = []

    def open_one(width: int = 1280, height: int = 900) -> Visitor:
        opened.append(Visitor(house, chromium, width, height))
        return opened[-1]

    yield open_one
    for one in opened:
        assert one.outside() == []
        one.context.close()


@cache
def axe_source() -> str:
    """The text of axe-core, from its npm package (a tool of the tests, never shipped); skipped where npm cannot reach it."""
    folder = Path(vendor.__file__).parent / "node_modules" / "axe-core"
    if not (folder / "axe.min.js").is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core needs npm: apt-get install npm")
        folder.parent.parent.joinpath("node_modules").mkdir(exist_ok=True)
        done = subprocess.run(
            [npm, "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefix",
             str(folder.parent.parent), "axe-core@4.14.1"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.skip("axe-core could not be installed from npm")
    return (folder / "axe.min.js").read_text(encoding="utf-8")


def faults_of(page: Any) -> list[str]:
    """What axe finds against WCAG 2.1 A and AA, and against common sense; [] is what we want."""
    page.evaluate(axe_source())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
    return [f"{v['id']}: {[node['target'] for node in v['nodes']]}" for v in found["violations"]]


def sideways(page: Any) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)"))
