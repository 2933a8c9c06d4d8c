"""`/api/report`: counts of what is stored, for operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from ....operator_report import OperatorReport, parse_since
from ..dependencies import Context
from ..problems import Problem, document_problems

router = APIRouter(tags=["operations"])


@router.get("/api/report", responses=document_problems(400), summary="How exclusions, policies and models do")
async def show_report(
    context: Context,
    since: Annotated[
        str | None, Query(max_length=50, description="A date, a time or an age: `2026-12-01`, `24h`, `7d`, `2w`.")
    ] = None,
    terms: Annotated[bool, Query(description="Also list the excluded terms, which are users' words.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000, description="The most terms to list.")] = 50,
) -> OperatorReport:
    """Over all sessions. Where there are keys, an admin's is needed."""
    if not context.principal.admin:
        raise Problem(403, "admin-needed", "An admin's key is needed", "only an admin's key may read the report")
    start = None if since is None else parse_since(since)
    return await context.service.reader.build_report(start, limit if terms else None)
