"""The server: sessions over HTTP, each route only translating to `Conversation`, `Studio` and `Store`.

    from notthat.agent.interfaces.http import Serving, create_app
    app = create_app(studio, Serving(models=("mini",)))

`service.py` is the heart: whatever draws goes through it, and it tells what becomes of it as events. `app.py` puts the
routes together, `server.py` runs them and stops them with care.
"""

from .app import create_app
from .config import ServerConfig

__all__ = ["ServerConfig", "create_app"]
