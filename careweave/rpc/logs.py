"""One JSON object a line on standard error, for people and for log stores.

Nothing about a person goes into a log: no names, no request contents, no resource names of people.
An error is therefore logged as its type and the lines it came through, without its message.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON: time, severity, logger, message, and what was given as `extra`.

    process: which one of a server writes; empty for its first.
    """

    def __init__(self, process: str = "") -> None:
        """Say in each line which process wrote it, if that has a name."""
        super().__init__()
        self._process = {"process": process} if process else {}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._process,
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _where(record.exc_info[1])
        return json.dumps(line, default=str, ensure_ascii=False)


def _where(error: BaseException) -> list[str]:
    """Return types and places of `error` and its causes, without messages: these can quote what was stored."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(cause.__traceback__)
        ]
        if isinstance(cause, BaseExceptionGroup):
            lines += [f"  {line}" for each in cause.exceptions for line in _where(each)]
        cause = cause.__cause__ or cause.__context__
    return lines


def configure_logging(level: str, process: str = "") -> None:
    """Send records of `level` (for example INFO) and above of this project to standard error, and warnings of others.

    process: see `JsonFormatter`.

    Raises:
        ValueError: there is no such level.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(process))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for package in ("careweave", "careweave_skills", "careweave_profiles", "careweave_matching", "careweave_cli"):
        logging.getLogger(package).setLevel(level.upper())
