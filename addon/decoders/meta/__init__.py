"""Meta Pixel: endpoints, parameters, identity, content."""
