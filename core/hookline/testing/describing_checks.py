"""Checks of what a connector says about itself: names, schemas, samples, options, exports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hookline.quality.describing import (
    field_problems,
    missing_samples,
    naming_problems,
    sample_problems,
    schemas_of,
)
from hookline.testing.findings import fail, fail_if, references_of
from hookline.testing.suite_base import ConnectorChecks

if TYPE_CHECKING:
    from hookline.action import Action
    from hookline.testing.upstream import ScriptedUpstream

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class DescribingChecks(ConnectorChecks):
    """What forms, lists and documents show."""

    def test_the_connector_is_named(self) -> None:
        """People find it by its title, and its base URL is one that requests can go to."""
        connector, problems = self.connector, []
        if not connector.title.strip() or connector.title == connector.id:
            problems.append(f"The connector {connector.id!r} has no title that people know the service by.")
        asks_a_service = any(action.code is None for action in connector.actions.values())
        if asks_a_service and not connector.base_url.startswith("https://"):
            problems.append(
                f"The base URL of {connector.id!r} is {connector.base_url!r}, which is not https."
            )
        fail_if(
            problems, 'Write `Connector("acme", title="Acme CRM", base_url="https://api.acme.example/v2")`.'
        )

    def test_an_action_is_named_and_described(self, checked_action: Action) -> None:
        """A list shows the title, and the description says what the title does not."""
        fail_if(
            naming_problems(checked_action),
            "Give the input model a docstring of a sentence or two, or pass `description=…`; "
            "in a manifest write `description`.",
        )

    def test_schemas_are_valid_and_stand_alone(self, checked_action: Action) -> None:
        """Both schemas are JSON Schema 2020-12 and refer to no other document."""
        import jsonschema

        problems = []
        for direction, schema in schemas_of(checked_action):
            if schema.get("$schema", _DIALECT) != _DIALECT:
                problems.append(
                    f"The {direction} of {checked_action.id} states another dialect in `$schema`."
                )
            try:
                jsonschema.Draft202012Validator.check_schema(schema)
            except jsonschema.SchemaError as exc:
                problems.append(f"The {direction} of {checked_action.id} is no valid schema: {exc.message}")
            foreign = sorted({one for one in references_of(schema) if not one.startswith("#")})
            if foreign:
                problems.append(
                    f"The {direction} of {checked_action.id} refers to {foreign[0]!r}, elsewhere."
                )
        fail_if(problems, "Correct the schema; what it refers to belongs into its own `$defs`.")

    def test_every_field_is_documented(self, checked_action: Action) -> None:
        """Each field of both schemas has a title or a description."""
        fail_if(
            field_problems(checked_action),
            'Write `Field(title="E-mail", description="…")`, or `title` in a manifest: forms show both.',
        )

    def test_an_action_has_samples(self, checked_action: Action) -> None:
        """Forms can be filled in for trial: there is a sample, or every needed field has an example."""
        fail_if(
            missing_samples(checked_action),
            "Pass `samples=[Sample(title=…, input=…, output=…)]`, or write `Field(examples=[…])`; "
            "in a manifest write `samples` or `examples`.",
        )

    def test_samples_satisfy_both_schemas(self, checked_action: Action) -> None:
        """What is shown as an example would be accepted, and is what comes back."""
        fail_if(sample_problems(checked_action), "Correct the sample, or the schema.")

    def test_options_of_connections_are_documented(self) -> None:
        """Whoever configures a connection reads what each option does."""
        model = self.connector.options
        bare = [
            f"The option `{name}` of connections to {self.connector.id!r} has no description."
            for name, info in (model.model_fields.items() if model is not None else ())
            if not info.description
        ]
        fail_if(bare, 'Write `Field(default, description="What it does.")` in the model `options`.')

    def test_every_export_builds(self, upstream: ScriptedUpstream) -> None:
        """Each platform's export can be written with the connector's actions in it."""
        with self.open(upstream) as gateway:
            problems = []
            wanted = f"{self.connector.id}.*"
            for target in gateway.app.export_targets:
                reply = gateway.client.get(
                    f"/exports/{target}",
                    query_string={"actions": wanted, "server": "https://hooks.example.com"},
                    headers=gateway.headers,
                )
                if reply.status_code != 200:
                    told = reply.get_json(silent=True) or {}
                    reason = told.get("detail", reply.status)
                    problems.append(f"The export {target!r} cannot be built with {wanted}: {reason}")
                elif not reply.get_data():
                    problems.append(f"The export {target!r} is empty with {wanted}.")
            fail_if(problems, "Correct what the message names; `hookline export TARGET` shows the same.")

    def test_the_catalog_shows_every_action(self, upstream: ScriptedUpstream) -> None:
        """What is declared can be found and called."""
        with self.open(upstream) as gateway:
            reply = gateway.client.get("/actions", headers=gateway.headers)
            shown = {one["id"] for one in json.loads(reply.get_data())["actions"]}
            missing = [action.id for action in self.visible_actions() if action.id not in shown]
            fail_if([f"{id} is not in the catalog." for id in missing], "Look at `hookline plugins list`.")
        if not self.connector.actions:
            fail(
                f"The connector {self.connector.id!r} has no action.", "Add one with `connector.endpoint(…)`."
            )
