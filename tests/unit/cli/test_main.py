"""What the command line says to users: help with an example for every verb, and one clear message for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.cli.main import VERBS, main

GOOD = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
BAD = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selectr: {app: web}, ports: [{port: 80}]}\n"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    try:
        code = main(list(words))
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: seaway {verb} ")
    assert f"example: seaway {verb}" in out


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "--help")
    assert code == 0
    assert all(f"  {verb} " in out for verb in VERBS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--version")[1].startswith("seaway ")


MISTAKES = {
    "no verb": ((), "VERB"),
    "no such verb": (("fly",), "fly"),
    "no such flag": (("status", "--fly"), "--fly"),
    "no such format": (("status", "-o", "xml"), "xml"),
    "no such section": (("proxy", "wires"), "wires"),
    "no such path to check": (("check", "/no/such/folder"), "/no/such/folder"),
    "no such path to run": (("up", "/no/such/folder"), "/no/such/folder"),
    "no nodes": (("up", ".", "--nodes", "0"), "--nodes"),
    "not a number": (("up", ".", "--nodes", "two"), "two"),
    "nothing runs: status": (("status",), "no network is running"),
    "nothing runs: get": (("get", "pods"), "no network is running"),
    "nothing runs: reach": (("reach",), "no network is running"),
    "no such path to compare": (("reach", ".", "--diff", "/no/such/folder"), "/no/such/folder"),
    "nothing runs: describe": (("describe", "pod/a"), "no network is running"),
    "nothing runs: request": (("request", "a/b", "http://c/"), "no network is running"),
    "nothing runs: request outside": (("request", "outside", "http://c/"), "no network is running"),
    "nothing runs: exec": (("exec", "a/b", "--", "true"), "no network is running"),
    "nothing runs: probe": (("probe",), "no network is running"),
    "nothing runs: proxy": (("proxy", "routes"), "no network is running"),
    "nothing runs: logs": (("logs", "a/b"), "no network is running"),
    "nothing runs: check": (("check",), "no network is running"),
    "describe nothing": (("describe", "pod"), "which pod?"),
    "exec nothing": (("exec", "a/b"), "no command to run"),
    "not a URL": (("request", "a/b", "web"), "not a URL"),
    "not a header": (("request", "a/b", "http://c/", "-H", "nonsense"), "not a header"),
    "no requests": (("request", "a/b", "http://c/", "-n", "0"), "1 or more"),
    "no time": (("request", "a/b", "http://c/", "-m", "0"), "more than 0 seconds"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_clear_message(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, expected = MISTAKES[name]
    monkeypatch.setenv("SEAWAY_STATE", str(tmp_path_factory.mktemp("s")))
    code, out, err = said(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("error: ") == 1
    assert expected in err


def test_check_of_a_good_and_a_bad_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(BAD)
    code, out, _ = said(capsys, "check", str(path))
    assert code == 1
    assert f"{path.name}:4:" in out
    assert "selector" in out
    code, out, _ = said(capsys, "check", str(path), "-o", "json")
    document = json.loads(out)
    found = document["findings"][0]
    assert code == 1
    assert found.keys() == {"code", "severity", "message", "why", "help", "resource", "file", "line", "column", "field", "fixable"}
    assert found["resource"].keys() == {"apiVersion", "kind", "namespace", "name", "file", "line"}
    assert document["summary"]["error"] >= 1


def test_check_of_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seaway", "check", "-", "-o", "json"], input=GOOD, capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["coverage"]["kinds"] == {"Service": 1}


def test_check_imports_no_engine() -> None:
    """It must run from a plain install, on any system."""
    script = "import sys, seaway.cli.main as m; m.main(['check', '-']); print(*(one for one in ('grpc', 'aiohttp', 'pyroute2', 'h2', 'dns') if one in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], input=GOOD, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == ""


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text("---\n".join(BAD.replace("web}", f"web-{number}}}") for number in range(300)))
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m seaway check {tmp_path} | head -1"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("error[")


def test_help_imports_little() -> None:
    """`--help` answers within 300 ms: it loads no verb but the one that is asked for, and no engine."""
    script = "import sys, seaway.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: print(len([one for one in sys.modules if one.startswith('seaway.')]), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert int(done.stderr) < 40
