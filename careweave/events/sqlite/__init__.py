"""The embedded event log: SQLite behind the event port."""
