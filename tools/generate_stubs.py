"""Generate the Python stubs of the protos; the same protos give the same bytes.

    python tools/generate_stubs.py               # replaces careweave/v1
    python tools/generate_stubs.py --to DIR      # writes DIR/careweave/v1
    python tools/generate_stubs.py --image FILE  # writes the descriptors alone, for buf lint

protoc, its well-known types, `google/api` and protovalidate's rules all come from installed
packages; nothing is downloaded. protovalidate ships its rules as a descriptor rather than as a
`.proto` file: protoc gets that descriptor, and the import of the module that would have been
generated from the file is pointed at `careweave.field_rules`.
"""

import argparse
import contextlib
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

from careweave import field_rules

ROOT = Path(__file__).resolve().parents[1]
PROTOS = ROOT / "protos"
PACKAGE = Path("careweave/v1")
PACKAGE_DOCSTRING = '"""Stubs generated from `protos/careweave/v1` by `make protos`; never edited by hand."""\n'
RULES_IMPORT = re.compile(r"^from buf\.validate import validate_pb2 as", re.MULTILINE)
SERVICER = re.compile(r"^class \w+Servicer\b", re.MULTILINE)


class GenerationError(Exception):
    """protoc refused the protos; it has said why on standard error."""


def proto_files() -> list[str]:
    """Return the paths of this project's protos, relative to `protos/`, sorted."""
    return sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))


def rules_with_imports() -> bytes:
    """Return protovalidate's rules and the files they import as a serialised FileDescriptorSet."""
    image = FileDescriptorSet()

    def add(file: FileDescriptor) -> None:
        if all(known.name != file.name for known in image.file):
            for imported in file.dependencies:
                add(imported)
            file.CopyToProto(image.file.add())

    add(field_rules.DESCRIPTOR)
    return image.SerializeToString(deterministic=True)


@contextlib.contextmanager
def _plugins_on_path() -> Iterator[None]:
    """Let protoc find the plugins of this environment, whether or not it is activated."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def run_protoc(*options: str) -> None:
    """Run protoc with `options` over all of this project's protos.

    Raises:
        GenerationError: protoc failed.
    """
    google_api = Path(str(files("google.api").joinpath("http.proto"))).parents[2]
    well_known = Path(str(files("grpc_tools").joinpath("_proto")))
    paths = [f"--proto_path={path}" for path in (PROTOS, google_api, well_known)]
    with tempfile.TemporaryDirectory() as folder, _plugins_on_path():
        rules = Path(folder, "rules.binpb")
        rules.write_bytes(rules_with_imports())
        if protoc.main(["protoc", *paths, f"--descriptor_set_in={rules}", *options, *proto_files()]) != 0:
            raise GenerationError


def generate(target: Path) -> None:
    """Write the package `careweave/v1` with all stubs under `target`, in place of what is there.

    Raises:
        GenerationError: protoc failed; what is there stays as it was.
    """
    with tempfile.TemporaryDirectory() as folder:
        run_protoc(
            f"--python_out={folder}",
            f"--grpc_python_out={folder}",
            f"--mypy_out=quiet:{folder}",
            f"--mypy_grpc_out=quiet:{folder}",
        )
        made = Path(folder, PACKAGE)
        (made / "__init__.py").write_text(PACKAGE_DOCSTRING, encoding="utf-8")
        for stub in made.glob("*_pb2.py"):
            text = stub.read_text(encoding="utf-8")
            stub.write_text(RULES_IMPORT.sub("from careweave import field_rules as", text), encoding="utf-8")
        for stub in made.glob("*_pb2_grpc.py*"):
            if not SERVICER.search(stub.read_text(encoding="utf-8")):
                stub.unlink()  # protoc writes one for every file, whether it declares a service or not
        shutil.rmtree(target / PACKAGE, ignore_errors=True)
        shutil.copytree(made, target / PACKAGE)


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--to", type=Path, default=ROOT, help="folder to write careweave/v1 into")
    parser.add_argument("--image", type=Path, help="write a FileDescriptorSet with comments here instead")
    given = parser.parse_args(arguments)
    try:
        if given.image:
            given.image.parent.mkdir(parents=True, exist_ok=True)
            run_protoc("--include_imports", "--include_source_info", f"--descriptor_set_out={given.image}")
        else:
            generate(given.to)
    except GenerationError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
