"""Feedback -> edits -> a new turn: the only package that knows the other three.

    from notthat import Conversation

    conversation = Conversation.start("portrait of a man without mustache")
    print(conversation.say("too cartoonish").image)

Names are imported when they are first used, so that `notthat --help` is quick.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_exports

if TYPE_CHECKING:
    from .async_conversation import AsyncConversation as AsyncConversation
    from .conversation import Conversation as Conversation
    from .conversation import Turn as Turn
    from .exclusion_audit import AuditResult as AuditResult
    from .replay.regenerate import ReplayResult as ReplayResult
    from .replay.regenerate import replay_session as replay_session
    from .settings import Settings as Settings
    from .studio import Studio as Studio
    from .turn_serialization import turn_json as turn_json

    Replayed = ReplayResult  # its former name
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__)
