"""Answer a call in the place of the service, by running it in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.upstream import UpstreamResponse
from hookline_context.chunk_plan import TextPlan
from hookline_context.chunk_run import run_parts
from hookline_context.embedding_chunks import join_embeddings, run_batch
from hookline_context.fitting import KEY, CallState
from hookline_context.joined_texts import describe_parts, join_answers, run_piece

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.upstream import Response, UpstreamRequest


def answer_in_parts(call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
    """Return the answer to all parts of a call, or None if it is not to be run in parts.

    Raises:
        HooklineError: If a part fails; names the part.
    """
    state = call.state.get(KEY)
    if not isinstance(state, CallState) or state.plan is None:
        return None
    state.has_run = True
    call.record.is_composed = True
    plan, parallel = state.plan, state.options.parallel_parts
    if not isinstance(plan, TextPlan):
        outputs = run_parts(
            call, plan.batches, lambda batch, run: run_batch(call, batch, run), parallel=parallel
        )
        is_packed = call.input.get("encoding_format") == "base64"
        return UpstreamResponse.of_json(join_embeddings(plan, outputs, is_packed=is_packed))
    nested = run_parts(call, plan.pieces, lambda piece, run: run_piece(piece, run, plan), parallel=parallel)
    answers = [answer for group in nested for answer in group]
    plan.told[:] = describe_parts(answers)
    is_chat = request.path == "/chat/completions"
    created = int(call.clock.now().timestamp())
    return UpstreamResponse.of_json(
        join_answers(answers, is_chat=is_chat, keeps_gaps=plan.keeps_gaps, created=created)
    )


def report_parts(call: Call, response: Response) -> None:
    """Put what each part took into the output of a call that was run in parts."""
    state = call.state.get(KEY)
    plan = state.plan if isinstance(state, CallState) else None
    if call.door == "action" and isinstance(plan, TextPlan) and plan.told:
        response.output["parts"] = plan.told
