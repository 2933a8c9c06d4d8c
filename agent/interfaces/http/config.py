"""What a server is told when it is started."""

from dataclasses import dataclass

ANY_ORIGIN = "*"


@dataclass(frozen=True)
class ServerConfig:
    """A server's settings; times are in seconds."""

    models: tuple[str, ...]
    """Those that may be asked for; the first is drawn with where none is."""
    queue: int = 64
    """How many may wait for a picture, over all sessions."""
    share: float = 0.5
    """The share of the places that no other key holds which one key may hold: see `jobs.key_shares`."""
    session_queue: int = 8
    """How many of them may be of one session."""
    cors: tuple[str, ...] = ()
    """Origins whose pages may call, such as `https://shop.example`; `*` is any."""
    url: str | None = None
    """The address that the world knows it by; by default the one that a request came to."""
    loopback: bool = True
    """Whether it can be reached from this machine alone: only then does it serve without keys."""
    steps: int = 150
    """At most so many steps a picture, where a key says nothing else."""
    size: int = 2048
    """At most so many pixels along a side, where a key says nothing else."""
    body: int = 1 << 20
    """At most so many bytes a request, but where a route needs more: see `middleware.body_limit`."""
    log_words: bool = False
    """Whether the log repeats what people say."""
    heartbeat: float = 15.0
    """After so long without an event, a stream says that it lives."""
    watch: float = 600.0
    """After so long a stream of a session's changes ends, and whoever wants more comes back with their key."""
    watchers: int = 1000
    """So many streams of events there may be at once, of sessions, turns and replays."""
    mcp_sessions: int = 1000
    """So many MCP sessions there may be at once."""
    mcp_idle: float = 600.0
    """An MCP session that is not used for so long has ended."""
    request_timeout: float = 30.0
    """A request whose headers take longer, or whose body does not come on for so long, is answered with 408."""
    linger: float = 60.0
    """So long a turn keeps its place in the queue when the last who followed its events has gone."""
    kept_runs: int = 256
    """The events of so many finished turns are kept,"""
    kept_seconds: float = 600.0
    """for so long."""
    grace: float = 30.0
    """So long a stop waits for the picture that is being drawn."""
