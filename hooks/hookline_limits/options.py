"""What can be set for the plugin ``limits``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from hookline.limit import Limit, parse_limit
from hookline.options import PluginOptions


class LimitsOptions(PluginOptions):
    """What callers may take, and where it is counted."""

    limits: tuple[str, ...] = Field(
        (),
        description="Limits for every key, besides those that keys carry, such as `60 requests / minute` or "
        "`5 usd / day per tenant`.",
    )
    runaway: str = Field(
        "1000 requests / 10m per flow",
        description="Guard that stops a flow which runs away: how many calls one label of "
        "`X-Hookline-Flow` may make in which time; empty for no guard.",
    )
    warn_at: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Share of a budget from which answers carry a warning; limits other than budgets warn "
        "only if they say `warn N%`.",
    )
    unpriced: Literal["refuse", "allow"] = Field(
        "refuse",
        description="What becomes of a call whose price is not known, where a budget applies: it is refused, "
        "or runs and counts as far as its cost gets known.",
    )
    store: Literal["auto", "memory", "sqlite", "redis"] = Field(
        "auto",
        description="Where is counted; for the whole gateway, as the next two. `auto` takes Redis if "
        "`redis_url` is set, else memory for one worker, and SQLite for several and for what lasts over an "
        "hour.",
    )
    redis_url: SecretStr | None = Field(
        None, description="Where Redis is, such as `redis://127.0.0.1:6379/0`; may hold a password."
    )
    lease_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds after which what a killed worker had set aside is free again.",
    )

    @field_validator("limits")
    @classmethod
    def _check_limits(cls, limits: tuple[str, ...]) -> tuple[str, ...]:
        for text in limits:
            _parse(text)
        return limits

    @field_validator("runaway")
    @classmethod
    def _check_runaway(cls, runaway: str) -> str:
        if runaway.strip():
            limit = _parse(runaway)
            if limit.subject != "flow" or limit.resource != "requests":
                raise _problem("the guard counts requests per flow: `1000 requests / 10m per flow`")
        return runaway.strip()


def _parse(text: str) -> Limit:
    try:
        return parse_limit(text)
    except ValueError as exc:
        raise _problem(str(exc)) from None


def _problem(reason: str) -> PydanticCustomError:
    """Return an error that says only this, without words of the library in front."""
    return PydanticCustomError("limit", "{reason}", {"reason": reason.removesuffix(".")})
