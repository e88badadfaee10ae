"""The export of function tools for OpenAI's models."""
