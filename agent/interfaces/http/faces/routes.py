"""Routes whose errors are told as the face's clients expect it."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from ..problems import Problem, problem_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def route_class(told: Callable[[Problem], Response]) -> type[APIRoute]:
    """For a router's `route_class`: what goes wrong in its routes is answered by `told`."""

    class Route(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def handled(request: Request) -> Response:
                try:
                    return await handle(request)
                except Exception as error:
                    problem = problem_of(error)
                    if problem.name == "unexpected" and problem is not error:  # else it was logged where it came up
                        request.app.state.service.watching.log.unexpected(error, route=self.path)
                    return told(problem)

            return handled

    return Route
