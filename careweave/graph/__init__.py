"""The graph port and its adapters."""
