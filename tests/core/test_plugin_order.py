"""The order of plugins by setting: within their groups, never over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from hookline import hookimpl
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway
from hookline.plugin_order import arrange
from hookline.plugins import PluginHost
from hookline.settings import Settings
from small_service import Upstream


def plugin(*, first: bool = False, last: bool = False) -> object:
    class Plugin:
        @hookimpl(tryfirst=first, trylast=last)
        def hookline_shape_request(self) -> None: ...

        @hookimpl(tryfirst=first, trylast=last)
        def hookline_process_response(self) -> None: ...

        @hookimpl(tryfirst=first, trylast=last)
        def hookline_authorize(self) -> None: ...

        @hookimpl(tryfirst=first, trylast=last)
        def hookline_execute(self) -> None: ...

    return Plugin()


class Wrapper:
    @hookimpl(wrapper=True)
    def hookline_shape_request(self) -> Iterator[None]:
        yield


def hosted() -> PluginHost:
    host = PluginHost()
    made: dict[str, Callable[[], object]] = {
        "a": plugin,
        "b": plugin,
        "c": plugin,
        "first": lambda: plugin(first=True),
        "last": lambda: plugin(last=True),
        "last2": lambda: plugin(last=True),
        "around": Wrapper,
    }
    for name, make in made.items():
        host.register(make(), name=name)
    return host


def test_named_plugins_run_first_among_those_of_their_group() -> None:
    host = hosted()
    assert host.order()["hookline_shape_request"] == ["around", "first", "c", "b", "a", "last", "last2"]

    arrange(host, ["last2", "a", "b", "around"])

    assert host.order()["hookline_shape_request"] == ["around", "first", "a", "b", "c", "last2", "last"]
    assert host.order()["hookline_process_response"] == ["first", "a", "b", "c", "last2", "last"]


def test_one_hook_can_have_an_order_of_its_own() -> None:
    host = hosted()

    arrange(host, {"hookline_shape_request": ["a"], "hookline_process_response": ["b", "a"]})

    assert host.order()["hookline_shape_request"] == ["around", "first", "a", "c", "b", "last", "last2"]
    assert host.order()["hookline_process_response"] == ["first", "b", "a", "c", "last", "last2"]
    assert host.order()["hookline_execute"] == ["first", "c", "b", "a", "last", "last2"]


def test_hooks_that_decide_about_rights_keep_their_order() -> None:
    host = hosted()
    before = host.order()["hookline_authorize"]

    arrange(host, ["a", "b", "c"])

    assert host.order()["hookline_authorize"] == before


def test_the_transport_stays_last_whatever_is_named() -> None:
    host = hosted()
    arrange(host, ["last", "last2", "a"])

    Gateway(Settings(), host=host, transport=Upstream(), environ={}).close()

    assert host.order()["hookline_execute"] == ["first", "a", "c", "b", "last", "last2", "code", "transport"]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (["a", "firsst"], "plugins.order names 'firsst', which is not installed. Did you mean 'first'?"),
        (["a", "a"], "plugins.order names 'a' twice."),
        (["transport"], "plugins.order names 'transport', which is not installed."),
        (
            {"hookline_shape_requests": ["a"]},
            "names the hook 'hookline_shape_requests', which there is not. "
            "Did you mean 'hookline_shape_request'?",
        ),
        ({"hookline_authorize": ["a"]}, "the order of hookline_authorize() cannot be set"),
    ],
)
def test_an_order_that_cannot_be_kept_is_refused(
    order: Sequence[str] | Mapping[str, Sequence[str]], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        arrange(hosted(), order)

    assert words in caught.value.message
