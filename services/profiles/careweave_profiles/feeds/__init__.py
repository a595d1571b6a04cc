"""What HR systems say of people: taken in once, in the source's order, beside what the people say themselves."""
