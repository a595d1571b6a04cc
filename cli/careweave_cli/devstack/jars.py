"""The servers' jars: pinned, fetched once, and compared with committed digests before every start."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from careweave.errors import DataLoss, FailedPrecondition, Unavailable


@dataclass(frozen=True, slots=True)
class Distribution:
    """A server as Maven Central has it.

    name: of its folder in the cache and of its list of digests, `jars/<name>.sha256`, in the form of `sha256sum`.
    coordinate: `group:artifact:version`; what it depends on comes with it.
    """

    name: str
    coordinate: str

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each jar by file name."""
        text = files(__package__).joinpath("jars", f"{self.name}.sha256").read_text(encoding="ascii")
        return {file: digest for digest, file in (line.split() for line in text.splitlines())}


NEO4J = Distribution("neo4j-2026.08.1", "org.neo4j:neo4j:2026.08.1")
NEO4J_LTS = Distribution("neo4j-5.26.12", "org.neo4j:neo4j:5.26.12")
KAFKA = Distribution("kafka-4.4.0", "org.apache.kafka:kafka_2.13:4.4.0")


def user_cache() -> Path:
    """Return the folder in which all checkouts of this user keep the jars; it may be deleted at any time."""
    return Path.home() / ".cache" / "careweave" / "devstack"


def prepare(distribution: Distribution, cache: Path) -> Path:
    """Return the folder under `cache` that holds the jars of `distribution`, and no others, as they should be.

    Raises:
        FailedPrecondition: what fetches them is not installed.
        Unavailable: they cannot be fetched now.
        DataLoss: what was fetched, or lies in the cache, is not what was published; delete it and try again.
    """
    folder = cache / distribution.name
    if not folder.is_dir():
        _fill(folder, distribution)
    _compare(folder, distribution.digests())
    return folder


def _fill(folder: Path, distribution: Distribution) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when whole: an interrupted or a concurrent run leaves no half of it.
    part = Path(tempfile.mkdtemp(prefix=f"{distribution.name}.", dir=folder.parent))
    try:
        for jar in _fetch(distribution, folder.parent / "resolved"):
            shutil.copyfile(jar, part / jar.name)
        _compare(part, distribution.digests())
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fetch(distribution: Distribution, resolved: Path) -> Iterable[Path]:
    try:
        import jgo
    except ImportError as error:
        raise missing("jgo") from error
    try:
        environment = jgo.build(distribution.coordinate, cache_dir=resolved)
    except Exception as error:
        raise Unavailable(
            f"{distribution.coordinate} cannot be fetched from Maven Central: {error}", reason="JARS_UNAVAILABLE"
        ) from error
    return sorted(Path(environment.path).rglob("*.jar"))


def missing(package: str) -> FailedPrecondition:
    """Return the error that says how to get a package that the stack needs."""
    return FailedPrecondition(
        f"the development stack needs the package {package}: pip install 'careweave[devstack]'",
        reason="DEVSTACK_NOT_INSTALLED",
    )


def _compare(folder: Path, digests: Mapping[str, str]) -> None:
    found = {jar.name: _digest(jar) for jar in folder.glob("*.jar")}
    odd = sorted(file for file in found.keys() | digests.keys() if found.get(file) != digests.get(file))
    if odd:
        raise DataLoss(
            f"{len(odd)} jars in {folder} are not those expected ({', '.join(odd[:3])}{', …' if odd[3:] else ''}); "
            f"delete that folder to fetch them again",
            reason="JARS_DIFFER",
        )


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def classpath(folder: Path) -> str:
    """Return all jars of `folder` as one class path."""
    return os.pathsep.join(str(jar) for jar in sorted(folder.glob("*.jar")))
