"""The last part of an upstream's id: what tells apart callers of one host that see different things.

`""` is what most callers see. Else, in this order and joined by commas: `-` for no rule at all or the rules' names, `@NAMESPACE` for a
host that another namespace declares under the same name, `gateway` for gateways, `opaque` for connections of theirs that are encrypted
already, `~NAMESPACE` for callers who have Secrets of it, and `&KEY=VALUE&…` for callers with these labels.
"""

from __future__ import annotations

from dataclasses import dataclass

USUAL = ""
NO_RULE = "-"
GATEWAY = "gateway"
OPAQUE = "opaque"


@dataclass(frozen=True, slots=True)
class Variant:
    """`rules` is `USUAL`, `NO_RULE` or the name of merged rules. `host_namespace` is "" for the host that comes first of its name.

    `gateway`: the caller is one. `credentials_of` is the callers' namespace where the rule names Secrets or files of theirs, else "".
    `labels` are those of the callers that a failoverPriority looks at, in order; a value of "" is a label that they lack.
    """

    rules: str = USUAL
    host_namespace: str = ""
    gateway: bool = False
    credentials_of: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    opaque: bool = False

    def __str__(self) -> str:
        host = f"@{self.host_namespace}" if self.host_namespace else ""
        secrets = f"~{self.credentials_of}" if self.credentials_of else ""
        labels = "".join(f"&{key}={value}" for key, value in self.labels)
        words = (GATEWAY if self.gateway else "", OPAQUE if self.opaque else "")
        return ",".join(part for part in (self.rules, host, *words, secrets, labels) if part)


def parse_variant(text: str) -> Variant:
    """What `str` of a variant gave."""
    parts = text.split(",") if text else []
    marked = {part[0]: part[1:] for part in parts if part[0] in "@~&"}
    rules = next((part for part in parts if part[0] not in marked and (part == NO_RULE or "/" in part)), USUAL)
    labels = tuple((key, value) for key, _, value in (one.partition("=") for one in marked.get("&", "").split("&")) if key)
    return Variant(rules, marked.get("@", ""), GATEWAY in parts, marked.get("~", ""), labels, OPAQUE in parts)
