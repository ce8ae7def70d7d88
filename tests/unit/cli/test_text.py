"""How tables, durations and errors look; colours only where somebody sees them."""

from __future__ import annotations

import argparse
import io

import pytest

from seaway.cli.text import add_output_flag, add_scope_flags, age, paint, print_error, print_json, print_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        pytest.param([], ["NAME   READY"], id="no rows"),
        pytest.param([("web", "2/2")], ["NAME   READY", "web    2/2"], id="short cells"),
        pytest.param([("a-long-name", "1"), ("b", "")], ["NAME          READY", "a-long-name   1", "b"], id="wide and empty cells"),
        pytest.param([("ü", "1")], ["NAME   READY", "ü      1"], id="not only ASCII"),
    ],
)
def test_tables_have_columns_as_wide_as_their_widest_cell(
    capsys: pytest.CaptureFixture[str], rows: list[tuple[str, str]], lines: list[str]
) -> None:
    print_table(("NAME", "READY"), rows)
    assert capsys.readouterr().out.splitlines() == lines


def test_a_row_of_another_length_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="zip"):
        print_table(("NAME", "READY"), [("web",)])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.9, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86399, "23h"), (86400, "1d"), (10**6, "11d")],
)
def test_durations_as_kubectl_has_them(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_colours_only_on_a_terminal_and_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert paint("no", "red", Terminal()) == "\033[31mno\033[0m"
    assert paint("no", "red", io.StringIO()) == "no"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("no", "red", Terminal()) == "no"


@pytest.mark.parametrize(("help", "lines"), [("", ["error: bad"]), ("mend it", ["error: bad", "  help: mend it"])])
def test_errors_have_one_shape(capsys: pytest.CaptureFixture[str], help: str, lines: list[str]) -> None:
    print_error("bad", help=help)
    shown = capsys.readouterr()
    assert (shown.out, shown.err.splitlines()) == ("", lines)


def test_json_keeps_letters_and_order(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"b": "ü", "a": None})
    assert capsys.readouterr().out == '{\n  "b": "ü",\n  "a": null\n}\n'


def test_flags() -> None:
    parser = argparse.ArgumentParser()
    add_output_flag(parser, "yaml")
    add_scope_flags(parser)
    args = parser.parse_args([])
    assert (args.output, args.namespace, args.all_namespaces) == ("text", "default", False)
    args = parser.parse_args(["-o", "yaml", "-n", "production", "-A"])
    assert (args.output, args.namespace, args.all_namespaces) == ("yaml", "production", True)
