"""Compatibility layers: the APIs of OpenAI and AUTOMATIC1111, and MCP, on top of the service.

A compatibility layer only translates. Auth, limits, the list of models and the queue belong to the service.
"""
