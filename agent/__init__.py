"""Feedback to edits to a new turn: the floor that knows the other three.

    from notthat.agent import Conversation
    conversation = Conversation.start("portrait of a man without mustache")
    print(conversation.say("too cartoonish").image)

Names are imported when they are first used, so that `notthat --help` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .async_conversation import AsyncConversation
    from .conversation import Conversation, Turn, turn_json
    from .replay.regenerate import ReplayResult, replay_session
    from .settings import Settings
    from .studio import Studio

_HOME_OF = {
    "AsyncConversation": "async_conversation",
    "Conversation": "conversation",
    "Replayed": "replaying",
    "Settings": "settings",
    "Studio": "studio",
    "Turn": "conversation",
    "replay": "replaying",
    "turn_json": "conversation",
}

__all__ = [
    "AsyncConversation",
    "Conversation",
    "ReplayResult",
    "Settings",
    "Studio",
    "Turn",
    "replay_session",
    "turn_json",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
