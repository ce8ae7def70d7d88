"""The golden cases: which there are, and the option that rewrites them (`pytest tests/cases --update`)."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
INPUTS = ("in.yaml", "settings.toml")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files with what comes out now")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`golden` is every golden file, `folder` every case, `envoy_folder` and `nft_folder` those cases that ask for that plan."""
    folders = sorted(path.parent for path in HERE.glob("*/*/in.yaml"))
    values = {
        "golden": [file for folder in folders for file in sorted(folder.iterdir()) if file.name not in INPUTS],
        "folder": folders,
        "envoy_folder": [folder for folder in folders if (folder / "envoy.yaml").is_file()],
        "nft_folder": [folder for folder in folders if (folder / "nft.txt").is_file()],
    }
    for name in values.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, values[name], ids=[str(one.relative_to(HERE)) for one in values[name]])


@pytest.fixture(scope="session")
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update", default=False))
