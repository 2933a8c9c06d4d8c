"""ASGI middleware: body limit, origin check, request log and trace context."""
