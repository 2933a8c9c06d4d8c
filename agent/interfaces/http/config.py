"""Configuration of a server."""

from dataclasses import dataclass

ANY_ORIGIN = "*"


@dataclass(frozen=True)
class ServerConfig:
    """Configuration of a server. Times are in seconds."""

    models: tuple[str, ...]
    """Models that requests may use; the first is the default."""
    queue: int = 64
    """Maximum number of waiting turns, over all sessions."""
    share: float = 0.5
    """The share of the places not held by other keys that one key may hold; see `jobs.key_shares`."""
    session_queue: int = 8
    """Maximum number of waiting turns of one session."""
    cors: tuple[str, ...] = ()
    """Origins whose pages may call the API, such as `https://shop.example`; `*` allows any."""
    url: str | None = None
    """The public base URL; by default the URL of the request."""
    loopback: bool = True
    """Whether the server is reachable only from this machine. Only then does it serve without keys."""
    steps: int = 150
    """Maximum steps per picture, unless the key has a limit."""
    size: int = 2048
    """Maximum width and height in pixels, unless the key has a limit."""
    body: int = 1 << 20
    """Maximum bytes of a request body; some routes allow more, see `middleware.body_limit`."""
    log_words: bool = False
    """Whether prompts and feedback are logged."""
    heartbeat: float = 15.0
    """An event stream sends a comment after this time without an event."""
    watch: float = 600.0
    """Maximum duration of a stream of a session's events; clients then reconnect and authenticate again."""
    watchers: int = 1000
    """Maximum number of open event streams of sessions, turns and replays."""
    mcp_sessions: int = 1000
    """Maximum number of open MCP sessions."""
    mcp_idle: float = 600.0
    """An MCP session ends after this time without a request."""
    request_timeout: float = 30.0
    """Timeout for the headers of a request and between two parts of its body; then the answer is 408."""
    linger: float = 60.0
    """How long a turn stays in the queue after its last subscriber has disconnected."""
    kept_runs: int = 256
    """Maximum number of finished jobs whose events are kept."""
    kept_seconds: float = 600.0
    """How long the events of a finished job are kept."""
    grace: float = 30.0
    """How long a shutdown waits for running jobs."""
    take_over: bool | None = None
    """Whether turns of servers that are gone are drawn here; by default on a PostgreSQL database."""
