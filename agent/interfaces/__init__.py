"""The ways in: each only translates to `Conversation`."""
