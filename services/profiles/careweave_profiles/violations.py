"""What is wrong with a request, collected so that the caller learns all of it at once."""

from careweave.errors import FieldViolation, InvalidArgument


class Violations:
    """Violations found so far."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        """Note that `field` (its path in the request) breaks a rule, and what would be right."""
        self._found.append(FieldViolation(field, description))

    def refuse_if_any(self, reason: str) -> None:
        """Return if nothing was found.

        Raises:
            InvalidArgument: something was; the message names the first.
        """
        if self._found:
            first, rest = self._found[0], len(self._found) - 1
            more = f" ({rest} more)" if rest else ""
            raise InvalidArgument(
                f"{first.field}: {first.description}{more}.", reason=reason, violations=tuple(self._found)
            )


def refuse(field: str, description: str, reason: str) -> InvalidArgument:
    """Return the error that says that one `field` is wrong."""
    return InvalidArgument(f"{field}: {description}.", reason=reason, violations=[FieldViolation(field, description)])
