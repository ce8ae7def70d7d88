"""What Envoy or the kernel refused, and what the running network could not do (NET04xx)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

ENVOY_REFUSED = Code(
    "NET0401",
    Severity.ERROR,
    "Envoy refuses what this {object} asks for: {words}",
    "It is set aside so that it hurts nothing else; {kept} of it is served.",
    "Mend the field that Envoy names; the object is tried again as soon as it changes.",
)
ENGINE_FAILED = Code(
    "NET0402",
    Severity.ERROR,
    "{message}",
    "The configuration from before goes on serving; the new one is tried again every second.",
    "{mend}",
)
PROCESS_DIED = Code(
    "NET0403",
    Severity.WARNING,
    "{name} keeps dying: {reason}",
    "Its new connections fail while it is down; it is started again after {delay} s, and everything else runs on.",
    "Its log {log} ends: {last}",
)
PROCESS_CANNOT_START = Code(
    "NET0404",
    Severity.ERROR,
    "{name} cannot be started again: {reason}",
    "What it serves does not work; it is tried again in {delay} s.",
    "Mend the reason; nothing else is needed.",
)
REFUSED_WITHOUT_CULPRIT = Code(
    "NET0405",
    Severity.ERROR,
    "Envoy on {node} refuses even the configuration that it took before: {words}",
    "No object is to blame; what it holds goes on serving, and changes do not arrive.",
    "Look for what changed around it: an address in use, a namespace or file that is gone, another version of Envoy.",
)
ENVOY_NOT_REPLACED = Code(
    "NET0406",
    Severity.ERROR,
    "{name} is still the one from before, since the one that is wanted does not work: {reason}",
    "Traffic flows and follows changes, but through the binary and the bootstrap from before.",
    "Its log {log} says more; then call `seaway up` again, with an --envoy-path that works.",
)

DEFECT = Code(
    "NET0407",
    Severity.ERROR,
    "Seaway itself is at fault: {defect}",
    "The configuration from before goes on serving; this one is tried again every second.",
    "Please report it with logs/defects.log from the state folder; undoing the last edit is likely to help.",
)

OF_THE_NETWORK = (ENGINE_FAILED, DEFECT, PROCESS_DIED, PROCESS_CANNOT_START, REFUSED_WITHOUT_CULPRIT, ENVOY_NOT_REPLACED)
"""Those that are about the running network itself and no object in it: `seaway status` shows them."""
