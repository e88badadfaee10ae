"""What every check of a hook plugin starts from: gateways with the plugin and without it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

from hookline.errors import HooklineError
from hookline.items import text_field_of
from hookline.plugins import ENTRY_POINT_GROUP
from hookline.principal import matches
from hookline.testing.bystander import SAY, TEXT, BystanderPlugin
from hookline.testing.findings import fail
from hookline.testing.gateway import GatewayRecipe, GatewayUnderTest
from hookline.testing.tried_actions import input_for, tried_actions

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.testing.upstream import ScriptedUpstream


class HookChecks:
    """What a hook plugin's suite is about; see `HookSuite`."""

    __test__: ClassVar[bool] = False

    plugin: object
    applies_to: ClassVar[Sequence[str]] = ()
    inputs: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    dependencies: ClassVar[Sequence[str]] = ()
    settings: ClassVar[Mapping[str, object]] = {}
    environ: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls.__test__ = getattr(cls, "plugin", None) is not None

    @property
    def plugin_name(self) -> str:
        """How findings call the plugin."""
        plugin = self.plugin
        if isinstance(plugin, ModuleType):
            return plugin.__name__
        return plugin.__name__ if isinstance(plugin, type) else type(plugin).__name__

    def make_plugin(self) -> object:
        """Return the plugin for one gateway: a new instance of a class, else the plugin itself."""
        plugin = self.plugin
        if not inspect.isclass(plugin):
            return plugin
        try:
            return plugin()
        except Exception as exc:  # a plugin may fail in any way
            fail(
                f"{plugin.__name__}() cannot be made: {type(exc).__name__}: {exc}",
                "Give it no needed argument; read settings in `hookline_startup(self, gateway)`.",
            )

    def applies(self, action_id: str) -> bool:
        """Tell whether the plugin is for an action."""
        return matches(self.applies_to, action_id)

    def what_to_say(self) -> JsonObject:
        """Return an input for the action of the bystander."""
        return dict(self.inputs.get(SAY, {"text": TEXT}))

    def input_of(self, gateway: GatewayUnderTest, action: Action, text: str | None = None) -> JsonObject:
        """Return an input that fits: from ``inputs``, else made for the action; it says a text if given."""
        given = self.inputs.get(action.id)
        if given is None:
            return input_for(gateway.app.catalog, action, TEXT if text is None else text)
        field = text_field_of(action)
        return {**given, **({} if text is None or field is None else {field: text})}

    def tried_actions(self, gateway: GatewayUnderTest) -> list[Action]:
        """Return the actions of installed connectors that the plugin is for and is tried on."""
        return tried_actions(gateway.app.catalog, lambda id: id != SAY and self.applies(id))

    @contextmanager
    def open(
        self,
        upstream: ScriptedUpstream,
        *plugins: object,
        is_sandbox: bool = False,
        has_plugin: bool = True,
        plugin: object | None = None,
    ) -> Iterator[GatewayUnderTest]:
        """Make a gateway with the bystander, and with the plugin unless it is to be compared with."""
        own = [plugin or self.make_plugin()] if has_plugin else []
        recipe = GatewayRecipe(
            plugins=(BystanderPlugin(), *own, *plugins),
            settings=self.settings if has_plugin else {},
            environ=self.environ if has_plugin else {},
            disabled=_installed_as(self.plugin),
            is_sandbox=is_sandbox,
            is_bare=True,
            with_connectors=is_sandbox,
        )
        try:
            made = GatewayUnderTest(recipe, upstream=upstream)
        except HooklineError as exc:
            fail(f"{self.plugin_name} cannot be used: {exc.message}", "Correct what the message names.")
        with made:
            yield made


def _installed_as(plugin: object) -> tuple[str, ...]:
    """Return the names under which a plugin is installed: the suite brings it itself, or leaves it out."""
    if isinstance(plugin, ModuleType):
        module = plugin.__name__
    else:
        module = plugin.__module__ if isinstance(plugin, type) else type(plugin).__module__
    package = module.partition(".")[0]
    points = entry_points(group=ENTRY_POINT_GROUP)
    return tuple(point.name for point in points if point.module.partition(".")[0] == package)
