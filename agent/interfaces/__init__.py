"""User interfaces: command line, HTTP server, web page, MCP and LangChain. Each only translates to the agent."""
