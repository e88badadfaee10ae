"""Versions of the contract: what is taken, what is refused with what to do, and what is going to go."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from hookline import hookimpl, hookspecs
from hookline.api_version import CONTRACT, Contract, Deprecation
from hookline.errors import ConfigurationError
from hookline.plugins import PluginHost

LATER = Contract(
    version="3.2",
    release="0.9.0",
    ended={1: "0.6.4"},
    deprecations=(
        Deprecation(
            kind="argument",
            name="hookline_admit(estimate)",
            since="0.8.0",
            removed_in="0.10.0",
            instead="take `request`",
        ),
        Deprecation(
            kind="hook",
            name="hookline_job_over",
            since="0.8.0",
            removed_in="0.10.0",
            instead="implement another",
        ),
    ),
)


def plugin(version: object) -> object:
    class Plugin:
        api_version = version

        @hookimpl
        def hookline_shape_request(self) -> None: ...

    return Plugin()


@pytest.mark.parametrize("version", ["2.0", "2.9", "3.0", "3.2", None])
def test_a_version_that_is_taken_loads(version: str | None) -> None:
    info = PluginHost(contract=LATER).register(plugin(version), name="acme")

    assert (info.status, info.api_version) == ("active", version or "")


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (
            "3.3",
            "Plugin 'acme' needs version 3.3 of the plugin API, and Hookline 0.9.0 has 3.2. "
            "Update Hookline, or install an older release of the plugin.",
        ),
        ("4.0", "needs version 4.0 of the plugin API"),
        (
            "1.7",
            "Plugin 'acme' is written for version 1.7 of the plugin API; Hookline 0.6.4 was the last release "
            "to take it, and this is 0.9.0. Update the plugin, or stay with that release.",
        ),
        ("0.1", "there never was a version 0.1 of the plugin API; the first that this release knows is 1.0."),
        ("3", "its api_version '3' is no version; write two numbers as text, such as \"3.2\"."),
        (3.2, "its api_version '3.2' is no version"),
        ("3.2.1", "is no version"),
    ],
)
def test_a_version_that_is_not_taken_is_refused_with_what_to_do(version: object, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PluginHost(contract=LATER).register(plugin(version), name="acme")

    assert words in caught.value.message


def test_what_is_going_to_go_still_works_and_is_told() -> None:
    class Plugin:
        @hookimpl
        def hookline_admit(self, call: object, estimate: object) -> None: ...

        @hookimpl
        def hookline_job_over(self) -> None: ...

    info = PluginHost(contract=LATER).register(Plugin(), name="acme")

    assert info.status == "active"
    assert info.deprecated == [
        "hookline_admit(estimate) is deprecated since Hookline 0.8.0 and will be gone in 0.10.0; "
        "take `request`.",
        "hookline_job_over is deprecated since Hookline 0.8.0 and will be gone in 0.10.0; implement another.",
    ]


def test_the_old_style_of_wrappers_is_going_to_go() -> None:
    class Old:
        @hookimpl(hookwrapper=True)
        def hookline_execute(self) -> Iterator[None]:
            yield

    info = PluginHost().register(Old(), name="acme")

    assert info.deprecated == [
        "hookimpl(hookwrapper=True) is deprecated since Hookline 0.1.0 and will be gone in 0.3.0; "
        "write @hookimpl(wrapper=True), and return what the hook is to return."
    ]


def test_every_removal_is_announced_at_least_one_minor_release_ahead() -> None:
    def minor(release: str) -> tuple[int, int]:
        major, second, *_ = release.split(".")
        return int(major), int(second)

    for one in (*CONTRACT.deprecations, *LATER.deprecations):
        assert minor(one.removed_in) > (minor(one.since)[0], minor(one.since)[1] + 1) or (
            minor(one.removed_in)[0] > minor(one.since)[0]
        ), one


FROZEN: dict[str, tuple[str, ...]] = {
    "hookline_register_connectors": (),
    "hookline_startup": ("gateway",),
    "hookline_register_routes": ("routes",),
    "hookline_register_exports": (),
    "hookline_register_commands": ("group",),
    "hookline_shutdown": ("gateway",),
    "hookline_authenticate": ("request",),
    "hookline_renew_principal": ("principal",),
    "hookline_run_order": ("principal", "order", "proceed"),
    "hookline_authorize": ("call",),
    "hookline_choose_connections": ("call",),
    "hookline_shape_request": ("call", "request"),
    "hookline_admit": ("call", "request", "estimate"),
    "hookline_resolve_credential": ("call", "connection"),
    "hookline_apply_upstream_auth": ("call", "request", "secret"),
    "hookline_execute": ("call", "request"),
    "hookline_retry": ("call", "attempt"),
    "hookline_open_stream": ("call",),
    "hookline_process_response": ("call", "response"),
    "hookline_settle": ("call", "reservation", "usage"),
    "hookline_record_usage": ("call", "usage"),
    "hookline_job_over": ("job",),
    "hookline_map_error": ("call", "error"),
}
"""The hooks of version 1.0 with their arguments. Lines are added, and arguments at the end of a line."""


def test_hooks_and_arguments_are_added_and_never_removed_or_renamed() -> None:
    specs: dict[str, Any] = {
        name: value for name, value in vars(hookspecs).items() if hasattr(value, "hookline_spec")
    }
    now = {name: tuple(inspect.signature(spec).parameters) for name, spec in specs.items()}

    assert {name: now[name][: len(arguments)] for name, arguments in FROZEN.items()} == FROZEN
    is_firstresult = {name for name, spec in specs.items() if spec.hookline_spec["firstresult"]}
    assert is_firstresult >= {
        "hookline_authenticate",
        "hookline_renew_principal",
        "hookline_choose_connections",
        "hookline_resolve_credential",
        "hookline_apply_upstream_auth",
        "hookline_execute",
        "hookline_retry",
        "hookline_map_error",
    }
