"""The addresses that answers name."""

from starlette.requests import Request


class Urls:
    """Addresses below a base, which ends without a slash."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    @classmethod
    def from_request(cls, request: Request) -> "Urls":
        """As the server is told that the world knows it, or as this request knows it."""
        return cls(request.app.state.config.url or str(request.base_url))

    def image(self, sha256: str, session: str, turn: int) -> str:
        """A turn's picture, with that turn's text."""
        return f"{self._base}/api/images/{sha256}.png?session={session}&turn={turn}"

    def session(self, session: str) -> str:
        """A session, for programs."""
        return f"{self._base}/api/sessions/{session}"

    def page(self, session: str) -> str:
        """A session, for people."""
        return f"{self._base}/?session={session}"

    def replay(self, session: str) -> str:
        """A session's turns on one page."""
        return f"{self.session(session)}/replay.html"

    def replay_events(self, session: str, replay: str) -> str:
        """What happens to a replay that is under way."""
        return f"{self.session(session)}/replays/{replay}/events"

    def turn(self, session: str, turn: int) -> str:
        """A turn."""
        return f"{self.session(session)}/turns/{turn}"

    def events(self, session: str, turn: int) -> str:
        """What happens to a turn."""
        return f"{self.turn(session, turn)}/events"
