"""Readers of the packaged taxonomies: files in, frozen records and notes on rows out. Nothing is written here."""
