"""The kit for tests of plugins: fixtures for pytest, scripted services, and suites that plugins inherit.

Nothing is loaded before it is used. The fixtures `gateway`, `sandbox`, `upstream`, `clock` and `call` are
there in every environment with Hookline and pytest; nothing has to be imported for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.testing.calling import ActionCaller
    from hookline.testing.clock import FakeClock
    from hookline.testing.connector_suite import ConnectorSuite
    from hookline.testing.gateway import GatewayRecipe, GatewayUnderTest, credential_of
    from hookline.testing.hook_suite import HookSuite
    from hookline.testing.network import NetworkBlockedError, block_network
    from hookline.testing.results import CallFailure, CallResult
    from hookline.testing.script import Fault, Pause, Script, ScriptedAnswer
    from hookline.testing.sent import SentRequest
    from hookline.testing.spy import HookSpy
    from hookline.testing.upstream import ScriptedUpstream, UnexpectedRequestError

_HOMES = {
    "hookline.testing.calling": ("ActionCaller",),
    "hookline.testing.clock": ("FakeClock",),
    "hookline.testing.connector_suite": ("ConnectorSuite",),
    "hookline.testing.gateway": ("GatewayRecipe", "GatewayUnderTest", "credential_of"),
    "hookline.testing.hook_suite": ("HookSuite",),
    "hookline.testing.network": ("NetworkBlockedError", "block_network"),
    "hookline.testing.results": ("CallFailure", "CallResult"),
    "hookline.testing.script": ("Fault", "Pause", "Script", "ScriptedAnswer"),
    "hookline.testing.sent": ("SentRequest",),
    "hookline.testing.spy": ("HookSpy",),
    "hookline.testing.upstream": ("ScriptedUpstream", "UnexpectedRequestError"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ActionCaller",
    "CallFailure",
    "CallResult",
    "ConnectorSuite",
    "FakeClock",
    "Fault",
    "GatewayRecipe",
    "GatewayUnderTest",
    "HookSpy",
    "HookSuite",
    "NetworkBlockedError",
    "Pause",
    "Script",
    "ScriptedAnswer",
    "ScriptedUpstream",
    "SentRequest",
    "UnexpectedRequestError",
    "block_network",
    "credential_of",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
