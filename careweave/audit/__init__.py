"""The audit trail: what calls ask and see of people, chained in the event log, and found again."""
