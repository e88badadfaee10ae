"""``hookline plugins check NAME``: the rules of a level, proved where that can be done."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import click

from hookline.cli.messages import CommandFailedError, echo_json, warn

if TYPE_CHECKING:
    from hookline.cli.context import CommandContext
    from hookline.plugins import PluginHost
    from hookline.quality.judge import Judgement
    from hookline.quality.rules import Level

_MARKS = {
    "passed": "ok     ",
    "failed": "FAILED ",
    "exempt": "exempt ",
    "done": "said   ",
    "todo": "to do  ",
    "open": "[ ]    ",
}
_MOST_FINDINGS = 10


def check_quality(context: CommandContext, host: PluginHost, name: str, *, level: str, as_json: bool) -> None:
    """Print what holds for a plugin, and end with status 1 if something that can be proved fails.

    Args:
        context: The surroundings of the command.
        host: The plugins.
        name: Which one.
        level: The level that is asked for.
        as_json: Whether JSON is printed.
    """
    from hookline.config.surroundings import survey
    from hookline.engine.catalog import build_catalog
    from hookline.errors import HooklineError
    from hookline.quality.judge import judge
    from hookline.quality.subject import Subject, folder_of

    with ExitStack() as opened:
        gateway = None
        try:
            gateway = opened.enter_context(context.open_gateway(sandbox=True))
        except HooklineError as exc:
            warn(f"no gateway can start, so that exports are not checked: {exc.message}")
        host = gateway.host if gateway is not None else host
        catalog = gateway.catalog if gateway is not None else build_catalog(host)
        info = host.plugins[name]
        subject = Subject(
            info=info,
            catalog=catalog,
            options=survey(host, catalog).models.get(name),
            gateway=gateway,
            folder=folder_of(info.module) if info.module else None,
        )
        judgement = judge(subject, level=cast("Level", level))
    if as_json:
        echo_json(judgement.as_json())
    else:
        _print(judgement)
    if judgement.is_refuted:
        raise click.exceptions.Exit(CommandFailedError.exit_code)


def _print(judgement: Judgement) -> None:
    shown = None
    for verdict in judgement.verdicts:
        rule = verdict.rule
        if rule.level != shown:
            click.echo(("" if shown is None else "\n") + rule.level)
            shown = rule.level
        reason = f"  ({verdict.reason})" if verdict.reason else ""
        click.echo(f"  {_MARKS[verdict.outcome]} {rule.id}: {rule.sentence}{reason}")
        for finding in verdict.findings[:_MOST_FINDINGS] if verdict.outcome == "failed" else ():
            click.echo(f"            {finding}")
        if verdict.outcome == "failed" and len(verdict.findings) > _MOST_FINDINGS:
            click.echo(f"            and {len(verdict.findings) - _MOST_FINDINGS} more; --json shows all")
    for problem in judgement.problems:
        click.echo(f"\n  {problem}")
    failed = sum(verdict.outcome == "failed" for verdict in judgement.verdicts)
    unanswered = sum(verdict.outcome == "open" for verdict in judgement.verdicts)
    click.echo(
        f"\n{judgement.plugin}: {failed} of {len(judgement.verdicts)} rules up to {judgement.level} fail; "
        f"reached: {judgement.reached or 'no level yet'}."
    )
    if unanswered:
        click.echo(
            f"{unanswered} can be answered by its author only: say `done`, `todo` or `exempt` in "
            "the package's quality.yaml."
        )
