"""The embedded graph engine: Ladybug behind the graph port, with what it takes to rely on it."""
