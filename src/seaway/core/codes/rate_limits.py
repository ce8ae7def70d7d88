"""Rate limits that do not count what they were meant to (NET068x)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

LIMIT_INVALID = Code(
    "NET0680",
    Severity.ERROR,
    "{problem}",
    "The limit does not count: requests pass as if it were not there.",
    "{advice}",
)
LIMITS_NOTHING = Code(
    "NET0681",
    Severity.WARNING,
    "the policy selects nothing: {selection}",
    "None of its limits counts anything.",
    "Correct the selector, or the labels of the pods.",
)
NO_PROXY = Code(
    "NET0682",
    Severity.WARNING,
    "{pods}: no proxy counts requests there",
    "Limits count at gateways and at members of the mesh; these pods take all that comes.",
    "Label their namespace istio-injection: enabled, or limit at the gateway.",
)
CALLERS_HEADER = Code(
    "NET0683",
    Severity.NOTE,
    "requests are told apart by header {header}, which callers write themselves",
    "Who sends another value each time is never limited, and who leaves the header out is not counted at all.",
    "{advice}",
)
CLAIM_UNVERIFIED = Code(
    "NET0684",
    Severity.WARNING,
    "requests are told apart by claim {claim}, and no token is verified at {pods}",
    "There are no claims there, so that the limit counts nothing.",
    "Add a RequestAuthentication for them.",
)
CALLER_UNKNOWN = Code(
    "NET0685",
    Severity.WARNING,
    "requests are told apart by their caller's identity, which is never seen at {pods}",
    "Only callers that show a certificate of the mesh have one: the limit counts nothing there.",
    "Tell requests apart by remoteAddress, a claim or a header.",
)
NEVER_HTTP = Code(
    "NET0686",
    Severity.WARNING,
    "all ports of {pods} are TCP to the proxy",
    "Requests can be counted on HTTP ports only: the limits count nothing there.",
    "Name the Service's ports http-…, or give them appProtocol: http, if HTTP is what they speak.",
)
TARGET_UNKNOWN = Code(
    "NET0687",
    Severity.ERROR,
    "targetRefs: {problem}",
    "The policy's limits count nothing for it.",
    "{advice}",
)
SELECTION_INVALID = Code(
    "NET0688",
    Severity.ERROR,
    "{problem}",
    "The selector counts, and targetRefs do not.",
    "Give one of the two.",
)
FIELD_UNUSED = Code(
    "NET0689",
    Severity.NOTE,
    "{field} has no effect: {reason}",
    "The limit counts as if the field were not there.",
    "Take it out.",
)
