"""Templates: header values in which `%COMMANDS%` stand for parts of a request, and `%%` for a percent sign.

The commands are those of access logs (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage), as far as
the Envoy that Seaway runs takes them in header values; a test asks it about each. Those that hold programs of their own (CEL, COALESCE)
are left out: an error in one would be found by nobody but Envoy, which then refuses the routes of everybody.
"""

from __future__ import annotations

import re

_COMMAND = re.compile(r"%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]{1,6}))?%")

_SIDES = ("DOWNSTREAM", "UPSTREAM")
BARE = frozenset(
    (
        *("REQUEST_HEADERS_BYTES", "RESPONSE_HEADERS_BYTES", "RESPONSE_TRAILERS_BYTES", "BYTES_RECEIVED", "BYTES_SENT"),
        *("UPSTREAM_WIRE_BYTES_SENT", "UPSTREAM_WIRE_BYTES_RECEIVED", "UPSTREAM_HEADER_BYTES_SENT", "UPSTREAM_HEADER_BYTES_RECEIVED"),
        *("DOWNSTREAM_WIRE_BYTES_SENT", "DOWNSTREAM_WIRE_BYTES_RECEIVED", "DOWNSTREAM_HEADER_BYTES_SENT"),
        *("DOWNSTREAM_HEADER_BYTES_RECEIVED", "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", "BYTES_RETRANSMITTED", "PACKETS_RETRANSMITTED"),
        *("PROTOCOL", "UPSTREAM_PROTOCOL", "RESPONSE_CODE", "RESPONSE_CODE_DETAILS", "CONNECTION_TERMINATION_DETAILS"),
        *("RESPONSE_FLAGS", "RESPONSE_FLAGS_LONG", "GRPC_STATUS_NUMBER", "UPSTREAM_REQUEST_ATTEMPT_COUNT"),
        *("DURATION", "REQUEST_DURATION", "REQUEST_TX_DURATION", "RESPONSE_DURATION", "RESPONSE_TX_DURATION", "ROUNDTRIP_DURATION"),
        *("DOWNSTREAM_HANDSHAKE_DURATION", "UPSTREAM_CONNECTION_POOL_READY_DURATION"),
        *("UPSTREAM_HOST", "UPSTREAM_HOST_NAME", "UPSTREAM_HOST_NAME_WITHOUT_PORT", "UPSTREAM_CLUSTER", "UPSTREAM_CLUSTER_RAW"),
        *("UPSTREAM_CONNECTION_ID", "UPSTREAM_LOCAL_ADDRESS", "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "UPSTREAM_LOCAL_PORT"),
        *("UPSTREAM_REMOTE_ADDRESS", "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "UPSTREAM_REMOTE_PORT"),
        *("DOWNSTREAM_REMOTE_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_REMOTE_PORT"),
        *("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_DIRECT_REMOTE_PORT"),
        *("DOWNSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "DOWNSTREAM_LOCAL_PORT", "CONNECTION_ID"),
        *(f"{side}_TRANSPORT_FAILURE_REASON" for side in _SIDES),
        *(f"{side}_LOCAL_CLOSE_REASON" for side in _SIDES),
        *(f"{side}_DETECTED_CLOSE_TYPE" for side in _SIDES),
        *(f"{side}_{end}_{kind}_SAN" for side in _SIDES for end in ("LOCAL", "PEER") for kind in ("URI", "DNS", "IP")),
        *(f"DOWNSTREAM_{end}_{kind}_SAN" for end in ("LOCAL", "PEER") for kind in ("EMAIL", "OTHERNAME")),
        *("DOWNSTREAM_LOCAL_SUBJECT", "DOWNSTREAM_PEER_SUBJECT", "DOWNSTREAM_PEER_ISSUER", "UPSTREAM_PEER_SUBJECT"),
        *("UPSTREAM_PEER_ISSUER", "UPSTREAM_PEER_CERT", "DOWNSTREAM_PEER_CERT", "DOWNSTREAM_PEER_SERIAL"),
        *("DOWNSTREAM_PEER_FINGERPRINT_256", "DOWNSTREAM_PEER_FINGERPRINT_1", "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256"),
        *("DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", "DOWNSTREAM_PEER_CHAIN_SERIALS", "DOWNSTREAM_TLS_GROUP"),
        *(f"{side}_TLS_{what}" for side in _SIDES for what in ("SESSION_ID", "CIPHER", "VERSION")),
        *("TLS_JA3_FINGERPRINT", "TLS_JA4_FINGERPRINT", "HOSTNAME", "ROUTE_NAME", "FILTER_CHAIN_NAME", "VIRTUAL_CLUSTER_NAME"),
        *("STREAM_ID", "TRACE_ID", "SPAN_ID", "UNIQUE_ID", "ACCESS_LOG_TYPE"),
    )
)
"""Commands without arguments."""

_TIME = r"[^\r\n]*"
_HEADER = r":?[!#$&'*+.^_`|~A-Za-z0-9-]+"
_NAMES = r"[^:%]+(:[^:%]+)*"
ARGUMENTS = {
    **dict.fromkeys(("REQ", "RESP", "TRAILER"), rf"{_HEADER}(\?{_HEADER})?"),
    **dict.fromkeys(("DYNAMIC_METADATA", "CLUSTER_METADATA", "UPSTREAM_METADATA"), _NAMES),
    "METADATA": rf"(DYNAMIC|CLUSTER|ROUTE|UPSTREAM_HOST|LISTENER|VIRTUAL_HOST):{_NAMES}",
    **dict.fromkeys(("FILTER_STATE", "UPSTREAM_FILTER_STATE"), r"[^:%]+(:(PLAIN|TYPED))?"),
    **dict.fromkeys(("PER_REQUEST_STATE", "ENVIRONMENT", "QUERY_PARAM"), r"[^:%\s]+"),
}
"""Commands that need arguments, and what these must look like."""

UNCUT = frozenset(("PER_REQUEST_STATE", "CLUSTER_METADATA", "UPSTREAM_METADATA"))
"""Of these, those whose value cannot be cut to a length (`%REQ(x):10%`)."""

OPTIONAL = {
    **dict.fromkeys(("START_TIME", "START_TIME_LOCAL", "EMIT_TIME", "EMIT_TIME_LOCAL"), _TIME),
    **dict.fromkeys((f"{peer}_CERT_V_{end}" for peer in ("DOWNSTREAM_PEER", "UPSTREAM_PEER") for end in ("START", "END")), _TIME),
    "GRPC_STATUS": r"CAMEL_STRING|SNAKE_STRING|NUMBER",
    "REQUESTED_SERVER_NAME": r"SNI_ONLY|SNI_FIRST|HOST_FIRST",
    "PATH": r"(WQ|NQ)(:(ORIG|PATH|ORIG_OR_PATH))?",
}
"""Commands that may have arguments."""


def template_problem(text: str) -> str:
    """Why the text is no template, "" if it is one."""
    at = text.find("%")
    while at >= 0:
        if text.startswith("%%", at):
            at = text.find("%", at + 2)
            continue
        found = _COMMAND.match(text, at)
        if found is None:
            return "a % encloses no command; write %% for the sign itself"
        if problem := _problem(found[1], found[2], found[3]):
            return problem
        at = text.find("%", found.end())
    return ""


def _problem(command: str, arguments: str | None, length: str | None) -> str:
    if command in BARE:
        return f"%{command}% takes no argument" if arguments is not None or length else ""
    if command in OPTIONAL:
        fits = arguments is None or re.fullmatch(OPTIONAL[command], arguments) is not None
        return "" if fits and not length else f"%{command}({arguments or ''})% has an argument that it does not take"
    if command in ARGUMENTS:
        fits = arguments is not None and re.fullmatch(ARGUMENTS[command], arguments) is not None and not (length and command in UNCUT)
        return "" if fits else f"%{command}({arguments or ''})% is not how that command is used"
    return f"%{command}% is no command that is taken here"
