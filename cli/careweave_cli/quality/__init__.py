"""Matching quality on judged sets, by the functions that the services themselves call."""
