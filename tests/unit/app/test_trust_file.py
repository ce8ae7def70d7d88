"""The file that keeps the roots: what the next control plane reads of it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificates

from seaway.app.trust_file import KeptRoot, read_roots, write_roots
from seaway.drivers.ca.issuer import make_issuer

START = 1_800_000_000.0
OLD, NEW = make_issuer(START).root, make_issuer(START).root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "trust-bundle.pem"
    write_roots(made, (KeptRoot(OLD, START + 100, 86_400), KeptRoot(NEW, None, 86_400)))
    return made


def test_one_that_signed_may_have_done_so_until_just_now(path: Path) -> None:
    assert read_roots(path, START) == ((OLD, 100.0), (NEW, 86_400.0))
    assert read_roots(path, START + 1_000_000) == ((NEW, 86_400.0),)


def test_one_whose_certificates_have_ended_is_not_read(path: Path) -> None:
    assert read_roots(path, START + 99) == ((OLD, 1.0), (NEW, 86_400.0))
    assert read_roots(path, START + 100) == ((NEW, 86_400.0),)


def test_it_is_pem_for_everybody(path: Path) -> None:
    assert len(load_pem_x509_certificates(path.read_bytes())) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("text", ["", "what", "# root ff signs for 3 s\n"], ids=["nothing", "words", "half"])
def test_a_damaged_file_holds_no_roots(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trust-bundle.pem"
    path.write_text(text)
    assert read_roots(path, START) == ()


def test_no_file_holds_no_roots(tmp_path: Path) -> None:
    assert read_roots(tmp_path / "missing.pem", START) == ()
