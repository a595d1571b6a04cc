"""The profiles service: people and what they can do, and the organisations, places and hubs around them."""
