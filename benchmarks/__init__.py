"""Speed and matching quality, beside what a user would pick instead."""
