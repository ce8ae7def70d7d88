"""Identity: the CA that is brought, and what becomes of roots, certificates and clocks (NET0601 to NET0619)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

_NOT_USED = "The CA cannot be used: workloads' certificates are signed by what signed before, or by a root that Seaway makes."

CA_VALUE_MISSING = Code(
    "NET0601",
    Severity.ERROR,
    "Secret {secret} is to hold the mesh's CA and has no {key}",
    _NOT_USED,
    "Make it as Istio's plug-in CA: ca-cert.pem, ca-key.pem, root-cert.pem and cert-chain.pem.",
)
CA_UNREADABLE = Code(
    "NET0602",
    Severity.ERROR,
    "Secret {secret}, {key}: {problem}",
    _NOT_USED,
    "Put certificates and a key that is not encrypted there, in PEM; `openssl x509 -in FILE -text` shows what a file holds.",
)
CA_KEY_MISMATCH = Code(
    "NET0603",
    Severity.ERROR,
    "Secret {secret}: ca-key.pem is not the key of ca-cert.pem",
    _NOT_USED,
    "Put the two together that were made together.",
)
CA_SIGNS_NOTHING = Code(
    "NET0604",
    Severity.ERROR,
    "Secret {secret}, {key}: the certificate of {subject} may not sign others: {problem}",
    _NOT_USED,
    "Have it made anew as a CA: basicConstraints CA:TRUE, and keyUsage keyCertSign where keyUsage is given.",
)
CA_CHAIN_BROKEN = Code(
    "NET0605",
    Severity.ERROR,
    "Secret {secret}: ca-cert.pem does not lead to root-cert.pem: {problem}",
    _NOT_USED + " Peers that trust the root would refuse every certificate that it signs.",
    "Let cert-chain.pem hold ca-cert.pem and then what signed it, one after the other, up to root-cert.pem.",
)
CA_NOT_VALID = Code(
    "NET0606",
    Severity.ERROR,
    "the mesh's CA {secret} is not valid now, only from {begins} to {ends}",
    "No workload's certificate can be renewed; those that it signed end with it, and calls fail then.",
    "Bring one that is valid, or set the clock right.",
)
CA_ENDS_SOON = Code(
    "NET0607",
    Severity.WARNING,
    "the mesh's CA {secret} ends on {ends}, in {days} days",
    "Certificates of workloads end with it.",
    "Replace it in time: a new root is given to all nodes before anything is signed by it.",
)
ROOT_WAITS = Code(
    "NET0608",
    Severity.WARNING,
    "the new root {root} signs nothing yet: {nodes}",
    "What it signed would be refused there. {meanwhile}",
    "`seaway status` says what runs; a node that is away is waited for {patience} s, one that is connected until it has the root.",
)
CERTIFICATE_OVERDUE = Code(
    "NET0609",
    Severity.ERROR,
    "the certificate of {identity} on {node} {state} and was not renewed",
    "Calls from and to its pods fail once it has ended: peers refuse it.",
    "The control plane signs while it runs and knows a CA; logs/agent-{node}.log says what the node asked for.",
)
CLOCK_SET = Code(
    "NET0610",
    Severity.WARNING,
    "the machine's clock was set {by} at {when}",
    "Certificates that are not valid by the new time are renewed, a few at a time; those that still are stay as they are.",
    "Let a time service keep the clock; nothing else is needed.",
)
ROOTS_NOT_KEPT = Code(
    "NET0611",
    Severity.ERROR,
    "the roots of the mesh cannot be written to {path}: {reason}",
    "Nothing is signed under a new root until they are: after a restart, peers would refuse what it signed.",
    "Make room in the state folder, and see that it is writable.",
)
CA_REVOCATIONS_IGNORED = Code(
    "NET0612",
    Severity.WARNING,
    "Secret {secret}: ca-crl.pem is not read",
    "Certificates that it revokes are accepted until they end.",
    "Rely on the certificates' short lives, or bring another CA and have all of them renewed: `seaway certs` shows what signed each.",
)

OF_IDENTITY = (CA_NOT_VALID, ROOT_WAITS, CERTIFICATE_OVERDUE, CLOCK_SET, ROOTS_NOT_KEPT)
"""Those that are about the running network: `seaway status` shows them."""
