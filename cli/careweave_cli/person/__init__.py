"""What is held about a person, over all services: exported, counted, and looked for after an erasure."""
