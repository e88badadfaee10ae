"""What the architecture promises: the places that it names exist, and rules that nothing else tests hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hookline import Call, Decision, Secret, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.gateway import Gateway, load_plugins
from hookline.settings import Settings
from hookline.webhook.app import create_app

KEY = "a-key-for-tests-only-0001"
VALUE = "a-credential-that-must-not-show"


def _status(plugin: object, *, is_sent: bool) -> int:
    """Return what a call is answered with; nothing may have been sent unless ``is_sent``."""
    sent: list[UpstreamRequest] = []

    class Witness:
        @hookimpl(tryfirst=True)
        def hookline_execute(self, request: UpstreamRequest) -> UpstreamResponse | None:
            sent.append(request)
            return None

    settings = Settings.model_validate({"api_keys": [KEY], "sandbox": True})
    host = load_plugins(settings)
    host.register(plugin, name="under_test")
    host.register(Witness(), name="witness")
    client = create_app(Gateway(settings, host=host, environ={})).test_client()
    answer = client.post(
        "/actions/openai.chat",
        json={"model": "sandbox", "prompt": "hello"},
        headers={"authorization": f"Bearer {KEY}"},
    )
    assert bool(sent) is is_sent
    assert VALUE not in answer.text
    return answer.status_code


def test_named_files_exist_and_hold_the_named_functions(root: Path) -> None:
    for page in ("docs/explanation/architecture.md", "docs/explanation/streams.md"):
        text = (root / page).read_text("utf-8")
        named = re.findall(r"`((?:core|connectors|hooks|tests)/[\w/]+\.py)`(?: \(`(\w+)`\))?", text)
        assert named
        for path, name in named:
            assert (root / path).is_file(), path
            assert not name or re.search(rf"(?:def|class) {name}\b", (root / path).read_text("utf-8")), name


def test_the_layout_names_what_is_in_the_tree(root: Path) -> None:
    text = (root / "docs/explanation/architecture.md").read_text("utf-8")
    layout = text.partition("\n## The layout\n")[2].partition("```text\n")[2].partition("```")[0]
    core = layout.partition("connectors/")[0]
    modules = {path.name for path in (root / "core/hookline").glob("[a-z]*.py")}
    names = " ".join(re.split(r" {3,}", line.strip())[0] for line in core.splitlines()[1:])
    assert set(re.findall(r"\w+\.py", names)) == modules
    for folder in ("connectors", "hooks", "schemas"):
        packages = {path.parent.name for path in (root / folder).glob("hookline_*/__init__.py")}
        assert set(re.findall(rf"(?m)^{folder}/(\w+)/ ", layout)) == packages
    parts = {path.parent.name for path in (root / "core/hookline").glob("*/__init__.py")}
    assert set(re.findall(r"(?m)^    (\w+)/ ", core)) == parts


def test_the_pipeline_table_names_every_hook_of_a_call(root: Path) -> None:
    from hookline import hookspecs

    text = (root / "docs/explanation/architecture.md").read_text("utf-8")
    part = text[text.index("## One call") : text.index("## Two doors")]
    named = list(dict.fromkeys(re.findall(r"hookline_\w+", part)))
    every = [name for name in vars(hookspecs) if name.startswith("hookline_")]
    assert sorted(named) == sorted(every)
    of_a_call = [name for name in every if name not in hookspecs.SETUP_HOOKS]
    assert [name for name in named if name in of_a_call] == of_a_call


class Silent:
    @hookimpl
    def hookline_authorize(self, call: Call) -> Decision | None:
        return None


class Denying:
    @hookimpl
    def hookline_authorize(self, call: Call) -> Decision | None:
        return Decision(allow=False)


class Failing:
    @hookimpl
    def hookline_authorize(self, call: Call) -> Decision | None:
        raise RuntimeError(VALUE)


class Wrong:
    @hookimpl
    def hookline_authorize(self, call: Call) -> object:
        return True


@pytest.mark.parametrize("plugin", [Denying(), Failing(), Wrong()], ids=["denial", "exception", "wrong type"])
def test_one_denial_an_exception_and_a_wrong_type_deny(plugin: object) -> None:
    assert _status(plugin, is_sent=False) == 403


def test_silence_of_one_leaves_the_decision_to_the_others() -> None:
    assert _status(Silent(), is_sent=True) == 200


class Bound:
    """Hands out a credential that is bound to an origin."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    @hookimpl
    def hookline_resolve_credential(self) -> Secret:
        return Secret(VALUE, allowed_origins=frozenset({self.origin}))


def test_a_credential_is_not_sent_to_another_origin_than_its_own() -> None:
    assert _status(Bound("http://sandbox.invalid:80"), is_sent=True) == 200
    assert _status(Bound("https://sandbox.invalid:443"), is_sent=False) == 500
    assert _status(Bound("http://sandbox.invalid:8080"), is_sent=False) == 500


class Diverting:
    """Sends every request elsewhere."""

    @hookimpl
    def hookline_shape_request(self, request: UpstreamRequest) -> None:
        request.base_url = "http://elsewhere.invalid/v1"


def test_a_plugin_cannot_change_where_a_request_goes() -> None:
    assert _status(Diverting(), is_sent=False) == 500


def test_a_secret_shows_itself_in_no_text() -> None:
    secret = Secret(VALUE, allowed_origins=frozenset({"https://api.example:443"}))
    assert VALUE not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        secret.__reduce__()
