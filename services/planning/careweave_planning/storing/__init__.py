"""The SQL adapter of the store of equality declarations; only `opening` names it."""
