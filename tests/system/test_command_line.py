import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from careweave_cli.application import SUBCOMMANDS, careweave
from click.testing import CliRunner, Result

from careweave.graph.schema import SCHEMA
from tests.system.ports import free_address


def commands(group: click.Group = careweave, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of every command, groups included."""
    context = click.Context(group)
    found = [path]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        deeper = (*path, name)
        found += commands(command, deeper) if isinstance(command, click.Group) else [deeper]
    return found


TRIAL = {"CAREWEAVE_TRIAL": "yes"}
ISSUED = {"CAREWEAVE_ISSUERS": "https://login.example.org"}


def call(folder: Path, *words: str, **settings: str) -> Result:
    """Run a command in this process, on stores in `folder`, with nothing to find at its address."""
    environment = {
        "CAREWEAVE_GRAPH": f"ladybug:{folder / 'graph'}",
        "CAREWEAVE_EVENTS": f"sqlite:{folder / 'events.db'}",
        "CAREWEAVE_EQUALITY": f"sqlite:{folder / 'equality.db'}",
        "CAREWEAVE_CACHE": str(folder / "cache"),
        "CAREWEAVE_LISTEN": "127.0.0.1:9",
        **settings,
    }
    return CliRunner().invoke(careweave, words, obj=environment)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_explains_itself_with_an_example(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = call(tmp_path, *words, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert len(result.output.splitlines()) > 5


def test_the_list_of_commands_says_what_each_does(tmp_path: Path) -> None:
    result = call(tmp_path, "--help")
    for name, command in SUBCOMMANDS.items():
        assert f"{name} " in result.output
        assert command.summary.split()[0] in result.output
    assert "Exit status" in result.output


@pytest.mark.parametrize("words", [("--help",), ("match", "--help"), ("status",)], ids=" ".join)
def test_a_client_starts_without_the_model_and_the_stores(words: tuple[str, ...]) -> None:
    """Whoever calls a running server does not wait for torch, the graph engine or the services."""
    heavy = ("torch", "sentence_transformers", "ladybug", "careweave_matching", "careweave_skills")
    script = (
        "import sys; from careweave_cli.application import careweave\n"
        f"careweave({list(words)!r}, obj={{'CAREWEAVE_LISTEN': '127.0.0.1:9'}}, standalone_mode=False)\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "settings", "status", "says"),
    [
        (("status",), {"CAREWEAVE_GRAF": "x"}, 2, "Did you mean CAREWEAVE_GRAPH?"),
        (("status",), {"CAREWEAVE_LISTEN": "50051"}, 2, "host:port"),
        (("serve", "all"), {}, 2, "CAREWEAVE_ISSUERS"),
        (("serve", "all"), {}, 2, "CAREWEAVE_TRIAL=yes"),
        (("serve", "all"), {**TRIAL, "CAREWEAVE_LISTEN": "0.0.0.0:50051"}, 2, "CAREWEAVE_CLOSED_NETWORK=yes"),
        (("serve", "all"), {**TRIAL, "CAREWEAVE_TRIAL_LISTEN": "0.0.0.0:0"}, 2, "CAREWEAVE_CLOSED_NETWORK=yes"),
        (("serve", "all"), {**ISSUED, "CAREWEAVE_LISTEN": "0.0.0.0:50051"}, 2, "CAREWEAVE_TLS_CERTIFICATE_FILE"),
        (("serve", "all"), {**ISSUED, "CAREWEAVE_TLS_KEY_FILE": "key"}, 2, "CAREWEAVE_TLS_CERTIFICATE_FILE"),
        (("serve", "all"), {**ISSUED, "CAREWEAVE_SERVICE_LISTEN": "127.0.0.1:0"}, 2, "CAREWEAVE_SERVICE_NAMES"),
        (("serve", "all"), {"CAREWEAVE_ISSUERS": "http://login.example.org"}, 2, "https"),
        (("status",), {"CAREWEAVE_TRIAL": "maybe"}, 2, "CAREWEAVE_TRIAL=maybe"),
        (("--role", "planner", "status"), {"CAREWEAVE_TOKEN_FILE": "token"}, 2, "--role"),
        (("token", "revoke"), {}, 2, "--jti or --subject"),
        (("token",), {}, 6, "127.0.0.1:9"),
        (("status",), {"CAREWEAVE_LOG_LEVEL": "loud"}, 2, "INFO"),
        (("--role", "king", "status"), {}, 2, "recruiter"),
        (("events", "tail", "--no-follow"), {"CAREWEAVE_EVENTS": "parchment:x"}, 2, "CAREWEAVE_EVENTS"),
        (("graph", "migrate"), {"CAREWEAVE_GRAPH": "parchment:x"}, 2, "CAREWEAVE_GRAPH"),
        (("health", "skills"), {}, 6, "127.0.0.1:9"),
        (("match", "anna"), {"CAREWEAVE_MATCHING": "127.0.0.1:9"}, 6, "127.0.0.1:9"),
        (("extract",), {}, 2, "Give the text"),
        (("extract", "text", "-f", "-"), {}, 2, "not both"),
        (("match",), {}, 2, "PERSON"),
        (("match", "--everyone"), {}, 2, "--output"),
        (("match", "--everyone", "--output", "place.txt"), {}, 2, ".parquet"),
        (("guess",), {}, 2, "guess"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else None,
)
def test_a_mistake_is_one_clear_sentence_and_a_status(
    tmp_path: Path, words: tuple[str, ...], settings: dict[str, str], status: int, says: str
) -> None:
    result = call(tmp_path, *words, **settings)
    assert result.exit_code == status, result.output
    assert says in result.output
    assert "Traceback" not in result.output


def test_a_text_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    advert = tmp_path / "advert.txt"
    advert.write_bytes(b"caf\xe9")
    result = call(tmp_path, "extract", "-f", str(advert))
    assert result.exit_code == 2
    assert "byte 3" in result.output


def test_the_program_runs_as_a_module() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "careweave_cli", "--version"], capture_output=True, text=True, check=True, env=os.environ
    )
    assert ended.stdout.startswith("careweave, version ")


def test_a_command_starts_what_it_needs_where_nothing_answers_and_leaves_the_folder_free(tmp_path: Path) -> None:
    """Two commands in turn use the same stores: the first has closed them."""
    result = call(tmp_path, "search", "skills", "lifting", CAREWEAVE_LISTEN=free_address())
    assert result.exit_code == 0, result.output
    assert "careweave load all" in result.output
    result = call(tmp_path, "match", "nobody", CAREWEAVE_LISTEN=free_address())
    assert result.exit_code == 3, result.output
    assert "people/nobody" in result.output


def test_a_folder_that_another_process_uses_is_named_with_what_to_do(tmp_path: Path) -> None:
    holding = (
        "import asyncio, sys; from careweave.config import Settings; from careweave.wiring import open_graph\n"
        f"graph = asyncio.run(open_graph(Settings(graph='ladybug:{tmp_path / 'graph'}')))\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        result = call(tmp_path, "match", "anna", CAREWEAVE_LISTEN=free_address())
        process.kill()
    assert result.exit_code == 5, result.output
    assert "CAREWEAVE_LISTEN" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_migrating_the_graph_says_its_version_and_can_be_done_again(tmp_path: Path) -> None:
    first, second = call(tmp_path, "graph", "migrate"), call(tmp_path, "graph", "migrate")
    assert first.exit_code == 0, first.output
    assert SCHEMA.version in first.output
    assert second.output == first.output


def test_a_server_says_in_one_line_of_json_where_it_serves_once_it_does(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAREWEAVE_")}
    command = [sys.executable, "-m", "careweave_cli", "serve", "profiles", "--json"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment | TRIAL | {"CAREWEAVE_LISTEN": "127.0.0.1:0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.terminate()
        assert process.stdout.read() == ""
    assert not told["address"].endswith(":0")
    assert told["services"] == {"profiles": told["address"]}


def test_what_a_server_logs_is_json_to_its_end_with_the_model_loaded(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAREWEAVE_")}
    environment |= TRIAL | {"CAREWEAVE_LISTEN": "127.0.0.1:0"}
    careweave = [sys.executable, "-m", "careweave_cli"]
    with subprocess.Popen(
        [*careweave, "serve", "skills", "--json"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        environment["CAREWEAVE_LISTEN"] = json.loads(process.stdout.readline())["address"]
        search = [*careweave, "search", "skills", "gives medicines"]
        subprocess.run(search, env=environment, cwd=tmp_path, check=False, capture_output=True)
        process.terminate()
        _, log = process.communicate()
    assert process.returncode == 0
    assert {"embedding model loaded", "stopped"} <= {json.loads(line)["message"] for line in log.splitlines()}


def test_a_person_declares_reads_and_takes_back_on_the_command_line_and_nobody_does_it_for_them(
    tmp_path: Path,
) -> None:
    mine = ("--as", "people/anna", "equality")
    result = call(tmp_path, *mine, "declare", "--religion", "sikh", "--sex", "prefer-not-to-say")
    assert result.exit_code == 0, result.output
    result = call(tmp_path, *mine, "declare", "--religion", "unanswered")
    assert result.exit_code == 0, result.output
    shown = json.loads(call(tmp_path, *mine, "show", "--json").stdout)
    assert shown.keys() == {"name", "sex", "declareDate", "etag"}
    assert shown["sex"] == "SEX_PREFER_NOT_TO_SAY"
    assert call(tmp_path, "equality", "show").exit_code == 2
    assert call(tmp_path, "--as", "people/benn", "equality", "show").exit_code == 3
    assert call(tmp_path, *mine, "declare").exit_code == 2
    assert call(tmp_path, *mine, "withdraw").exit_code == 0
    assert call(tmp_path, *mine, "show").exit_code == 3


def test_an_operator_moves_all_declarations_to_another_key_without_seeing_one(tmp_path: Path) -> None:
    mine = ("--as", "people/anna", "equality")
    assert call(tmp_path, *mine, "declare", "--religion", "sikh").exit_code == 0
    key, new = tmp_path / "equality.key", tmp_path / "new.key"
    before = key.read_text()
    new.write_text(base64.b64encode(bytes(range(32))).decode())
    result = call(tmp_path, "equality", "rotate-key", str(new))
    assert result.exit_code == 0, result.output
    assert "1 declaration kept" in result.output
    assert "sikh" not in result.output
    result = call(tmp_path, *mine, "show")
    assert result.exit_code == 5
    assert "CAREWEAVE_EQUALITY_KEY_FILE" in result.output
    new.replace(key)
    assert key.read_text() != before
    assert "sikh" in call(tmp_path, *mine, "show").output
