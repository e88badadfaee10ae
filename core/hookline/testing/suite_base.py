"""What every check of a connector starts from: its actions, inputs that fit, and a gateway to run them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from hookline.connector import Connector
from hookline.testing.findings import fail
from hookline.testing.gateway import GatewayRecipe, GatewayUnderTest
from hookline.testing.neighbours import Neighbours
from hookline.testing.script import ScriptedAnswer, make_answer, make_stream

if TYPE_CHECKING:
    import pytest

    from hookline.action import Action, JsonObject
    from hookline.engine.transport import Transport
    from hookline.testing.results import CallResult
    from hookline.testing.spy import HookSpy
    from hookline.testing.upstream import ScriptedUpstream

Mode = Literal["plain", "stream", "async", "items"]
MODES: tuple[Mode, ...] = get_args(Mode)

_NOTHING = "nothing to check"


class ConnectorChecks:
    """What a connector's suite is about; see `ConnectorSuite`."""

    __test__: ClassVar[bool] = False

    connector: ClassVar[Connector]
    plugin: ClassVar[object] = None
    inputs: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    answers: ClassVar[Mapping[str, object]] = {}
    streams: ClassVar[Mapping[str, Sequence[object]]] = {}
    sandbox: ClassVar[bool] = False
    settings: ClassVar[Mapping[str, object]] = {}
    environ: ClassVar[Mapping[str, str]] = {}
    refusals: ClassVar[Mapping[str, Sequence[int]]] = {}

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls.__test__ = isinstance(getattr(cls, "connector", None), Connector)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each check once for every action, mode, refusal and so on that it asks for."""
        actions = self.visible_actions()
        cases: dict[str, dict[str, object]] = {
            "checked_action": {action.id: action for action in actions},
            "checked_mode": {
                f"{action.id}-{mode}": (action, mode)
                for action in actions
                for mode in MODES
                if mode != "stream" or action.stream is not None
            },
            **self.more_cases(actions),
        }
        for name, found in cases.items():
            if name in metafunc.fixturenames:
                known = found or {_NOTHING: None}
                metafunc.parametrize(name, list(known.values()), ids=list(known))

    def more_cases(self, actions: Sequence[Action]) -> dict[str, dict[str, object]]:
        """Return further arguments of checks: values by id, by the argument's name."""
        return {}

    def visible_actions(self) -> list[Action]:
        """Return the actions that are in catalogs and exports."""
        found = self.connector.actions.values()
        return [action for action in found if not action.is_hidden]

    # ------------------------------------------------------------ what is run

    def input_of(self, gateway: GatewayUnderTest, action: Action) -> JsonObject:
        """Return an input that fits: from ``inputs``, else a sample, else one made from the schema."""
        given = _of(self.inputs, action)
        if isinstance(given, Mapping):
            return dict(given)
        from hookline.engine.samples import sample_input_of

        made = sample_input_of(gateway.app.catalog.entry(action.id))
        return {name: value for name, value in made.items() if name != "stream"}

    def answer_of(self, gateway: GatewayUnderTest, action: Action) -> ScriptedAnswer:
        """Return what the service answers to an action: from ``answers``, else the sample's output."""
        given = _of(self.answers, action)
        if isinstance(given, ScriptedAnswer):
            return given
        if given is not None:
            return make_answer(json=given)
        from hookline.testing.raw_answers import answer_that_gives

        reply = gateway.client.get(f"/actions/{action.id}/sample", headers=gateway.headers)
        return answer_that_gives(action, reply.get_json())

    def stream_of(self, action: Action) -> ScriptedAnswer | None:
        """Return the stream of an action, from ``streams``; None if none is given."""
        given = _of(self.streams, action)
        if not isinstance(given, Sequence):
            return None
        end = None if action.stream_end is None else action.stream_end.decode()
        return make_stream(given, end=end)

    @contextmanager
    def open(
        self,
        upstream: ScriptedUpstream,
        *,
        is_sandbox: bool | None = None,
        spy: HookSpy | None = None,
        plugins: Sequence[object] = (),
        transport: Transport | None = None,
    ) -> Iterator[GatewayUnderTest]:
        """Make a gateway with the connector, and close it afterwards."""
        limits = {"max_answer_bytes": 4_000_000}
        settings = {"limits": limits, "plugins": {"retry": {"share_waits": False}}, **self.settings}
        recipe = GatewayRecipe(
            plugins=(self._under_test(), self._neighbours(), *([spy] if spy else []), *plugins),
            settings=settings,
            environ=self.environ,
            is_sandbox=self.sandbox if is_sandbox is None else is_sandbox,
        )
        with GatewayUnderTest(recipe, upstream=upstream, transport=transport) as gateway:
            self._check_names(gateway)
            if self.connector.id not in gateway.connectors:
                problems = gateway.problems()
                reason = next((problem for problem in problems.values()), "no plugin adds it")
                fail(f"The connector {self.connector.id!r} is in no catalog: {reason}", "Correct that first.")
            yield gateway

    def _neighbours(self) -> Neighbours:
        others = {id: given for id, given in self.answers.items() if not self._is_own(id)}
        return Neighbours(self.connector.id, others)

    def _is_own(self, name: str) -> bool:
        return "." not in name or name.partition(".")[0] == self.connector.id

    def _check_names(self, gateway: GatewayUnderTest) -> None:
        """Refuse what is given for actions that do not exist: it would be ignored without a word."""
        for member in ("inputs", "answers", "streams"):
            for name in getattr(self, member):
                id = name if "." in name else f"{self.connector.id}.{name}"
                if gateway.app.catalog.get(id, with_hidden=True) is None:
                    fail(f"`{member}` of the suite has {name!r}, but there is no action {id}.", "Correct it.")

    def _under_test(self) -> object:
        if self.plugin is not None:
            return self.plugin
        from importlib.metadata import entry_points

        from hookline.plugins import ENTRY_POINT_GROUP

        for point in entry_points(group=ENTRY_POINT_GROUP):
            if point.name == self.connector.id:  # its hooks belong to it
                loaded = point.load()
                return loaded if not isinstance(loaded, type) else self.connector
        return self.connector

    def script(self, gateway: GatewayUnderTest, action: Action, upstream: ScriptedUpstream) -> None:
        """Let the service answer everything as the action needs it.

        What code runs of other connectors answers by itself: with the output of a sample, or with the JSON
        that ``answers`` has for its id, such as ``openai.chat``.
        """
        if gateway.recipe.is_sandbox:
            return
        if action.code is None:
            upstream.answers_with("*", "*", self.answer_of(gateway, action))
            return
        for other in self.connector.actions.values():  # it may call them
            if other.code is None and not other.is_hidden:
                upstream.answers_with(other.method, other.path, self.answer_of(gateway, other))

    def run(
        self,
        gateway: GatewayUnderTest,
        action: Action,
        mode: Mode = "plain",
        *,
        fields: Mapping[str, object] | None = None,
    ) -> CallResult:
        """Run an action in a mode, on an input that fits."""
        input = {**self.input_of(gateway, action), **(fields or {})}
        match mode:
            case "stream":
                return gateway.call.stream(action.id, input)
            case "async":
                return gateway.call.job(action.id, input)
            case "items":
                return gateway.call.items(action.id, [input, input])
            case _:
                return gateway.call(action.id, input)


def _of(given: Mapping[str, object], action: Action) -> object:
    return given.get(action.id, given.get(action.id.partition(".")[2]))
