"""The event port, its adapters, the outbox, and CloudEvents."""
