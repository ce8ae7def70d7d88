"""Golden cases: manifests in, and what each stage makes of them, as text that a reader can judge.

A case is a folder TOPIC/NAME: `in.yaml` (read beside `base.yaml`), `settings.toml` where needed, and one file for each stage that the case
is about; see `stages.STAGES`. To start a golden file, create it empty and run `pytest tests/cases --update`; then read what it says.
"""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from stages import HERE, STAGES, Case

from seaway.core.errors import DriverError
from seaway.core.origin import GENERATED
from seaway.drivers.envoy.binary import find_envoy
from seaway.model.route import Certificate
from seaway.plans.envoy.static import render_static
from seaway.plans.nft.table import render_table

LONGEST_INPUT = 40


@pytest.fixture(scope="session")
def default() -> Certificate:
    """A gateway's generated certificate: another pair each time, always of this name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "generated")])
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end).sign(key, hashes.SHA256())
    chain = made.public_bytes(serialization.Encoding.PEM).decode()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return Certificate("generated", chain, pem, (), "2126-01-01T00:00:00Z", None, GENERATED)


def test_golden(golden: Path, default: Certificate, update: bool) -> None:
    assert golden.name in STAGES, "no stage writes this file"
    shown = Case(golden.parent, default).show(golden.name)
    if update:
        golden.write_text(shown)
    assert golden.read_text() == shown


def test_no_golden_holds_a_private_key(golden: Path) -> None:
    assert "PRIVATE KEY" not in golden.read_text()


def test_a_case_is_short_and_asks_for_something(folder: Path) -> None:
    assert len((folder / "in.yaml").read_text().splitlines()) <= LONGEST_INPUT
    assert any((folder / name).is_file() for name in STAGES)


def test_the_base_itself_is_in_order(default: Certificate) -> None:
    assert Case(HERE / "base" / "whole", default).base.findings == ()


def test_envoy_accepts_the_whole_plan(envoy_folder: Path, default: Certificate, tmp_path: Path) -> None:
    try:
        envoy = find_envoy()
    except DriverError as error:
        pytest.skip(error.message)
    for node, plans in Case(envoy_folder, default).outcome.plans.nodes.items():
        configuration = tmp_path / f"{node}.json"
        configuration.write_text(render_static(plans.envoy))
        argv = [str(envoy), "--mode", "validate", "-c", str(configuration), "--disable-hot-restart", "-l", "warn"]
        run = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("nft") is None or shutil.which("unshare") is None, reason="needs nft and unshare")
def test_the_kernel_accepts_the_whole_table(nft_folder: Path, default: Certificate) -> None:
    argv = ["unshare", "--user", "--map-root-user", "--net", "nft", "-c", "-f", "-"]
    for plans in Case(nft_folder, default).outcome.plans.nodes.values():
        run = subprocess.run(argv, input=render_table(plans.nft), text=True, capture_output=True, timeout=60, check=False)
        assert (run.returncode, run.stderr) == (0, "")
