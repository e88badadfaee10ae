"""The reference in a real browser: it shows every action, runs one, and gives nothing away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.keys import Keys
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from chromium import Browser, run_app, run_browser
from hookline import Connector, Sample
from hookline.gateway import Gateway, load_plugins
from hookline.settings import Settings
from hookline.webhook.app import create_app
from live_gateway import run_server
from nasty_connector import KEY, nasty_gateway

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from hookline.exports.export import Export

SANDBOX: dict[str, object] = {"api_keys": [KEY], "sandbox": True, "state_dir": None}
EVIL = "document.title = 'owned'"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with run_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """The OpenAI connector on the sandbox, and the one that is hard to show."""
    gateway = nasty_gateway(with_installed=True)
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def site(gateway: Gateway) -> Iterator[str]:
    with run_app(create_app(gateway)) as url:
        yield url


@pytest.fixture
def shown(browser: Browser, site: str) -> Browser:
    """The browser with the reference open; the one of an earlier test if it still is."""
    address = f"{site}/docs?url=https://elsewhere.example/openapi.json"
    if not browser.driver.current_url.startswith(address) or not browser.all(".opblock"):
        browser.open(address)
        enter(browser, KEY)
        browser.find(".opblock")
    return browser


def enter(browser: Browser, key: str) -> None:
    field = browser.find("#key")
    field.clear()
    field.send_keys(key)
    browser.find("#open").click()


def paths(browser: Browser) -> set[str]:
    return {str(one.get_attribute("data-path")) for one in browser.all(".opblock-summary-path")}


def unfold(browser: Browser, name: str) -> str:
    """Open an action, and return the selector of its block."""
    block = f'.opblock[id$="-{name}"]'
    head = f"{block} .opblock-summary-control"
    if browser.find(head).get_attribute("aria-expanded") != "true":
        browser.click(head)
    browser.find(f"{block} .opblock-body .responses-inner")
    return block


def execute(browser: Browser, name: str) -> tuple[str, str]:
    """Run an action with the sample that stands in its form; return status and body of the answer."""
    block = unfold(browser, name)
    browser.click(f"{block} .execute")
    row = f"{block} .live-responses-table tbody"
    status = browser.find(f"{row} .response-col_status").text
    return status.split()[0], browser.find(f"{row} .response-col_description").text


def test_the_page_loads_in_peace_and_waits_for_a_key(browser: Browser, site: str) -> None:
    browser.open(f"{site}/docs")

    field = browser.find("#key")

    assert browser.complaints() == []
    assert browser.driver.switch_to.active_element == field
    assert field.accessible_name == "API key of this gateway"
    assert browser.find("h1").text == "Hookline reference"
    assert browser.all(".opblock") == []


def test_a_wrong_key_gets_the_gateway_s_own_words(browser: Browser, site: str) -> None:
    browser.open(f"{site}/docs")

    enter(browser, "a-key-that-nobody-made-0001")

    problem = browser.find("#problem")
    assert problem.text.startswith("This request carries no valid API key.")
    assert problem.get_attribute("role") == "alert"
    assert browser.find("#key").get_attribute("aria-invalid") == "true"
    [told] = browser.complaints()
    assert "401" in told


def test_a_key_that_no_header_holds_is_refused_at_once(browser: Browser, site: str) -> None:
    browser.open(f"{site}/docs")

    enter(browser, "schlüssel mit leerzeichen")

    assert browser.find("#problem").text == "A key is one word of plain characters. Copy it again."
    assert browser.complaints() == []


def test_the_right_key_shows_every_action(shown: Browser, gateway: Gateway) -> None:
    actions = {f"/actions/{action.id}" for action in gateway.catalog}

    assert len(actions) > 10
    assert actions <= paths(shown)
    assert not shown.all("#door")[0].is_displayed()
    assert shown.complaints() == []


def test_an_action_shows_what_it_does_takes_and_gives(shown: Browser) -> None:
    block = unfold(shown, "OpenaiChat")

    assert shown.find(f"{block} .opblock-summary-description").text == "Chat with a model"
    assert "Ask a language model" in shown.find(f"{block} .opblock-description").text
    assert '"prompt"' in str(shown.find(f"{block} .body-param__text").get_attribute("value"))
    shown.click(f"{block} .opblock-section-request-body .tab li:nth-child(2) button")
    form = shown.find(f"{block} .opblock-section-request-body .json-schema-2020-12")
    assert "What to ask or tell the model." in form.text
    assert '"finish_reason"' in shown.find(f"{block} .responses-table .example").text
    assert shown.complaints() == []


def test_an_action_runs_with_the_key_that_the_page_never_shows(shown: Browser) -> None:
    status, body = execute(shown, "OpenaiListModels")

    assert status == "200"
    assert '"models"' in body
    curl = shown.find(".curl-command").text
    assert "-H 'Authorization: Bearer YOUR_KEY'" in curl
    assert "Idempotency-Key" not in curl  # an example is no value
    assert KEY not in shown.driver.page_source
    assert shown.complaints() == []


def test_the_key_is_kept_nowhere_and_nothing_comes_from_elsewhere(shown: Browser, site: str) -> None:
    kept = shown.run(
        "return [localStorage.length, sessionStorage.length, document.cookie,"
        " location.href, history.state, window.name]"
    )

    assert kept[:3] == [0, 0, ""]
    assert KEY not in str(kept)
    assert shown.fetched()
    assert [address for address in shown.fetched() if not address.startswith(f"{site}/")] == []
    assert [address for address in shown.fetched() if KEY in address] == []


def test_the_nastiest_schemas_are_shown_in_peace(shown: Browser) -> None:
    for name in ("NastyNames", "NastyShapes", "NastyTree"):
        unfold(shown, name)

    assert shown.complaints() == []
    assert shown.driver.title == "Hookline reference"


def test_an_open_reference_fits_a_telephone(shown: Browser, telephone: None) -> None:
    unfold(shown, "OpenaiChat")

    assert shown.run("return document.documentElement.scrollWidth") <= 390


def test_forgetting_the_key_closes_the_reference(browser: Browser, site: str) -> None:
    browser.open(f"{site}/docs")
    browser.find("#key").send_keys(f"Bearer {KEY}", Keys.ENTER)  # pasted with its prefix, without a mouse
    browser.find(".opblock")
    assert browser.driver.switch_to.active_element.get_attribute("id") == "reference"

    browser.find("#forget").click()

    assert browser.find("#key").get_attribute("value") == ""
    assert browser.all(".opblock") == []


def test_the_page_works_below_a_path_prefix(browser: Browser, gateway: Gateway) -> None:
    def nothing(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        start("404 Not Found", [])
        return []

    with run_app(DispatcherMiddleware(nothing, {"/deep/prefix": create_app(gateway)})) as url:
        browser.open(f"{url}/deep/prefix/docs")
        enter(browser, KEY)

        assert execute(browser, "OpenaiListModels")[0] == "200"
        assert f"{url}/deep/prefix/actions/openai.list_models" in browser.find(".curl-command").text
        assert browser.complaints() == []


def test_a_public_reference_is_read_without_a_key_and_run_with_one(browser: Browser, tmp_path: Path) -> None:
    with run_server(tmp_path, HOOKLINE_SANDBOX="1", HOOKLINE_EXPORTS_PUBLIC="1") as server:
        browser.open(f"{server.url}/docs")
        browser.find(".opblock")
        assert browser.complaints() == []

        assert execute(browser, "OpenaiListModels")[0] == "401"
        browser.run("scrollTo(0, 0)")
        enter(browser, server.key)
        browser.find("#forget")
        browser.click(".btn-clear")

        assert execute(browser, "OpenaiListModels")[0] == "200"


def test_a_reference_for_reading_runs_nothing(browser: Browser) -> None:
    plugins = {"exports": {"public": True}, "docs": {"can_run": False}}
    gateway = Gateway(Settings.model_validate({**SANDBOX, "plugins": plugins}), environ={})
    with ExitStack() as stack:
        stack.callback(gateway.close)
        browser.open(stack.enter_context(run_app(create_app(gateway))) + "/docs")
        block = unfold(browser, "OpenaiChat")

        assert browser.all(f"{block} .execute") == []
        assert browser.all(f"{block} .try-out") == []
        assert not browser.all("#door")[0].is_displayed()


def hostile_connector(elsewhere: str) -> Connector:
    """Return a connector whose every text tries to run a script, or to load something."""
    text = (
        f'<img src="x" onerror="{EVIL}"><svg onload="{EVIL}"></svg><script>{EVIL}</script>'
        f'<iframe srcdoc="<script>top.{EVIL}</script>"></iframe><style>body {{ display: none }}</style>'
        f'\n\n[click here](javascript:{EVIL.replace(" ", "")}) <a href="javascript:{EVIL}">and here</a>'
        f'<form action="{elsewhere}/form"><button>send</button></form>'
        f'\n\n![picture]({elsewhere}/pixel.png) <img src="{elsewhere}/pixel">'
    )
    connector = Connector("evil", title=text, base_url="https://api.evil.example", description=text)
    schema: dict[str, object] = {
        "type": "object",
        "title": text,
        "description": text,
        "properties": {"x": {"type": "string", "title": text, "description": text, "default": text}},
    }
    connector.endpoint(
        "run",
        "POST",
        "/run",
        title=text,
        description=text,
        input=schema,
        output=schema,
        samples=[Sample(title=text, input={"x": text}, output={"x": text})],
    )
    return connector


class HostilePlugin:
    """The plugin of that connector."""

    def __init__(self, elsewhere: str) -> None:
        self.connector = hostile_connector(elsewhere)


def test_texts_of_a_hostile_connector_do_nothing(browser: Browser, tmp_path: Path) -> None:
    asked: list[str] = []

    def note(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        asked.append(environ["PATH_INFO"])
        start("204 No Content", [])
        return []

    with ExitStack() as stack:
        settings = Settings.model_validate(SANDBOX)
        host = load_plugins(settings)
        host.register(HostilePlugin(stack.enter_context(run_app(note))), name="evil")
        gateway = Gateway(settings, host=host, environ={})
        stack.callback(gateway.close)
        url = stack.enter_context(run_app(create_app(gateway)))
        browser.open(f"{url}/docs")
        enter(browser, KEY)
        block = unfold(browser, "EvilRun")
        browser.click(f"{block} .opblock-section-request-body .tab li:nth-child(2) button")
        browser.find(f"{block} .opblock-section-request-body .json-schema-2020-12")
        browser.run(
            "document.querySelectorAll('#reference :is(.markdown, .renderedMarkdown) a').forEach("
            "(link) => link.click())"
        )

        assert is_harmless(browser)
        told = browser.complaints()
        assert told
        assert [one for one in told if "Content Security Policy" not in one] == []
        assert [one for one in told if "pixel" in one and "img-src" in one]  # not even asked for

        page = tmp_path / "reference.html"
        page.write_bytes(export_html(gateway).main[1])
        browser.open(page.as_uri())
        assert is_harmless(browser)
        assert browser.complaints() == []
        assert asked == []


def is_harmless(browser: Browser) -> bool:
    """Tell whether no script of a text ran, and none of its elements could run one."""
    bad: list[str] = browser.run(
        """
        const inside = document.querySelectorAll("#reference *, main *");
        const attributes = [...inside].flatMap((one) => [...one.attributes]);
        return [
          ...attributes.filter((one) => /^on/i.test(one.name) || /^javascript:/i.test(one.value)),
          ...document.querySelectorAll("main :is(script, iframe, style, form:not(#door))"),
        ].map((one) => one.outerHTML ?? `${one.name}=${one.value}`);
        """
    )
    assert bad == []
    return browser.driver.title == "Hookline reference" and len(browser.driver.window_handles) == 1


def test_a_long_title_of_a_connector_leaves_room_for_its_description(browser: Browser) -> None:
    connector = Connector(
        "long",
        title="A very long title of a service " * 6,
        description="What the service does, told in one sentence.",
        base_url="https://a.example",
    )
    connector.endpoint("get", "GET", "/", input={"type": "object"}, output={"type": "object"})

    class Plugin:
        def __init__(self) -> None:
            self.connector = connector

    settings = Settings.model_validate(SANDBOX)
    host = load_plugins(settings)
    host.register(Plugin(), name="long")
    gateway = Gateway(settings, host=host, environ={})
    try:
        with run_app(create_app(gateway)) as url:
            browser.open(f"{url}/docs")
            enter(browser, KEY)
            browser.find(".opblock-tag small")
            widths: list[float] = browser.run(
                "return [...document.querySelectorAll('.opblock-tag small')].map((one) => one.clientWidth)"
            )
    finally:
        gateway.close()

    assert min(widths) > 250


def export_html(gateway: Gateway) -> Export:
    from hookline.exports.blueprints import make_blueprint
    from hookline.exports.export import make_export

    blueprint = make_blueprint(gateway, server_url="https://hooks.example.com")
    return make_export(gateway.export_targets["html"], blueprint)


def test_the_html_export_opens_with_every_action(browser: Browser, gateway: Gateway, tmp_path: Path) -> None:
    page = tmp_path / "reference.html"
    page.write_bytes(export_html(gateway).main[1])

    browser.open(page.as_uri())

    shown = [one.get_attribute("id") for one in browser.all("section.action")]
    assert shown == [f"action-{action.id}" for action in sorted(gateway.catalog, key=lambda one: one.id)]
    assert browser.run("return document.scripts.length") == 0
    assert browser.run("return getComputedStyle(document.querySelector('nav')).position") == "sticky"
    assert browser.fetched() == []
    assert browser.complaints() == []


@pytest.fixture
def telephone(browser: Browser) -> Iterator[None]:
    """The width of a telephone."""
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.usefixtures("telephone")
def test_the_html_export_fits_a_telephone(browser: Browser, gateway: Gateway, tmp_path: Path) -> None:
    page = tmp_path / "reference.html"
    page.write_bytes(export_html(gateway).main[1])

    browser.open(page.as_uri())

    assert browser.run("return document.documentElement.scrollWidth") <= 390
