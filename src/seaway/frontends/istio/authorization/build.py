"""The policy of every workload: all AuthorizationPolicies, RequestAuthentications and limits that apply to it, and who is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from seaway.core.codes import authorization as codes
from seaway.core.finding import Findings, finding
from seaway.frontends.istio.authorization.fingerprint import fingerprint
from seaway.frontends.istio.authorization.policies import Read, read_policy
from seaway.frontends.istio.authorization.providers import Providers, read_providers
from seaway.frontends.istio.authorization.scene import Scene, Workloads
from seaway.frontends.istio.authorization.traps import find_traps
from seaway.frontends.istio.rate_limits.build import RateLimits
from seaway.frontends.istio.registry import Registry
from seaway.frontends.istio.request_authentication.build import ReadTokens, read_request_authentications
from seaway.frontends.istio.settings import Settings
from seaway.model.authorization import OPEN, Action, ExternalAuthorizer, RateLimit, WorkloadPolicy
from seaway.model.upstream import UpstreamId
from seaway.model.workload import GatewayProxy, Pod, PodName
from seaway.resources.istio.authorization_policy import AuthorizationPolicy
from seaway.snapshot import Snapshot

Identify = Callable[[PodName, UpstreamId], UpstreamId]
"""The upstream that a pod means by this host and port."""


@dataclass(frozen=True, slots=True)
class Policies:
    """`of` names the policy of each member and each gateway's pod by id; `policies` are those that are named, in the order of their ids."""

    of: Mapping[PodName, str]
    policies: tuple[WorkloadPolicy, ...]


def build_policies(
    snapshot: Snapshot, workloads: Workloads, registry: Registry, settings: Settings, identify: Identify, limits: RateLimits
) -> tuple[Policies, Findings]:
    """The policies of the members of the mesh, and of gateways outside it, where limits are all that is asked."""
    findings: Findings = ()
    read: list[Read] = []
    for resource in snapshot.of(AuthorizationPolicy):
        one, found = read_policy(resource, settings)
        findings += found
        if one is not None:
            read.append(one)
    tokens, token_findings = read_request_authentications(snapshot, registry, settings)
    providers, provider_findings = read_providers(settings.written, registry)
    built = _Builder(read, tokens, providers, identify)
    policies = {pod.id: built.policy_of(pod, limits.of(pod)) for pod in workloads.members}
    gateways = (pod for pod in workloads.pods if isinstance(pod.runs, GatewayProxy) and pod.id not in policies)
    policies |= {pod.id: limited for pod in gateways if (limited := built.policy_outside(limits.of(pod))) is not OPEN}
    named = {policy.id: policy for policy in policies.values()}
    found = (
        *findings,
        *token_findings,
        *provider_findings,
        *find_traps(Scene(tuple(read), tokens, workloads, registry)),
        *_unanswered(read, providers),
        *_divided(read, workloads.members),
    )
    return Policies({pod: policy.id for pod, policy in policies.items()}, tuple(named[one] for one in sorted(named))), found


class _Builder:
    """Pods to which the same objects apply share one policy, made once."""

    def __init__(self, read: list[Read], tokens: tuple[ReadTokens, ...], providers: Providers, identify: Identify) -> None:
        self._read, self._tokens, self._providers, self._identify = read, tokens, providers, identify
        self._made: dict[object, WorkloadPolicy] = {}
        self._by_namespace: defaultdict[str | None, list[Read]] = defaultdict(list)
        for one in read:
            self._by_namespace[one.selection.namespace].append(one)

    def policy_of(self, pod: Pod, limits: tuple[RateLimit, ...]) -> WorkloadPolicy:
        near = (*self._by_namespace[None], *self._by_namespace[pod.id.namespace])
        read = tuple(one for one in near if one.selection.takes(pod))
        tokens = tuple(one for one in self._tokens if one.selection.takes(pod))
        asked = tuple(self._asked(pod.id, read))
        key = (tuple(one.policy.key for one in read), tuple(one.key for one in tokens), asked, limits)
        if key not in self._made:
            self._made[key] = _policy(read, tokens, asked, limits)
        return self._made[key]

    def policy_outside(self, limits: tuple[RateLimit, ...]) -> WorkloadPolicy:
        if limits not in self._made:
            self._made[limits] = _policy((), (), (), limits)
        return self._made[limits]

    def _asked(self, pod: PodName, read: tuple[Read, ...]) -> list[ExternalAuthorizer]:
        named = sorted({one.policy.provider for one in read if one.policy.action is Action.CUSTOM})
        found = (self._providers.authorizers.get(name) for name in named)
        return [replace(one, to=self._identify(pod, one.to)) for one in found if one is not None]


def _policy(
    read: tuple[Read, ...], tokens: tuple[ReadTokens, ...], asked: tuple[ExternalAuthorizer, ...], limits: tuple[RateLimit, ...]
) -> WorkloadPolicy:
    if not read and not tokens and not limits:
        return OPEN
    order = list(Action)
    policies = tuple(sorted((one.policy for one in read), key=lambda one: (order.index(one.action), one.key)))
    rules = tuple(sorted((rule for one in tokens for rule in one.rules), key=lambda rule: (rule.issuer, rule.key)))
    policy = WorkloadPolicy("", policies, asked, rules, limits)
    return replace(policy, id=fingerprint(policy))


def _unanswered(read: list[Read], providers: Providers) -> Findings:
    """CUSTOM policies that name nobody. Broken providers have findings of their own."""
    known = {*providers.authorizers, *providers.broken, ""}
    return tuple(
        one.place.of("provider", "name").find(codes.PROVIDER_UNKNOWN, provider=one.policy.provider, known=providers.names)
        for one in read
        if one.policy.provider not in known
    )


def _divided(read: list[Read], members: tuple[Pod, ...]) -> Findings:
    """CUSTOM policies that apply to one pod and name several providers, each group once."""
    custom = [one for one in read if one.policy.action is Action.CUSTOM and one.policy.provider]
    if len({one.policy.provider for one in custom}) < 2:
        return ()
    groups = {tuple(one.policy.key for one in custom if one.selection.takes(pod)) for pod in members}
    findings: Findings = ()
    for group in sorted(groups):
        there = [one for one in custom if one.policy.key in group]
        names = sorted({one.policy.provider for one in there})
        if len(names) > 1:
            at = there[-1].place.of("provider", "name")
            findings += (finding(codes.PROVIDERS_DIFFER, at.origin, at.key, providers=", ".join(names)),)
    return findings
