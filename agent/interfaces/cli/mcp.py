"""`notthat mcp`: the MCP server over stdin and stdout, for hosts on this machine."""

from typing import Annotated

import typer

from ....errors import InvalidInputError
from .options import LLMTimeout, Model, open_studio


def mcp(
    policy: Annotated[
        list[str] | None, typer.Option(help="A policy: a set of exclusions for every session started here.")
    ] = None,
    model: Model = None,
    llm_timeout: LLMTimeout = None,
) -> None:
    """Run an MCP (Model Context Protocol) server over stdin and stdout. Tools: start, say, undo, show and replay.

    Example:  {"mcpServers": {"notthat": {"command": "notthat", "args": ["mcp", "--policy", "brand-safety"]}}}
    """
    import asyncio

    try:
        from ..mcp import serve_stdio
    except ModuleNotFoundError as error:
        raise InvalidInputError(f"{error.name} is not installed: pip install 'notthat[serve]'") from None
    with open_studio(model, llm_timeout) as studio:
        studio.policies(policies := tuple(policy or ()))  # raises now if one is unknown
        studio.warm_up()
        asyncio.run(serve_stdio(studio, policies))
