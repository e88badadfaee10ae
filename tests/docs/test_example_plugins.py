"""The example packages: installed as anybody would, found by their entry points, and doing what pages say."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from click.testing import CliRunner

from hookline import UpstreamRequest, UpstreamResponse
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.gateway import Gateway, load_plugins
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from hookline.call import Cancellation
    from hookline.engine.transport import Timeouts

KEY = "a-key-for-tests-only-0001"
HEADERS = {"authorization": f"Bearer {KEY}"}


class Crm:
    """A transport that answers as Acme CRM does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.keys: list[str | None] = []

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        self.urls.append(f"{request.method} {request.url}")
        self.keys.append(request.headers.get("authorization"))
        content = orjson.dumps({"name": "Ada", "phone": None})
        return UpstreamResponse(
            status=200, headers=[("content-type", "application/json")], chunks=iter([content])
        )

    def close(self) -> None: ...


@pytest.fixture
def example(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The package of an example, which can be imported."""
    folder, package = request.param
    monkeypatch.syspath_prepend(root / "docs/examples" / folder)
    monkeypatch.delitem(sys.modules, package, raising=False)
    return str(package)


@pytest.mark.parametrize("folder", ["shout_plugin", "acme_connector"])
def test_the_tests_of_an_example_pass_as_its_author_runs_them(folder: str, root: Path) -> None:
    place = root / "docs/examples" / folder
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    surroundings = ["--rootdir", str(place), "--import-mode=importlib"]
    settings = ["-o", f"pythonpath={place}", "-o", "addopts="]
    done = subprocess.run(
        [*command, *surroundings, *settings, str(place / "tests")],
        capture_output=True,
        text=True,
        cwd=place,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("example", [("acme_connector", "hookline_acme")], indirect=True)
def test_the_connector_adds_an_action_with_all_that_the_page_promises(example: str) -> None:
    settings = Settings.model_validate({"api_keys": [KEY]})
    host = load_plugins(settings)
    host.register(import_module(example), name="acme")
    crm = Crm()
    environ = {"HOOKLINE_ACME_API_KEY": "YOUR_KEY", "HOOKLINE_ACME_BASE_URL": "https://crm.example/v2"}
    client = create_app(Gateway(settings, host=host, transport=crm, environ=environ)).test_client()

    answer = client.post("/actions/acme.find_contact", json={"email": "ada@example.com"}, headers=HEADERS)
    assert (answer.status_code, answer.json) == (200, {"name": "Ada", "phone": None, "warnings": []})
    assert crm.urls == ["GET https://crm.example/v2/contacts/ada@example.com"]
    assert crm.keys == ["Bearer YOUR_KEY"]

    refused = client.post("/actions/acme.find_contact", json={"email": ".."}, headers=HEADERS)
    assert (refused.status_code, len(crm.urls)) == (422, 1)
    catalog = client.get("/actions/acme.find_contact", headers=HEADERS).json
    assert catalog is not None
    assert catalog["description"] == "Find one contact by e-mail address."
    assert catalog["input_schema"]["required"] == ["email"]


@pytest.mark.parametrize(
    ("folder", "name"), [("shout_plugin", "shout"), ("acme_connector", "acme")], ids=["shout", "acme"]
)
def test_an_installed_example_is_found_by_its_entry_point(
    folder: str, name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec("hatchling") is None or find_spec("pip") is None:
        pytest.skip("installing an example takes pip and hatchling")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    place = ["--disable-pip-version-check", "--target", str(tmp_path), str(root / "docs/examples" / folder)]
    subprocess.run([*command, *place], check=True, timeout=120)
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        point
        for distribution in distributions(path=[str(tmp_path)])
        for point in distribution.entry_points
        if point.group == "hookline"
    ]
    host = PluginHost()
    host.load(points)
    assert {found: info.status for found, info in host.plugins.items()} == {name: "active"}


def test_the_file_of_the_how_to_page_is_called_without_being_installed(root: Path) -> None:
    context = CommandContext(environ={"HOOKLINE_STATE_DIR": "none"})
    file = str(root / "docs/examples/greeter.py")
    done = CliRunner().invoke(
        build_cli(), ["call", "greeter.greet", "name=Ada", "--plugin", file, "--sandbox"], obj=context
    )
    assert done.output.strip() == "Simulated answer to: Greet Ada in one line."
