"""The `careweave` command: a client of the services, and the starter of all of them in one process."""
