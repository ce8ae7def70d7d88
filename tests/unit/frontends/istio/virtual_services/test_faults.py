"""http[].fault and http[].timeout."""

from __future__ import annotations

import pytest

from seaway.model.route import Abort, Delay, Fault


@pytest.mark.parametrize(
    ("fault", "want"),
    [
        ("delay: {fixedDelay: 5s, percentage: {value: 0.1}}", Fault(Delay(5, 0.1), None)),
        ("delay: {fixedDelay: 5s, percent: 50}", Fault(Delay(5, 50), None)),
        ("delay: {fixedDelay: 5s, percentage: {}}", Fault(Delay(5, 0), None)),
        ("abort: {httpStatus: 400, percentage: {value: 100}}", Fault(None, Abort(400, None, 100))),
        ("abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}", Fault(None, Abort(200, 14, 1))),
        ("abort: {grpcStatus: OK, percentage: {value: 1}}", Fault(None, Abort(200, 0, 1))),
        (
            "delay: {fixedDelay: 1ms, percentage: {value: 1}}, abort: {httpStatus: 500, percentage: {value: 2}}",
            Fault(Delay(0.001, 1), Abort(500, None, 2)),
        ),
    ],
)
def test_faults(world, http, fault, want):
    built = world(http(f"fault: {{{fault}}}"))
    assert built.route().policy.fault == want
    assert built.found == []


@pytest.mark.parametrize(
    ("fault", "want", "claim"),
    [
        ("delay: {fixedDelay: 5s}", Fault(Delay(5, 0), None), "the delay has no effect"),
        ("abort: {httpStatus: 500}", Fault(None, Abort(500, None, 0)), "the abort has no effect"),
        ("delay: {percentage: {value: 1}}", Fault(None, None), "a delay without fixedDelay has no effect"),
        ("abort: {percentage: {value: 1}}", Fault(None, None), "an abort without a status has no effect"),
    ],
)
def test_a_fault_that_never_happens_is_warned_of(world, http, fault, want, claim):
    built = world(http(f"fault: {{{fault}}}"))
    assert built.route().policy.fault == want
    assert built.found == ["NET0554:4"]
    assert claim in built.messages[0]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("{}", "neither delay nor abort"),
        ("{delay: {fixedDelay: 0s, percentage: {value: 1}}}", "fixedDelay"),
        ("{delay: {exponentialDelay: 1s, percentage: {value: 1}, fixedDelay: 1s}}", "exponentialDelay"),
        ("{delay: {fixedDelay: 1s, percent: 101}}", "percent 101"),
        ("{delay: {fixedDelay: 1s, percentage: {value: 100.1}}}", "100.1"),
        ("{delay: {fixedDelay: 1s, percentage: {value: 0.00001}}}", "1e-05"),
        ("{abort: {httpStatus: 500, percentage: {value: -1}}}", "-1"),
        ("{abort: {httpStatus: 600, percentage: {value: 1}}}", "600"),
        ("{abort: {httpStatus: 100, percentage: {value: 1}}}", "100"),
        ("{abort: {grpcStatus: unavailable, percentage: {value: 1}}}", "no grpcStatus unavailable"),
        ("{abort: {grpcStatus: '14', percentage: {value: 1}}}", "no grpcStatus 14"),
        ("{abort: {httpStatus: 500, http2Error: x, percentage: {value: 1}}}", "http2Error"),
        ("{abort: {httpStatus: 500, grpcStatus: OK, percentage: {value: 1}}}", "exclude"),
    ],
)
def test_refused(world, http, fault, problem):
    built = world(http(f"fault: {fault}"))
    assert set(built.found) == {"NET0540:4"}
    assert any(problem in one for one in built.messages)


@pytest.mark.parametrize(("timeout", "seconds"), [("10s", 10), ("1m30s", 90), ("250ms", 0.25)])
def test_timeouts(world, http, timeout, seconds):
    policy = world(http(f"timeout: {timeout}")).route().policy
    assert (policy.timeout_s, policy.grpc_timeout) == (seconds, True)


def test_no_timeout_is_none(world, http):
    for built in (world(), world(http())):
        assert (built.route().policy.timeout_s, built.route().policy.grpc_timeout) == (0, True)


@pytest.mark.parametrize("timeout", ["0s", "-1s", "5x", "1us", "1.0005s"])
def test_timeouts_that_are_refused(world, http, timeout):
    assert world(http(f"timeout: {timeout}")).found == ["NET0539:4"]
