"""The embedding port, its adapters, and the cache on disk."""
