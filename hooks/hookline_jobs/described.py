"""What jobs add to every call, and what their routes take and answer, for exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import Answer, CallOption, Link, Operation, Parameter
from hookline_jobs.profiles import PARAMETER, PROFILES
from hookline_jobs.rows import CANCELLED, DONE, FAILED, QUEUED, RUNNING

if TYPE_CHECKING:
    from hookline.action import JsonObject

_GROUP = "Jobs"
_NULLABLE_TEXT: JsonObject = {"type": ["string", "null"]}
_STATE: JsonObject = {
    "type": "string",
    "enum": [QUEUED, RUNNING, DONE, FAILED, CANCELLED],
    "description": "How far it is.",
}
_HEADERS = {
    "Location": "Where the result will be.",
    "Retry-After": "Seconds to wait before looking.",
    "X-Hookline-Job": "Id of the job.",
}

OPTIONS = (
    CallOption(
        name=PARAMETER,
        place="query",
        title="Platform",
        description="The platform that calls, so that its deadline is kept.",
        schema={"type": "string", "enum": list(PROFILES)},
    ),
    CallOption(
        name="Prefer",
        place="header",
        title="Preference",
        description="`respond-async` for an answer that comes later, `wait=N` for how long to wait first.",
        example="respond-async, wait=10",
    ),
)

ACCEPTED = Answer(
    description="It takes longer than you wait, and goes on as a job.",
    schema={
        "type": "object",
        "title": "Accepted",
        "properties": {
            "id": {"type": "string", "description": "Id of the job."},
            "status": _STATE,
            "result_url": {"type": "string", "description": "Where the result will be."},
            "status_url": {"type": "string", "description": "How far it is."},
            "message": {"type": "string", "description": "The same in words."},
        },
        "required": ["id", "status", "result_url", "status_url", "message"],
    },
    headers=_HEADERS,
    links={
        "result": Link(
            operation="jobs.result",
            parameters={"job_id": "$response.body#/id"},
            description="The result, when it is there.",
        ),
        "status": Link(
            operation="jobs.status", parameters={"job_id": "$response.body#/id"}, description="How far it is."
        ),
        "cancel": Link(
            operation="jobs.cancel", parameters={"job_id": "$response.body#/id"}, description="The end of it."
        ),
    },
)

_JOB: JsonObject = {
    "type": "object",
    "title": "Job",
    "properties": {
        "id": {"type": "string"},
        "status": _STATE,
        "action": {"type": "string", "description": "Which action it runs."},
        "call_id": {"type": "string"},
        "flow": _NULLABLE_TEXT,
        "progress": {
            "type": ["object", "null"],
            "description": "How many of its parts are done.",
            "properties": {"done": {"type": "integer"}, "total": {"type": "integer"}},
            "required": ["done", "total"],
        },
        "position": {
            "type": ["integer", "null"],
            "description": "How many wait in front of it, counted up to 1000.",
        },
        "runs": {"type": "integer", "description": "How often it was begun."},
        "is_cancelling": {"type": "boolean"},
        "result_status": {"type": ["integer", "null"], "description": "HTTP status of its result."},
        "created_at": _NULLABLE_TEXT,
        "started_at": _NULLABLE_TEXT,
        "ended_at": _NULLABLE_TEXT,
        "expires_at": _NULLABLE_TEXT,
        "message": {"type": "string"},
        "result_url": {"type": "string"},
    },
    "required": ["id", "status", "action", "result_status", "created_at"],
}
_ID = Parameter(name="job_id", description="Id of the job.", is_in_path=True)

RESULT = Operation(
    id="jobs.result",
    title="Get the result of a job",
    description="202 while it goes on, then the answer that the action would have given.",
    group=_GROUP,
    parameters=(_ID,),
    answers={
        200: Answer(description="The action's own output.", schema={"type": "object"}),
        202: Answer(description="It goes on.", schema=_JOB, headers=_HEADERS),
    },
)
STATUS = Operation(
    id="jobs.status",
    title="See how far a job is",
    description="Always 200, whatever became of it.",
    group=_GROUP,
    parameters=(_ID,),
    answers={200: Answer(description="How far it is.", schema=_JOB)},
)
CANCEL = Operation(
    id="jobs.cancel",
    title="End a job",
    description="Ends it, upstream too; one that is over stays as it is.",
    group=_GROUP,
    parameters=(_ID,),
    answers={200: Answer(description="How far it came.", schema=_JOB)},
)
