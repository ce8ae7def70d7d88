"""`seaway reach` on files: what it prints, and the exit code of a difference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seaway.cli.main import main

WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: c, ports: [{containerPort: 80}]}]}
---
"""
SHUT = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 80}]}]}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "open.yaml").write_text(WEB)
    (tmp_path / "shut.yaml").write_text(WEB + SHUT)
    return str(tmp_path / "open.yaml"), str(tmp_path / "shut.yaml")


def test_the_table_names_who_what_and_why(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", files[1], "--from", "outside", "--to", "default/web"]) == 0
    heading, row, *_ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["FROM", "TO", "PORTS", "BECAUSE"]
    assert row.split("   ")[0] == "192.0.2.0/24"
    assert f"80/TCP   NetworkPolicy default/shut ingress rule 1 ({files[1]}:" in row


def test_nobody(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", files[1], "--from", "198.51.100.1", "--to", "default/web"]) == 0
    assert "nobody can talk to anybody here" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["json", "csv", "dot", "svg", "html"])
def test_other_forms(form: str, files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", files[1], "-o", form, "--pods"]) == 0
    assert "default/web" in capsys.readouterr().out


def test_a_difference_exits_with_one(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    before, after = files
    assert main(["reach", before, "--diff", after, "--from", "outside"]) == 1
    assert "- outside -> default/web" not in (told := capsys.readouterr().out)
    assert "- 0.0.0.0/0 but for 192.0.2.0/24 -> default/web all ports: NetworkPolicy default/shut default deny of ingress" in told
    assert main(["reach", after, "--diff", before, "-o", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["opened"][0]["because"], document["closed"]) == ([], [])
    assert document["opened"][0]["was"][0]["name"] == "shut"


def test_no_difference_exits_with_zero(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", files[0], "--diff", files[0]]) == 0
    assert "nothing opens or closes" in capsys.readouterr().out


def test_a_difference_has_no_picture(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reach", files[0], "--diff", files[1], "-o", "svg"]) == 2
    assert "a difference has no svg" in capsys.readouterr().err
