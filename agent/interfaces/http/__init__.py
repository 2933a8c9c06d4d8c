"""The server: sessions over HTTP. Each route only translates to `Conversation`, `Studio` and `Store`.

    from notthat.agent.interfaces.http import ServerConfig, create_app
    app = create_app(studio, ServerConfig(models=("mini",)))

Every job that draws goes through `jobs/service.py`, which reports its progress as events. `app.py` puts routes and
middleware together; `server.py` runs the app and shuts it down.
"""

from .app import create_app
from .config import ServerConfig

__all__ = ["ServerConfig", "create_app"]
