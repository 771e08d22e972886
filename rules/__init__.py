"""Text in, explained assessment out: rules and the engine that applies them."""
