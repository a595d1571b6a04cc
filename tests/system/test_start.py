"""What a server loads, and what it does not."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio, sys
from pathlib import Path
from careweave.config import Settings
from careweave.wiring import open_embedder
from careweave_cli.composition import SERVICES, in_process

async def serve(folder: Path) -> None:
    settings = Settings(
        graph=f"ladybug:{folder / 'graph'}", events=f"sqlite:{folder / 'events.db'}",
        equality=f"sqlite:{folder / 'equality.db'}", cache=folder / "cache",
    )
    async with in_process(settings, SERVICES):
        open_embedder(settings).embed_transient(["I would like to be a nurse"])

asyncio.run(serve(Path(sys.argv[1])))
print(sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_all_services_are_ready_and_embed_without_torch_or_what_comes_with_it(tmp_path: Path) -> None:
    """They take seconds and half a gigabyte, and the packaged embedder needs none of them."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    loaded = ended.stdout.splitlines()[-1]
    assert "'onnxruntime'" in loaded
    assert "'careweave_matching'" in loaded
    for heavy in ("torch", "sentence_transformers", "transformers", "sklearn"):
        assert f"'{heavy}'" not in loaded
