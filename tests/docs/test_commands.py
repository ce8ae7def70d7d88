"""The commands of the documentation, run as they stand there, against one storefront in a network of its own.

A ```console block is run: its lines that begin with `$ ` are commands, the others are (shortened) output. A comment `# exits 1` says that a
command ends with that code; all others end with 0. Blocks of other kinds (```sh, ```text) are for reading.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md",)
FEATURES = tuple(sorted((ROOT / "docs/features").glob("*.md"), key=lambda page: (page.stem == "processes", page)))
"""The page that takes the network down comes last."""
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXITS = re.compile(r"# exits (\d+)")

# The shell keeps its variables from command to command, as a reader's does. Files are as the repository has them at the start of a page.
_HEAD = """
ip link set lo up
run() { eval "$(cat)" >"$OUT/$1.txt" 2>&1; echo "$?" >"$OUT/$1.code"; }
fresh() {
    diff -rq "$PRISTINE" examples >/dev/null && return
    rm -rf examples && cp -r "$PRISTINE" examples && sleep 0.5
}
seaway up examples/storefront --detach >"$OUT/up.txt" 2>&1
"""


@dataclass(frozen=True)
class Command:
    page: str
    line: int
    text: str
    code: int

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def commands(page: Path) -> Iterator[Command]:
    text = page.read_text()
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1)) + 1
        for number, line in enumerate(block[1].splitlines()):
            if line.startswith("$ "):
                exits = _EXITS.search(line)
                yield Command(str(page.relative_to(ROOT)), first + number, line[2:], int(exits[1]) if exits else 0)


def script(pages: list[list[Command]]) -> str:
    """One shell script for all pages. The last line takes everything down, whatever happened before."""
    parts = [_HEAD]
    numbers = iter(range(10_000))
    for page in pages:
        parts.append("fresh")
        parts += [f"run {next(numbers)} <<'THE_COMMAND'\n{one.text}\nTHE_COMMAND" for one in page]
    return "\n".join((*parts, "seaway down\n"))


def in_private_network(path: Path) -> list[str]:
    """A shell in network, mount and process namespaces that end with it; as an ordinary user, in a user namespace too."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", str(path)]


@pytest.mark.parametrize(("files", "least"), [(README, 15), pytest.param(FEATURES, 50, marks=pytest.mark.slow)], ids=["README", "features"])
def test_every_command_exits_as_documented(files: tuple[Path, ...], least: int, tmp_path: Path) -> None:
    pages = [list(commands(page)) for page in files]
    wanted = [one for page in pages for one in page]
    assert len(wanted) >= least, "the pages' blocks are not recognised"
    state = Path(f"/tmp/swdoc-{os.getpid()}")
    out, work = tmp_path / "out", tmp_path / "work"
    out.mkdir()
    work.mkdir()
    shutil.copytree(ROOT / "examples", work / "examples")
    (path := tmp_path / "script.sh").write_text(script(pages))
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "SEAWAY_STATE": str(state),
        "PRISTINE": str(ROOT / "examples"),
        "OUT": str(out),
        "NO_COLOR": "1",
    }
    try:
        done = subprocess.run(in_private_network(path), cwd=work, env=env, capture_output=True, text=True, timeout=200, check=False)
    finally:
        shutil.rmtree(state, ignore_errors=True)
    assert (out / "0.code").exists(), f"nothing ran: {done.stderr}\n{_read(out / 'up.txt')}"
    wrong = [
        f"{one.place}\n  exits {code or 'never'}, documented is {one.code}\n{_read(out / f'{number}.txt')}"
        for number, one in enumerate(wanted)
        if (code := _read(out / f"{number}.code").strip()) != str(one.code)
    ]
    assert not wrong, "\n\n".join(wrong)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
