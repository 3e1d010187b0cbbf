"""The model gateway's own process: OpenAI-compatible HTTP in front of the city's models."""
