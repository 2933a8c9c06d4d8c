"""OpenAI's images, chat and models API."""
