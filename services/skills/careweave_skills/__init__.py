"""The skills service: taxonomy, links between taxonomies, search, and text to skills."""
