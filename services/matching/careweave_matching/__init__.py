"""The matching service: opportunities and their life, ranking in both directions, and live watch."""
