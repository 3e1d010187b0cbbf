"""The dialogue engine: turns, scenarios, forms, intents, routing between bots, hand-off to people."""
