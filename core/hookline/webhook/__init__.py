"""The HTTP side: reading requests, routing them, shaping answers. No logic of its own."""
