"""Checks of what happens when a hook plugin, or what it depends on, fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.hookspecs import OBSERVER_HOOKS, SECURITY_HOOKS, SETUP_HOOKS
from hookline.testing.bystander import SAY, whole_answer
from hookline.testing.crashing import INTERNALS, failing_dependency, hooks_of, with_failing_hook
from hookline.testing.findings import fail_if
from hookline.testing.hook_base import HookChecks

if TYPE_CHECKING:
    from hookline.testing.results import CallResult
    from hookline.testing.upstream import ScriptedUpstream

_WATCHING = OBSERVER_HOOKS | {"hookline_settle", "hookline_shutdown"}
_DECIDING = SECURITY_HOOKS - {"hookline_settle", "hookline_renew_principal"}


class HookContainmentChecks(HookChecks):
    """A plugin that decides fails closed, one that watches fails alone; none tells its insides."""

    def test_a_failing_hook_is_contained(self, upstream: ScriptedUpstream) -> None:
        """Each hook, made to raise, denies what it decides about and stops nothing that it watches."""
        problems: list[str] = []
        for hook in hooks_of(self.make_plugin()):
            if hook in SETUP_HOOKS or hook == "hookline_job_over":
                continue
            upstream.forget()
            upstream.answers_with("POST", "/say", whole_answer())
            with self.open(upstream, plugin=with_failing_hook(self.make_plugin(), hook)) as gateway:
                result = gateway.call(SAY, self.what_to_say())
            problems += _problems(f"{hook}() fails", {hook}, result, bool(upstream.requests))
        fail_if([f"{self.plugin_name}: {one}" for one in problems], "Report this to Hookline's maintainers.")

    def test_a_failing_dependency_is_contained(self, upstream: ScriptedUpstream) -> None:
        """What it depends on may be down: then it denies if it decides, and does no harm if it watches."""
        problems: list[str] = []
        for where in self.dependencies:
            upstream.forget()
            upstream.answers_with("POST", "/say", whole_answer())
            plugin = self.make_plugin()
            with self.open(upstream, plugin=plugin) as gateway, failing_dependency(where) as asked:
                result = gateway.call(SAY, self.what_to_say())
            if not asked:
                problems.append(
                    f"{where} is down, nobody notices: a call of {SAY} does not ask it. See `settings`."
                )
            problems += _problems(f"{where} is down", set(hooks_of(plugin)), result, bool(upstream.requests))
        fail_if(
            [f"{self.plugin_name}: when {one}" for one in problems],
            "Let what decides raise `StoreUnavailableError` (or any error) when it cannot know, and catch "
            "nothing into an admission; let what watches log the failure and return.",
        )


def _problems(event: str, hooks: set[str], result: CallResult, was_sent: bool) -> list[str]:
    hooks = hooks - SETUP_HOOKS
    text = f"{result.content!r} {dict(result.headers)}"
    problems = []
    if INTERNALS in text:
        problems.append(f"{event}, the caller reads the text of the failure.")
    if hooks & _DECIDING:
        if was_sent or result.status < 400:
            admitted = f"the call is admitted all the same ({result.status})"
            problems.append(f"{event}, {admitted}; it must be denied.")
    elif hooks and hooks <= _WATCHING:
        if not result.is_ok:
            problems.append(f"{event}, the call fails ({result.error}); it must go on.")
    elif result.error is not None and not result.error.body:
        problems.append(f"{event}, the caller reads no error body: {text[:200]}")
    return problems
