"""Asks the user of an MCP host a question, by elicitation.

Hosts of the protocol 2026-07-28 get the question as the result of the call, and repeat the call with the answer; older
hosts are sent a request during the call.
"""

from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from ...storage import QuestionRecord
from ..answers import describe_candidate
from ..edits import Confirm, edits_adapter

QUESTION_KEY = "question"
"""Names the question among the inputs that a result requires."""

_NONE = "none of them"


def can_elicit(context: ServerRequestContext[Any, Any]) -> bool:
    """Whether the host can ask its user."""
    elicitation = types.ClientCapabilities(elicitation=types.ElicitationCapability())
    return context.session.check_client_capability(elicitation)


def has_input_requests(context: ServerRequestContext[Any, Any]) -> bool:
    """Whether the host repeats a call with the inputs that its result requires."""
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS


def elicit_request(question: QuestionRecord) -> types.ElicitRequest:
    """The question as a form with one field."""
    return types.ElicitRequest(
        params=types.ElicitRequestFormParams(message=question.text, requested_schema=_schema(question))
    )


async def elicit(context: ServerRequestContext[Any, Any], question: QuestionRecord) -> types.ElicitResult | None:
    """Ask during the call. None if the host can't be asked, or fails to."""
    try:
        return await context.session.elicit_form(question.text, _schema(question), context.request_id)
    except MCPError:
        return None


def read_answer(response: Any, question: QuestionRecord) -> Confirm | None:
    """The answer of the user; None if the user gave none."""
    if not isinstance(response, types.ElicitResult) or response.action != "accept":
        return None
    answer = (response.content or {}).get("answer")
    if not question.choose:
        return Confirm(yes=answer) if isinstance(answer, bool) else None
    names = _names(question)
    if answer == _NONE:
        return Confirm(yes=False)
    return Confirm(yes=True, choice=names.index(answer)) if isinstance(answer, str) and answer in names else None


def _schema(question: QuestionRecord) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "boolean"}
    if question.choose:
        kind = {"type": "string", "enum": [*_names(question), _NONE]}
    return {"type": "object", "properties": {"answer": {"title": question.text, **kind}}, "required": ["answer"]}


def _names(question: QuestionRecord) -> list[str]:
    return [describe_candidate(edit) for edit in edits_adapter.validate_python(question.edits)]
