"""Compatibility layers: OpenAI's API, AUTOMATIC1111's and MCP over the same sessions.

A compatibility layer only translates. Auth, limits, the list of models and the queue belong to the service.
"""
