"""Files into snapshots: which files count, what stays when one breaks, and what is said."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.core.errors import SourceError
from seaway.resources.core_v1 import ConfigMap
from seaway.resources.yaml_text import MAX_CHARACTERS
from seaway.snapshot import Snapshot
from seaway.sources.files import FileSource


def config(name: str, value: str = "one") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: {value}}}\n"


def values(snapshot: Snapshot) -> dict[str, str]:
    return {one.key.name: one.body.data["value"] for one in snapshot.of(ConfigMap)}


def codes(snapshot: Snapshot) -> list[str]:
    return [one.code.id for one in snapshot.findings]


def test_folder_is_searched_and_noise_is_skipped(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml", "sub/c.yaml", "sub/deeper/d.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(config(Path(name).stem))
    for name in (
        ".hidden.yaml",
        ".#a.yaml",
        "a.yaml~",
        ".a.yaml.swp",
        "#a.yaml#",
        "4913",
        "notes.txt",
        ".git/x.yaml",
        "node_modules/y.yaml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: [")
    snapshot = FileSource((str(tmp_path),)).read()
    assert values(snapshot) == dict.fromkeys("abcd", "one")
    assert codes(snapshot) == []


def test_json_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"value": "x"}}\n')
    assert values(FileSource((str(tmp_path),)).read()) == {"a": "x"}


def test_standard_input_and_files_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(config("a"))
    snapshot = FileSource(("-", str(tmp_path / "a.yaml")), config("b") + "---\n" + config("a", "two")).read()
    assert values(snapshot) == {"a": "two", "b": "one"}
    (found,) = snapshot.findings
    assert found.code.id == "NET0130"
    assert found.message == "ConfigMap default/a is defined twice: here and at (standard input):6"


def test_paths_in_origins_are_as_short_as_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text(config("a"))
    monkeypatch.chdir(tmp_path)
    assert [one.file for one in FileSource((str(tmp_path),)).read().of(ConfigMap)] == ["sub/a.yaml"]
    monkeypatch.chdir("/")
    assert [one.file for one in FileSource((str(tmp_path),)).read().of(ConfigMap)] == [str(tmp_path / "sub" / "a.yaml")[1:]]


@pytest.mark.parametrize(
    ("make", "message", "help"),
    [
        (lambda path: None, "no such file or folder", "standard input"),
        (lambda path: path.mkdir(), "no manifests in", "hidden files"),
        (lambda path: os.mkfifo(path), "not a regular file", "standard input"),
        (lambda path: ((path / "templates").mkdir(parents=True), (path / "Chart.yaml").write_text("")), "is a Helm chart", "helm template"),
    ],
    ids=["missing", "empty", "pipe", "helm"],
)
def test_what_cannot_be_read_at_all(tmp_path: Path, make: object, message: str, help: str) -> None:
    assert callable(make)
    make(tmp_path / "x")
    with pytest.raises(SourceError, match=message) as caught:
        FileSource((str(tmp_path / "x"),)).read()
    assert help in caught.value.help


@pytest.fixture
def ordinary() -> Iterator[Path]:
    """A folder that everybody may enter, and no privileges while the test runs."""
    folder = Path(tempfile.mkdtemp(prefix="seaway-test-"))
    folder.chmod(0o755)
    root = os.geteuid() == 0
    yield folder
    if root:
        os.seteuid(0)
    subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)
    shutil.rmtree(folder)


def drop_privileges() -> None:
    if os.geteuid() == 0:
        try:
            os.seteuid(65534)
        except OSError:
            pytest.skip("this user namespace knows no other user")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_no_permission(ordinary: Path, what: str) -> None:
    path = ordinary / "x.yaml"
    path.mkdir() if what == "folder" else path.write_text(config("a"))
    path.chmod(0)
    drop_privileges()
    with pytest.raises(SourceError, match=r"[Pp]ermission") as caught:
        FileSource((str(path),)).read()
    assert caught.value.help


def test_file_without_permission_in_a_folder_hides_no_other(ordinary: Path) -> None:
    for name in "ab":
        (ordinary / f"{name}.yaml").write_text(config(name))
    (ordinary / "a.yaml").chmod(0)
    drop_privileges()
    snapshot = FileSource((str(ordinary),)).read()
    assert values(snapshot) == {"b": "one"}
    assert codes(snapshot) == ["NET0134"]


def test_files_of_other_users_are_read_after_a_rest(ordinary: Path) -> None:
    (ordinary / "a.yaml").write_text(config("a"))
    drop_privileges()
    assert values(FileSource((str(ordinary),)).read()) == {"a": "one"}


def test_only_what_changed_is_parsed_again(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text(config(name))
    source = FileSource((str(tmp_path),))
    first = source.read()
    (tmp_path / "b.yaml").write_text(config("b", "two"))
    second = source.read()
    assert {key.name: first.objects[key] is second.objects[key] for key in first.objects} == {"a": True, "b": False, "c": True}
    assert first.version != second.version
    (tmp_path / "b.yaml").write_text("# moved\n" + config("b", "two"))
    assert source.read().version == second.version


def test_deleted_file_takes_its_objects_with_it(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(config(name))
    source = FileSource((str(tmp_path),))
    source.read()
    (tmp_path / "a.yaml").unlink()
    assert values(source.read()) == {"b": "one"}
    (tmp_path / "b.yaml").unlink()
    assert values(source.read()) == {}


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        pytest.param(b"a: [\n", "NET0101", id="syntax"),
        pytest.param(b"a: \xff\n", "NET0103", id="encoding"),
        pytest.param(b"a: \x00\n", "NET0104", id="nul"),
        pytest.param(b"x" * (MAX_CHARACTERS + 1), "NET0107", id="too-big"),
    ],
)
def test_broken_file_keeps_its_last_good_version(tmp_path: Path, broken: bytes, code: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a") + "---\n" + config("b"))
    (tmp_path / "other.yaml").write_text(config("c"))
    source = FileSource((str(tmp_path),))
    good = source.read()
    path.write_bytes(broken)
    for _ in range(2):  # it is said as long as it is so
        snapshot = source.read()
        assert snapshot.version == good.version
        assert codes(snapshot) == [code, "NET0131"]
        assert "last good version of ConfigMap default/a, ConfigMap default/b keeps running" in snapshot.findings[1].message
        assert snapshot.findings[1].origin == snapshot.findings[0].origin
    path.write_text(config("a", "two"))
    mended = source.read()
    assert values(mended) == {"a": "two", "c": "one"}
    assert codes(mended) == []


def test_broken_document_keeps_what_may_have_been_in_it_and_the_others_move_on(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a") + "---\n" + config("b"))
    source = FileSource((str(path),))
    source.read()
    path.write_text(config("a", "two") + "---\n" + config("b", "[two"))
    snapshot = source.read()
    assert values(snapshot) == {"a": "two", "b": "one"}
    assert codes(snapshot) == ["NET0101", "NET0131"]


def test_refused_object_keeps_its_last_good_version(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a") + "---\n" + config("b"))
    source = FileSource((str(path),))
    source.read()
    path.write_text(config("a", "two") + "---\n" + config("b", "5"))
    snapshot = source.read()
    assert values(snapshot) == {"a": "two", "b": "one"}
    assert [(one.code.id, one.origin.line) for one in snapshot.findings] == [("NET0121", 9), ("NET0132", 9)]
    assert snapshot.findings[1].message == "the last good version of ConfigMap default/b keeps running: its new version is refused"
    path.write_text(config("a", "three"))
    assert values(source.read()) == {"a": "three"}


def test_refused_from_the_start_has_nothing_to_keep(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(config("a", "yes") + "---\n" + config("b"))
    snapshot = FileSource((str(tmp_path),)).read()
    assert values(snapshot) == {"b": "one"}
    assert codes(snapshot) == ["NET0121"]


def test_object_that_moved_out_of_a_broken_file_is_not_kept_twice(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(config("a"))
    source = FileSource((str(tmp_path),))
    source.read()
    (tmp_path / "a.yaml").write_text("a: [")
    (tmp_path / "b.yaml").write_text(config("a", "two"))
    snapshot = source.read()
    assert values(snapshot) == {"a": "two"}
    assert codes(snapshot) == ["NET0101"]


def test_named_path_that_disappears_keeps_what_it_held(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a"))
    source = FileSource((str(path),))
    source.read()
    path.unlink()
    snapshot = source.read()
    assert values(snapshot) == {"a": "one"}
    assert codes(snapshot) == ["NET0136"]
    path.write_text(config("a", "two"))
    assert values(source.read()) == {"a": "two"}


def test_configmap_style_symlink_swap(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "a.yaml").write_text(config("a", version))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    source = FileSource((str(tmp_path),))
    assert values(source.read()) == {"a": "one"}
    (tmp_path / "..data_tmp").symlink_to("..two")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert values(source.read()) == {"a": "two"}


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "up").symlink_to("..")
    (tmp_path / "sub" / "nothing.yaml").symlink_to("gone.yaml")
    (tmp_path / "a.yaml").write_text(config("a"))
    snapshot = FileSource((str(tmp_path),)).read()
    assert values(snapshot) == {"a": "one"}
    assert codes(snapshot) == []


def test_half_written_file_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a"))
    source = FileSource((str(path),))
    source.read()
    whole = config("a", "two") + "---\n" + config("b", "two")
    with path.open("w") as file:
        file.write(config("a", "two"))  # valid YAML, and only half of what it is to be
        file.flush()
        snapshot = source.read()
        assert values(snapshot) == {"a": "one"}
        assert codes(snapshot) == ["NET0133"]
        assert source.busy == {path}
        file.write(whole.removeprefix(config("a", "two")))
    assert values(source.read()) == {"a": "two", "b": "two"}
    assert not source.busy


def test_file_that_stays_half_written_from_the_start_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(config("b"))
    with (tmp_path / "a.yaml").open("w") as file:
        file.write(config("a"))
        file.flush()
        source = FileSource((str(tmp_path),))
        snapshot = source.read()
        assert values(snapshot) == {"b": "one"}
        assert codes(snapshot) == ["NET0133"]
    assert values(source.read()) == {"a": "one", "b": "one"}


def test_kustomization_inside_a_folder_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    (tmp_path / "sub" / "a.yaml").write_text(config("a"))
    snapshot = FileSource((str(tmp_path),)).read()
    assert values(snapshot) == {"a": "one"}
    assert codes(snapshot) == ["NET0135"]


def test_every_finding_can_be_rendered(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(config("a") + "---\n" + config("b"))
    source = FileSource((str(path),))
    source.read()
    source.note_polling(200, "limit")
    path.write_text(config("a", "5") + "---\na: [")
    snapshot = source.read()
    assert sorted(codes(snapshot)) == ["NET0101", "NET0121", "NET0131", "NET0132", "NET0137"]
    assert all(one.message and one.why and one.help for one in snapshot.findings)
