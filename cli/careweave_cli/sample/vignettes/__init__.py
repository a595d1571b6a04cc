"""Career vignettes: what an adviser would expect of a list of next steps, and how the lists do."""
