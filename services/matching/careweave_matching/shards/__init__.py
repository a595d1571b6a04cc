"""Matching in several processes, each for the people of some regions; see `plan` for who serves what."""
