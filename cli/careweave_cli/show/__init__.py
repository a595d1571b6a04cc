"""What commands print: tables and words for people, JSON for programs."""
