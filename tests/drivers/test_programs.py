"""Programs in pods: one contract for the fake and the real keeper, then namespaces, logs, restarts and adoption for real."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from seaway.drivers.process.pidfile import is_alive
from seaway.drivers.programs import logs, restarts
from seaway.drivers.programs.fake import FakePrograms
from seaway.drivers.programs.real import ProgramKeeper
from seaway.drivers.programs.record import read_record, running_programs
from seaway.drivers.programs.restarts import Backoff, starts_again
from seaway.model.workload import PodName

WEB = PodName("default", "web-0")
SLEEP = ("sleep", "600")


def shell(script):
    return ("sh", "-c", script)


def until(condition, what="it did not happen"):
    for _ in range(1500):
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(what)


class Keeping:
    """A keeper and what it reported, on a loop beside the test."""

    def __init__(self, namespaces, folder, beside, fake=False):
        self.events, self.beside, self.folder = [], beside, folder / "node-1"
        self.logs = folder / "logs"
        if fake:
            self.keeper = FakePrograms(namespaces.folder, self.events.append)
        else:
            self.keeper = ProgramKeeper(namespaces.folder, self.folder, self.logs, self.events.append)

    def follow(self, *pods):
        return self.beside.run(self.keeper.follow(pods))

    def record(self, name="web-0"):
        return read_record(self.folder / "programs" / f"default_{name}.json")

    def log(self, name="web-0"):
        path = self.logs / f"default_{name}.log"
        return path.read_text() if path.exists() else ""

    def texts(self):
        return [event.text for event in self.events]


@pytest.fixture
def keeping(namespaces, short_path, beside):
    made = Keeping(namespaces, short_path, beside)
    yield made
    beside.run(made.keeper.stop())


@pytest.fixture(params=["fake", "real"])
def either(request, namespaces, short_path, beside):
    made = Keeping(namespaces, short_path, beside, fake=request.param == "fake")
    yield made
    beside.run(made.keeper.stop())


def test_contract_runs_what_is_ordered(either, namespaces, pod_orders):
    namespaces.make("default_web-0")
    assert either.follow(pod_orders(command=SLEEP), pod_orders("standin-0", http=(8080,))) == {}
    assert either.keeper.running(WEB)
    assert not either.keeper.running(PodName("default", "standin-0"))
    assert [(event.pod, event.running) for event in either.events] == [(WEB, True)]
    assert either.follow(pod_orders(command=SLEEP)) == {}
    assert len(either.events) == 1, "what runs is not touched"
    assert either.follow() == {}
    assert not either.keeper.running(WEB)


def test_contract_one_bad_pod_hurts_only_itself(either, namespaces, pod_orders):
    namespaces.make("default_web-0")
    namespaces.make("default_typo-0")
    troubles = either.follow(
        pod_orders(command=SLEEP), pod_orders("typo-0", command=("/no/such/program",)), pod_orders("gone-0", command=SLEEP)
    )
    gone = namespaces.folder / "default_gone-0"
    assert troubles == {
        PodName("default", "typo-0"): "program cannot start: /no/such/program: No such file or directory",
        PodName("default", "gone-0"): f"program cannot start: {gone}: No such file or directory",
    }
    assert either.keeper.running(WEB)


def test_contract_commands_inside(either, namespaces, pod_orders, beside):
    namespaces.make("default_web-0")
    either.follow(pod_orders(command=SLEEP))
    assert beside.run(either.keeper.run_inside(WEB, ("true",), 10)) == (0, "")
    assert beside.run(either.keeper.run_inside(PodName("default", "other"), ("true",), 10))[0] is None


def test_a_program_is_inside_its_pod(keeping, namespaces, pod_orders):
    netns = namespaces.make("default_web-0")
    script = (
        "readlink /proc/self/ns/net; cat /etc/resolv.conf /etc/hosts; hostname; echo $A-$HOSTNAME; ls /proc/self/fd | wc -w; exec sleep 600"
    )
    keeping.follow(pod_orders(command=shell(script), env=(("A", "secret"),)))
    until(lambda: keeping.log().count("\n") >= 8)
    lines = keeping.log().splitlines()
    assert lines[0] == f"net:[{netns.stat().st_ino}]"
    assert lines[1:5] == ["search default.svc.cluster.local", "nameserver 10.96.0.10", "127.0.0.1\tlocalhost", "10.9.8.7\talias.example"]
    assert lines[5:7] == ["web-0", "secret-web-0"]
    assert int(lines[7]) <= 4, "no descriptor of ours is open in it"
    assert "alias.example" not in Path("/etc/hosts").read_text(), "the host's own file is as it was"
    environ = Path(f"/proc/{keeping.record().process.pid}/environ").read_text().split("\0")
    assert {one.partition("=")[0] for one in environ if one} <= {"A", "PATH", "HOME", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "_"}


def test_edited_hosts_reach_a_running_program(keeping, namespaces, pod_orders):
    namespaces.make("default_web-0")
    keeping.follow(pod_orders(command=shell("while ! grep -q 10.1.2.3 /etc/hosts; do sleep 0.05; done; echo seen; exec sleep 600")))
    keeping.follow(pod_orders(command=shell("ignored: same revision"), hosts="10.1.2.3\tnew.example\n"))
    until(lambda: keeping.log() == "seen\n")
    assert keeping.texts() == [f"started, pid {keeping.record().process.pid}"]


def test_crashes_are_restarted_with_growing_waits(keeping, namespaces, pod_orders, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_WAIT_S", 0.02)
    namespaces.make("default_web-0")
    keeping.follow(pod_orders(command=shell("echo run; exit 3")))
    until(lambda: keeping.log().count("run") >= 3)
    until(lambda: len(keeping.events) >= 6)
    texts = keeping.texts()
    assert [text for text in texts if "ended" in text][:3] == [
        f"ended with exit code 3; starts again in {wait} s" for wait in ("0.02", "0.04", "0.08")
    ]
    assert keeping.record().restarts >= 2


@pytest.mark.parametrize(
    ("script", "restart", "last"),
    [
        pytest.param("exit 0", "OnFailure", "completed", id="on failure, success"),
        pytest.param("exit 1", "Never", "ended with exit code 1", id="never, failure"),
        pytest.param("kill -9 $$", "Never", "ended by signal 9", id="never, signal"),
    ],
)
def test_programs_that_are_done(keeping, namespaces, pod_orders, beside, script, restart, last):
    namespaces.make("default_web-0")
    pod = pod_orders(command=shell(script), restart=restart, finite=True)
    keeping.follow(pod)
    until(lambda: len(keeping.events) == 2)
    assert keeping.texts()[-1] == last
    assert not keeping.keeper.running(WEB)
    beside.run(keeping.keeper.let_go())
    keeping.follow(pod)
    assert len(keeping.events) == 2, "done is done, also for the next agent"


def test_a_program_outlives_its_keeper_and_is_adopted(keeping, namespaces, pod_orders, beside, short_path):
    namespaces.make("default_web-0")
    keeping.follow(pod_orders(command=SLEEP))
    record = keeping.record()
    beside.run(keeping.keeper.let_go())
    assert is_alive(record.process)
    second = Keeping(namespaces, short_path, beside)
    second.follow(pod_orders(command=SLEEP))
    assert second.texts() == [f"adopted, pid {record.process.pid}"]
    assert second.record() == record
    os.kill(record.process.pid, signal.SIGKILL)
    until(lambda: second.texts()[1:2] == ["ended; starts again in 0.5 s"])
    until(lambda: second.keeper.running(WEB))
    assert second.record().restarts == 1
    beside.run(second.keeper.stop())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda pods, namespaces: [pods("web-0", command=SLEEP, revision="r2")], id="new revision"),
        pytest.param(lambda pods, namespaces: namespaces.make("default_web-0") and [pods("web-0", command=SLEEP)], id="new namespace"),
        pytest.param(lambda pods, namespaces: [], id="gone"),
    ],
)
@pytest.mark.parametrize("by_same_keeper", [True, False], ids=["same keeper", "next keeper"])
def test_what_is_not_ordered_is_ended(keeping, namespaces, pod_orders, beside, change, by_same_keeper):
    namespaces.make("default_web-0")
    keeping.follow(pod_orders(command=shell("sleep 600 & sleep 600")))
    old = keeping.record().process
    if not by_same_keeper:
        beside.run(keeping.keeper.let_go())
    pods = change(pod_orders, namespaces)
    keeping.follow(*pods)
    until(lambda: not is_alive(old))
    until(lambda: group_is_empty(old.pid))
    assert (keeping.record() is not None) == bool(pods)
    if pods:
        assert keeping.record().process != old
        assert keeping.keeper.running(WEB)


def group_is_empty(pgid):
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return True
    return all(state == "Z" for state in group_states(pgid))


def group_states(pgid):
    """States of a group's processes; a container's init may be slow to reap orphans."""
    states = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if int(fields[2]) == pgid:
                states.append(fields[0])
    return states


def test_stubborn_programs_are_killed_after_the_grace(keeping, namespaces, pod_orders, monkeypatch, beside):
    monkeypatch.setattr("seaway.drivers.programs.real.GRACE_S", 0.2)
    namespaces.make("default_web-0")
    keeping.follow(pod_orders(command=shell("trap '' TERM; echo trapped; while :; do sleep 0.05; done")))
    until(lambda: keeping.log() == "trapped\n")
    process = keeping.record().process
    beside.run(keeping.keeper.stop())
    assert not is_alive(process)
    assert list(running_programs(keeping.folder / "programs")) == []


def test_restart_is_a_restart(keeping, namespaces, pod_orders, beside, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_WAIT_S", 0.02)
    namespaces.make("default_web-0")
    keeping.follow(pod_orders(command=shell("trap 'exit 0' TERM; echo run; while :; do sleep 0.05; done"), restart="OnFailure"))
    until(lambda: keeping.log() == "run\n")
    beside.run(keeping.keeper.restart(WEB, "Liveness probe failed: no"))
    until(lambda: keeping.log().count("run") == 2)
    assert keeping.texts()[1] == "restarting: Liveness probe failed: no"


def test_a_program_that_appears_later_is_started_then(keeping, namespaces, pod_orders, short_path):
    namespaces.make("default_web-0")
    program = short_path / "program"
    pod = pod_orders(command=(str(program),))
    assert WEB in keeping.follow(pod)
    assert keeping.record() is None
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    assert keeping.follow(pod) == {}
    assert keeping.keeper.running(WEB)


@pytest.mark.parametrize(
    ("argv", "code", "output"),
    [
        pytest.param(shell("hostname; exit 7"), 7, "web-0", id="exit code and output"),
        pytest.param(shell("grep -c nameserver /etc/resolv.conf"), 0, "1", id="inside the pod"),
        pytest.param(shell("sleep 600"), None, "timed out after 0.3 s", id="timeout"),
        pytest.param(("/no/such",), None, "/no/such: No such file or directory", id="not found"),
        pytest.param((sys.executable, "-c", "print('x' * 3_000_000)"), 120, "x" * 400, id="too much output"),
    ],
)
def test_commands_inside(keeping, namespaces, pod_orders, beside, argv, code, output):
    namespaces.make("default_web-0")
    keeping.follow(pod_orders(command=SLEEP))
    timeout_s = 0.3 if argv[-1] == "sleep 600" else 20
    got = beside.run(keeping.keeper.run_inside(WEB, argv, timeout_s))
    assert got[1] == output
    assert got[0] == code or (code == 120 and got[0] != 0), "a command that cannot write fails"


def test_large_logs_are_rotated(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "MAX_LOG_BYTES", 10)
    fd = logs.open_log(tmp_path / "logs" / "a.log")
    os.write(fd, b"0123456789ab")
    logs.rotate_logs(tmp_path / "logs")
    os.write(fd, b"new")
    os.close(fd)
    assert (tmp_path / "logs" / "a.log").read_text() == "new"
    assert (tmp_path / "logs" / "a.log.1").read_text() == "0123456789ab"


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", -9, True),
        ("OnFailure", None, True),
        ("Never", 1, False),
    ],
)
def test_restart_policies(policy, code, again):
    assert starts_again(policy, code) is again


def test_backoff_doubles_to_its_limit_and_is_forgotten_after_a_good_run():
    waits, backoff = [], Backoff()
    for _ in range(9):
        backoff = backoff.after(1.0)
        waits.append(backoff.wait_s)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff.after(60.0).wait_s == 0.5
