"""ASGI middleware: authentication, body limit, HEAD requests, origin check, request log and trace context."""
