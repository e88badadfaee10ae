"""Checks of a hook plugin's form: that it loads, what its hooks are called, what can be set."""

from __future__ import annotations

import difflib
import inspect
from types import ModuleType
from typing import TYPE_CHECKING

from pydantic_core import PydanticUndefined

from hookline import hookspecs
from hookline.errors import ConfigurationError
from hookline.options import load_model
from hookline.plugins import PluginHost
from hookline.testing.crashing import hooks_of
from hookline.testing.findings import fail, fail_if
from hookline.testing.hook_base import HookChecks

if TYPE_CHECKING:
    from hookline.testing.upstream import ScriptedUpstream

_ARGUMENTS = {
    name: tuple(inspect.signature(spec).parameters)
    for name, spec in vars(hookspecs).items()
    if name.startswith("hookline_") and callable(spec)
}


class HookFormChecks(HookChecks):
    """What can be told before any call."""

    def test_every_hook_exists(self) -> None:
        """A hook that this version does not have would never run."""
        problems = []
        for name in hooks_of(self.make_plugin()):
            if name not in _ARGUMENTS:
                near = difflib.get_close_matches(name, _ARGUMENTS, n=1)
                hint = f"; did you mean {near[0]}()?" if near else "."
                problems.append(f"{self.plugin_name}: {name}() is no hook of this version{hint}")
        fail_if(problems, "Rename it; the reference of hooks lists them all.")

    def test_every_hook_is_marked(self) -> None:
        """A function without the mark would never run."""
        plugin = self.make_plugin()
        marked = set(hooks_of(plugin))
        module = plugin if isinstance(plugin, ModuleType) else inspect.getmodule(type(plugin))
        bare = [
            name
            for name in dir(plugin)
            if name.startswith("hookline_")
            and name not in marked
            and inspect.isroutine(getattr(plugin, name, None))
            and inspect.getmodule(getattr(plugin, name)) is module
        ]
        problems = [f"{self.plugin_name}: {name}() is not marked." for name in bare]
        fail_if(problems, "Put `@hookimpl` above it.")

    def test_every_argument_exists(self) -> None:
        """An argument that a hook does not have keeps the plugin from being loaded."""
        problems = []
        for name, function in hooks_of(self.make_plugin()).items():
            known = _ARGUMENTS.get(name)
            if known is None:
                continue
            problems += [
                f"{self.plugin_name}: {name}() takes `{argument}`; "
                f"it may take {', '.join(known) or 'nothing'}."
                for argument in inspect.signature(function).parameters
                if argument not in known
            ]
        fail_if(problems, "Take any of the hook's arguments, by their names, and no others.")

    def test_it_registers(self) -> None:
        """A gateway takes it."""
        try:
            PluginHost().register(self.make_plugin(), name="under_test")
        except ConfigurationError as exc:
            fail(f"{self.plugin_name} is refused: {exc.message}", "A gateway runs without it; correct that.")

    def test_a_gateway_starts_with_it(self, upstream: ScriptedUpstream) -> None:
        """It starts with no setting of its own, and closes."""
        with self.open(upstream) as gateway:
            fail_if([f"{name}: {text}" for name, text in gateway.problems().items()], "Correct that first.")

    def test_its_options_have_defaults_and_descriptions(self) -> None:
        """It runs without being configured, and whoever configures it reads what each option does."""
        declared = getattr(self.make_plugin(), "options", None)
        if declared is None:
            return
        try:
            model = load_model(declared, plugin=self.plugin_name)
        except ConfigurationError as exc:
            fail(exc.message, "Name a subclass of `PluginOptions`, or where it is: `package.module:Name`.")
        problems = []
        for name, info in model.model_fields.items():
            if not info.description:
                problems.append(f"{self.plugin_name}: the option `{name}` has no description.")
            if info.default is PydanticUndefined and info.default_factory is None:
                problems.append(f"{self.plugin_name}: the option `{name}` has no default.")
        fail_if(problems, 'Write `name: int = Field(10, description="What it does.")`.')
