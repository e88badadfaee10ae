"""What can be set for the plugin."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from hookline.options import PluginOptions

Format = Literal["output", "event"]

_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|[0-9a-fA-F:]+")


class CallbacksOptions(PluginOptions):
    """Where results may be posted, in which form, and for how long they are kept."""

    format: Format = Field(
        "output",
        description="What is posted: `output`, exactly what the action answered, or `event`, wrapped with "
        "type and time. `callback_format` in a call says otherwise.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="Hosts that are called; `*.example.com` is all below it. Empty for all public ones.",
    )
    allowed_ports: tuple[int, ...] = Field(
        (), description="Ports that are called. Empty for 443 and all from 1024 on."
    )
    allow_loopback: bool = Field(
        False,
        description="Whether results may go to the machine itself, by http too. For development only.",
    )
    timeout_s: float = Field(15.0, ge=1, le=30, description="Longest time of one attempt.")
    max_body_mb: float = Field(
        6.0,
        gt=0,
        le=50,
        description="Largest result that is posted, in megabytes; in place of a larger one goes an event "
        "that says where it is.",
    )
    max_sending: int = Field(8, ge=1, le=64, description="Most attempts of a worker at the same time.")
    max_waiting: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="Most deliveries of a tenant that wait; further ones count as failed until somebody "
        "sends them again.",
    )
    retention_days: int = Field(7, ge=4, le=365, description="Days that a delivery is kept after it is over.")
    rotation_grace_s: int = Field(
        86_400,
        ge=0,
        le=2_592_000,
        description="Seconds for which an old secret still signs beside the new one.",
    )
    shutdown_s: float = Field(
        5.0, ge=0, le=60, description="Longest time that a worker, when it ends, lets attempts finish."
    )

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(
                    "a host is a name such as `hooks.example.com` or `*.example.com`, and no URL"
                )
        return names

    @field_validator("allowed_ports")
    @classmethod
    def _check_ports(cls, ports: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= port <= 65_535 for port in ports):
            raise ValueError("a port is a number from 1 to 65535")
        return ports
