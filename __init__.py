"""notthat: say what is wrong with the picture; get it again without it."""

from typing import TYPE_CHECKING

from ._lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .agent.async_conversation import AsyncConversation as AsyncConversation
    from .agent.conversation import Conversation as Conversation
    from .agent.edits import Allow as Allow
    from .agent.edits import Confirm as Confirm
    from .agent.edits import Exclude as Exclude
    from .agent.edits import Reroll as Reroll
    from .agent.edits import Reset as Reset
    from .agent.edits import Reweight as Reweight
    from .agent.edits import SetPrompt as SetPrompt
    from .agent.edits import Undo as Undo
    from .errors import NotthatError as NotthatError
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__)
