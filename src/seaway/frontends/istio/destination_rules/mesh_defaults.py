"""MeshConfig's share in upstreams: what holds where no DestinationRule says anything else."""

from __future__ import annotations

from dataclasses import replace

from seaway.core.codes import destination_rules as codes
from seaway.core.finding import Findings
from seaway.frontends.istio.destination_rules.defaults import NEAR, Defaults
from seaway.frontends.istio.destination_rules.locality import read_locality
from seaway.frontends.istio.destination_rules.place import Place
from seaway.frontends.istio.destination_rules.policy import read_policy
from seaway.frontends.istio.settings import Settings

POLICY, LOCALITY = "defaultTrafficPolicy", "localityLbSetting"
OTHER_PARTS = ("loadBalancer", "tls", "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget")


def read_defaults(settings: Settings) -> tuple[Defaults, Findings]:
    """Every default filled in. Of `defaultTrafficPolicy` only connectionPool and outlierDetection count, as upstream has it."""
    usual = Defaults(
        root_namespace=settings.mesh.root_namespace,
        export_to=settings.destination_rules_to,
        automatic_mtls=settings.automatic_mtls,
        upgrade_http2=settings.upgrade_http2,
        connect_timeout_s=settings.connect_timeout_s,
        keepalive=settings.keepalive,
    )
    if settings.written is None:
        return usual, ()
    place, config = Place(settings.written, ()), settings.written.body
    locality, findings = NEAR, ()
    if config.locality_lb_setting is not None:
        found, findings = read_locality(config.locality_lb_setting, place.of(LOCALITY), ejects=True)
        locality = found or NEAR
    pool, ejection = None, None
    if config.default_traffic_policy is not None:
        read, more = read_policy(config.default_traffic_policy, place.of(POLICY), usual)
        findings += more + _passed_over(place.of(POLICY))
        pool, ejection = read.blocks.pool, read.blocks.ejection
    return replace(usual, locality=locality if locality.enabled else None, pool=pool, ejection=ejection), findings


def _passed_over(place: Place) -> Findings:
    given = [part for part in OTHER_PARTS if part in place.resource.raw.get(POLICY, {})]
    reason = "of the mesh's defaultTrafficPolicy only connectionPool and outlierDetection count"
    return tuple(place.of(part).find(codes.WITHOUT_EFFECT, field=place.of(part).field, reason=reason) for part in given)
