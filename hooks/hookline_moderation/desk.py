"""What is done at each step of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hookline.attempt import RetryDecision
from hookline.errors import ConfigurationError, ContentBlockedError, NotFoundError
from hookline_moderation.checker import Checker
from hookline_moderation.digests import CheckedTexts
from hookline_moderation.failures import UNAVAILABLE
from hookline_moderation.refusals import refusal_in_error, root_of, stop_at_refusal_in_answer
from hookline_moderation.sides import input_content, output_content
from hookline_moderation.state import state_of
from hookline_moderation.stream import RefusalWatch, StreamCheck

if TYPE_CHECKING:
    from hookline import Action, Call, HooklineError, Response, UpstreamRequest
    from hookline.attempt import Attempt
    from hookline.streaming import StreamTransform
    from hookline_moderation.failures import Checked
    from hookline_moderation.options import ModerationOptions


class Desk:
    """Checks the calls of one gateway; it remembers nothing of them.

    Args:
        find_action: Returns the action of an id.
        options_of: Returns what holds for a call.
    """

    def __init__(
        self, find_action: Callable[[str], Action], options_of: Callable[[Call], ModerationOptions]
    ) -> None:
        self._find_action = find_action
        self._options_of = options_of

    def check_classifier(self, options: ModerationOptions) -> None:
        """Check that what everything depends on is there.

        Raises:
            ConfigurationError: If something is to be checked and the classifier does not exist.
        """
        if not options.check_input and not options.check_output:
            return
        classifier = self._find(options)
        if classifier is None:
            raise ConfigurationError(
                f"plugins.moderation: `classifier`: there is no action {options.classifier!r}; "
                "`hookline actions list` shows them all."
            )
        properties = classifier.output_schema.get("properties")
        if isinstance(properties, dict) and "flagged" not in properties:
            raise ConfigurationError(
                f"plugins.moderation: `classifier`: the action {options.classifier!r} does not classify: its "
                "output has no member `flagged`."
            )

    def check_input(self, call: Call, request: UpstreamRequest, options: ModerationOptions) -> None:
        """Check what a call would send, once.

        Raises:
            ContentBlockedError: If it was found to be harmful.
            HooklineError: If it could not be checked.
        """
        if not self._is_checked(call, options, "input"):
            return
        state = state_of(call)
        if not state.has_checked_input:
            self._checker(call, options, "input").check(input_content(call, request))
            state.has_checked_input = True

    def check_answer(self, call: Call, response: Response, options: ModerationOptions) -> None:
        """Check a whole answer.

        Raises:
            ContentBlockedError: If it was found to be harmful, or is a refusal.
            HooklineError: If it could not be checked.
        """
        if _tells_refusals(call, options):
            stop_at_refusal_in_answer(response)
        if not options.check_output or not self._is_checked(call, options, "output"):
            return
        content = output_content(call, response)
        streamed = state_of(call).streamed
        if streamed is not None:
            content.texts = {text: None for text in content.texts if text not in streamed}
        self._checker(call, options, "output").check(content)

    def open_stream(self, call: Call, options: ModerationOptions) -> StreamTransform | None:
        """Return what checks a stream; None where its answer will be checked as a whole."""
        if not call.is_stream:
            return None
        stops_at_refusals = _tells_refusals(call, options)
        if not options.check_output or not self._is_checked(call, options, "output"):
            return RefusalWatch() if stops_at_refusals else None
        state, is_wire = state_of(call), call.door == "wire"
        state.streamed = None if is_wire else CheckedTexts()
        return StreamCheck(
            self._checker(call, options, "output"),
            options,
            is_wire=is_wire,
            stops_at_refusals=stops_at_refusals,
            checked=state.streamed,
        )

    def decide(self, attempt: Attempt) -> RetryDecision | None:
        """End a call whose content was blocked or could not be checked; the check made its own attempts."""
        error = attempt.error
        if isinstance(error, ContentBlockedError) or error.code == UNAVAILABLE:
            return RetryDecision(again=False, error=error)
        return None

    def map_error(self, call: Call, error: HooklineError, options: ModerationOptions) -> HooklineError | None:
        """Return the error for a refusal of the service because of the content, or None."""
        return refusal_in_error(error) if _tells_refusals(call, options) else None

    def _is_checked(self, call: Call, options: ModerationOptions, side: Checked) -> bool:
        """Tell whether a call is checked: not the check itself, nor what belongs to a call that is."""
        if call.action.id == options.classifier:
            return False
        above = call.parent
        while above is not None:
            its = self._options_of(above)
            if its.classifier in (call.action.id, above.action.id):
                return False
            if its.check_input if side == "input" else its.check_output:
                return False
            above = above.parent
        return True

    def _checker(self, call: Call, options: ModerationOptions, checked: Checked) -> Checker:
        return Checker(call, options, checked, classifier=self._find(options))

    def _find(self, options: ModerationOptions) -> Action | None:
        try:
            return self._find_action(options.classifier)
        except NotFoundError:
            return None


def _tells_refusals(call: Call, options: ModerationOptions) -> bool:
    """Tell whether the service's refusals are put in our own words: not for who speaks its own format."""
    return options.refusals == "error" and root_of(call).door == "action"
