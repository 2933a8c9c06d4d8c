"""URLs in responses."""

from starlette.requests import Request


class Urls:
    """Builds URLs below a base URL."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    @classmethod
    def from_request(cls, request: Request) -> "Urls":
        """With the configured public URL as the base, otherwise the URL of the request."""
        return cls(request.app.state.config.url or str(request.base_url))

    def image(self, sha256: str, session: str, turn: int) -> str:
        """The PNG of a turn, with the turn's metadata."""
        return f"{self._base}/api/images/{sha256}.png?session={session}&turn={turn}"

    def source(self, sha256: str) -> str:
        """A picture that turns start from."""
        return f"{self._base}/api/images/{sha256}.png"

    def session(self, session: str) -> str:
        """A session in the API."""
        return f"{self._base}/api/sessions/{session}"

    def page(self, session: str) -> str:
        """A session on the web page."""
        return f"{self._base}/?session={session}"

    def replay(self, session: str) -> str:
        """The HTML report of a session."""
        return f"{self.session(session)}/replay.html"

    def replay_events(self, session: str, replay: str) -> str:
        """The event stream of a running replay."""
        return f"{self.session(session)}/replays/{replay}/events"

    def turn(self, session: str, turn: int) -> str:
        """A turn in the API."""
        return f"{self.session(session)}/turns/{turn}"

    def events(self, session: str, turn: int) -> str:
        """The event stream of a turn."""
        return f"{self.turn(session, turn)}/events"
