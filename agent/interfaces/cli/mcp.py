"""`notthat mcp`: the tools for a host on this machine that starts the command itself."""

from typing import Annotated

import typer

from ....errors import InvalidInputError
from .options import Model, open_studio


def mcp(
    policy: Annotated[
        list[str] | None, typer.Option(help="A pack of exclusions that applies to every session begun here.")
    ] = None,
    model: Model = None,
) -> None:
    """Serve the tools start, say, undo, show and replay to a host of the Model Context Protocol, over stdin and stdout.

    Example:  {"mcpServers": {"notthat": {"command": "notthat", "args": ["mcp", "--policy", "brand-safety"]}}}
    """
    import asyncio

    try:
        from ..mcp import serve_stdio
    except ModuleNotFoundError as error:
        raise InvalidInputError(f"{error.name} is not installed: pip install 'notthat[serve]'") from None
    with open_studio(model) as studio:
        studio.policies(policies := tuple(policy or ()))  # an unknown one is said now, not to the host's first user
        studio.warm_up()
        asyncio.run(serve_stdio(studio, policies))
