"""Making the packaged embedder: all-MiniLM-L6-v2 fitted to the taxonomies. Run as `python -m training`; not shipped."""
