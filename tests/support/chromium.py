"""A real browser without a window, which fetches nothing but what pages ask for."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from wsgiref.types import WSGIApplication

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1100,700",
)
_WAIT_S = 30.0

T = TypeVar("T")


class Browser:
    """A browser with what tests ask of it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Load a page anew; what an earlier page logged is forgotten."""
        self.driver.get("about:blank")
        self.complaints()
        self.driver.get(url)

    def complaints(self) -> list[str]:
        """Return what was logged since the page was opened or this was last asked."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium has no types here
        return [str(entry["message"]) for entry in entries]

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """Return an element that is shown, and wait for it."""
        return self.until(lambda: next((one for one in self.all(selector) if one.is_displayed()), None))

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        """Click what is shown, again if the page draws it anew meanwhile."""

        def clicked() -> bool:
            element = self.find(selector)
            self.run("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()
            return True

        self.until(clicked)

    def until(self, ask: Callable[[], T | None]) -> T:
        """Wait until something is there."""
        wait = WebDriverWait(
            self.driver, _WAIT_S, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        found = wait.until(lambda _: ask() or False)
        assert found
        return found

    def fetched(self) -> list[str]:
        """Return the addresses of all that the page asked for."""
        names = self.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        return [str(name) for name in names]


@contextmanager
def run_browser(folder: Path) -> Iterator[Browser]:
    """Start a browser whose profile is in ``folder``; skip the test if there is none."""
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    chromedriver = shutil.which("chromedriver")
    if program is None or chromedriver is None:
        pytest.skip("chromium or chromedriver is not installed")
    options = Options()
    options.binary_location = program
    for flag in (*_FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(executable_path=chromedriver))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Keep requests out of the output."""


@contextmanager
def run_app(app: WSGIApplication) -> Iterator[str]:
    """Serve an application from a thread, and give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=30)
        server.server_close()
