"""Other ways to talk to the same sessions: as OpenAI's API, AUTOMATIC1111's, and MCP's hosts do.

Each translates, and no more: keys, limits, the list of models and the queue are the service's, and apply to all.
"""
