"""What a node's Envoy sees of its machine: all of its plan that does not come from the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.model.authorization import FetchedKeys
from seaway.model.certificate import Certificate
from seaway.plans.envoy.host_ports import HostPort
from seaway.plans.envoy.site import DEBIANS_ROOTS


@dataclass(frozen=True, slots=True)
class EnvoyView:
    """Whose Envoy it is. `netns_folder` is the absolute path of the folder that holds namespace files (see `model/names.py`).

    `default_certificate` is for gateways that name none of their own. `roots` is the file of the authorities that the machine believes.
    `shorter_way`: calls between members of this node pass it once where they may (see `mesh/shortcut.py`).
    `token_keys` are the key sets that token issuers' URLs gave last.
    """

    node: str
    netns_folder: str
    default_certificate: Certificate
    host_ports: tuple[HostPort, ...]
    roots: str = DEBIANS_ROOTS
    shorter_way: bool = True
    token_keys: Mapping[FetchedKeys, str] = field(default_factory=dict[FetchedKeys, str])
