"""Attempts that failed are made again where that can help, and never where it can harm."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, UpstreamRequest
    from hookline.attempt import Attempt, RetryDecision
    from hookline.gateway import Gateway
    from hookline.options import LayeredOptions
    from hookline_retry.judge import Judge
    from hookline_retry.options import RetryOptions
    from hookline_retry.turnstile import Turnstile


class RetryPlugin:
    """Holds the gates and budgets of one gateway.

    Args:
        random: Returns a number from 0 up to, but not including, 1.
    """

    options = "hookline_retry.options:RetryOptions"

    def __init__(self, *, random: Callable[[], float] = random.random) -> None:
        self._random = random
        self._options: LayeredOptions[RetryOptions]
        self._turnstile: Turnstile
        self._judge: Judge

    @hookimpl
    def hookline_startup(self, gateway: Gateway) -> None:
        """Read the options, and begin with open gates and full budgets."""
        from hookline_retry.budget import RetryBudgets
        from hookline_retry.gate import Gates
        from hookline_retry.judge import Judge
        from hookline_retry.options import RetryOptions
        from hookline_retry.turnstile import Turnstile

        gates, budgets = Gates(random=self._random), RetryBudgets()
        self._options = gateway.options_of(RetryOptions)
        self._turnstile = Turnstile(gates=gates, budgets=budgets)
        self._judge = Judge(gates=gates, budgets=budgets, random=self._random)

    @hookimpl
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> None:
        """Hold an attempt back while the service wants to be left alone."""
        options = self._options.for_call(call)
        if options.enabled:
            self._turnstile.enter(call, request, options)

    @hookimpl(wrapper=True)
    def hookline_retry(
        self, call: Call, attempt: Attempt
    ) -> Generator[None, RetryDecision | None, RetryDecision | None]:
        """Decide about a failure that no other plugin knew what to do with, and bound what others decide."""
        from hookline_retry.progress import note_failure

        decision = yield
        options = self._options.for_call(call)
        if options.enabled:
            if decision is None:
                decision = self._judge.judge(call, attempt, options)
            else:
                decision = self._judge.review(call, attempt, decision, options)
        is_final = decision is not None and not decision.again and decision.error is None
        note_failure(call, attempt.error, is_exhausted=is_final)
        return decision
