"""What the visitor had chosen, and what in the traffic proves it."""
