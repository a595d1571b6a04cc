"""`careweave hr`: what HR systems send, from files, by the log, and what became of it."""
