"""Mistakes in AuthorizationPolicy and RequestAuthentication, and what they do otherwise than meant (NET0640 to NET0679)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

POLICY_INVALID = Code(
    "NET0640",
    Severity.ERROR,
    "{problem}",
    "Istio refuses this {kind}. In a cluster it would not be there; here it stays closed: {consequence}.",
    "{advice}",
)
RULES_ARE_ALTERNATIVES = Code(
    "NET0641",
    Severity.ERROR,
    "each of the {count} items under rules allows by itself: {each}",
    "Items of `rules` are ORed; only from, to and when of one item are ANDed. A request needs to fit one item alone.",
    "If all of it is meant together, make it one item with from, to and when (only the first of them with a dash).",
)
HEADER_OF_CALLER = Code(
    "NET0642",
    Severity.WARNING,
    "{key} decides who is let in, and the caller writes that header",
    "Whoever can reach the workload can send {key} with any value: it proves nothing unless something before it sets or strips the header.",
    "Ask for a claim of a verified token (request.auth.claims[...]) or a principal, or let outputClaimToHeaders set the header.",
)
SELECTS_NO_POD = Code(
    "NET0643",
    Severity.WARNING,
    "the {kind} applies to no pod: {scope}",
    "It has no effect.",
    "Correct the selector or the namespace, or add the workload that it is for.",
)
SELECTS_OUTSIDERS = Code(
    "NET0644",
    Severity.WARNING,
    "{pods}, selected by the {kind}, are not in the mesh",
    "Nothing enforces it there: a pod outside the mesh has no proxy.",
    "Enrol them, for example with the label istio-injection: enabled on the namespace.",
)
NO_SUCH_TARGET = Code(
    "NET0645",
    Severity.WARNING,
    "targetRefs names {target}, which no proxy here serves",
    "Services, ServiceEntries and GatewayClasses are targets of waypoints, Gateways those of the Gateway API; the {kind} has no effect.",
    "Select pods by spec.selector.",
)
TCP_NEVER_ALLOWS = Code(
    "NET0646",
    Severity.WARNING,
    "on TCP ports ({ports}) this rule allows nothing: {fields} exist in HTTP only",
    "A rule with a field that bytes do not have is left out there; with no other rule that allows, connections to those ports are closed.",
    "Write a rule for those ports without HTTP fields, or name the port so that its protocol is HTTP (http-...).",
)
TCP_DENIES_MORE = Code(
    "NET0647",
    Severity.WARNING,
    "on TCP ports ({ports}) this rule denies more than it says: {fields} exist in HTTP only and do not count there",
    "What is left of the rule denies {left}.",
    "Add the ports that are meant to operation.ports.",
)
PROVIDER_UNKNOWN = Code(
    "NET0648",
    Severity.ERROR,
    "{provider} is no external authorizer of MeshConfig's extensionProviders ({known})",
    "There is nobody to ask: what the policy matches is denied.",
    "Add it to extensionProviders in the ConfigMap istio-system/istio, or correct the name.",
)
PROVIDER_INVALID = Code(
    "NET0649",
    Severity.ERROR,
    "extension provider {provider}: {problem}",
    "Requests that CUSTOM policies would ask it about are denied.",
    "{advice}",
)
PROVIDERS_DIFFER = Code(
    "NET0650",
    Severity.ERROR,
    "the workload's CUSTOM policies name several providers ({providers})",
    "A workload asks one authorizer only: what these policies match is denied.",
    "Let all CUSTOM policies of a workload name the same provider.",
)
HOST_WITHOUT_PORT = Code(
    "NET0651",
    Severity.WARNING,
    "{host} does not match when the caller writes the port, as in {host}:{port}",
    "hosts sees the Host header as it was sent, so that a rule that denies is passed by with one more `:{port}`.",
    'Write "{host}*", which covers a port and a final dot, or add "{host}:*".',
)
SERVICE_PORT = Code(
    "NET0652",
    Severity.WARNING,
    "port {port} is the Service's; the pods listen on {target}",
    "ports and destination.port are the workload's own: the rule never holds.",
    "Write {target}.",
)
NEVER_SPELT_SO = Code(
    "NET0653",
    Severity.WARNING,
    "{value} never matches: {reason}",
    "The rule that it is in {effect}.",
    "{advice}",
)
TOKENS_UNVERIFIED = Code(
    "NET0654",
    Severity.WARNING,
    "{field} asks about a token, and no RequestAuthentication with jwtRules applies to {pods}",
    "No token is verified there, so that there are no claims: {effect}.",
    "Add a RequestAuthentication for them.",
)
TOKENS_OPTIONAL = Code(
    "NET0655",
    Severity.NOTE,
    "requests without a token pass: no AuthorizationPolicy asks {pods} for one",
    "A RequestAuthentication refuses tokens that do not verify, and lets in whoever sends none.",
    'Add a DENY policy with notRequestPrincipals: ["*"].',
)
KEYS_INVALID = Code(
    "NET0656",
    Severity.ERROR,
    "{problem}",
    "Envoy takes no such key set. Until it is mended no token of this rule verifies: all are refused with 401.",
    "{advice}",
)
KEYS_UNREACHABLE = Code(
    "NET0657",
    Severity.WARNING,
    "no keys from {url}",
    "{state}. It is tried again. {problem}.",
    "Make the URL reachable, or put the key set into jwks.",
)
PRESENCE_UNUSED = Code(
    "NET0658",
    Severity.WARNING,
    "presence: {presence} has no effect",
    "Istio's control plane makes nothing of the field: requests without a token pass.",
    'Require tokens by a DENY policy with notRequestPrincipals: ["*"].',
)
