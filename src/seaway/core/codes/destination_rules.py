"""Mistakes in DestinationRules (NET057x to NET059x): upstreams and how they are treated."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

RULE_REFUSED = Code(
    "NET0570",
    Severity.ERROR,
    "{field}: {problem}",
    "Istio's webhook refuses the object. Here the whole DestinationRule is left out, as if it were not there.",
    "Mend the field; `seaway check` says at once whether the rule counts again.",
)
VALUE_REFUSED = Code(
    "NET0571",
    Severity.ERROR,
    "{field}: {problem}",
    "{consequence} Istio's webhook refuses the whole object.",
    "Mend the field; the rest of the rule holds meanwhile.",
)
POLICY_EMPTY = Code(
    "NET0572",
    Severity.ERROR,
    "{field} says nothing",
    "Istio's webhook refuses the whole object. Here only this part is left out.",
    "Remove it, or give it a loadBalancer, connectionPool, outlierDetection or tls.",
)
PORT_TWICE = Code(
    "NET0573",
    Severity.WARNING,
    "portLevelSettings: port {port} is there a second time",
    "The first item for a port counts, this one has no effect.",
    "Join both items in one.",
)
SUBSET_REFUSED = Code(
    "NET0574",
    Severity.ERROR,
    "subset {subset}: {problem}",
    "Istio's webhook refuses the whole object. Here the subset does not exist: routes to it answer 503.",
    "Give each subset a name of its own (lower-case letters, digits and dashes), and labels as pods can have them.",
)
SUBSET_TWICE = Code(
    "NET0575",
    Severity.ERROR,
    "subset {subset} is there already, at {place}",
    "Only the first subset of a name exists; what this one selects and sets is lost.",
    "Rename one of the two, or join them.",
)
CIRCUIT_BREAKER = Code(
    "NET0576",
    Severity.ERROR,
    "{field} is no field of DestinationRule: {outcome}",
    "An API server refuses the object, or drops the field without a word, and then no endpoint is ever ejected.",
    "Write instead: {mend}",
)
SETTINGS_REPLACED = Code(
    "NET0577",
    Severity.WARNING,
    "{field} replaces what stands at {place}: {lost} no longer {holds} there",
    "{layer}",
    "Repeat what is still meant in {field}.",
)
HOST_UNKNOWN = Code(
    "NET0578",
    Severity.WARNING,
    "host {host} is neither a Service nor a ServiceEntry{hint}",
    "The rule has no effect. A name without a dot is a Service of the rule's own namespace, any other is taken as it is written.",
    "Name a host that exists, as NAME.NAMESPACE.svc.{domain} where the Service is in another namespace.",
)
SUBSET_SELECTS_NOTHING = Code(
    "NET0579",
    Severity.ERROR,
    "subset {subset}: none of {host}'s endpoints has the labels {labels}",
    "Every request that a route sends to this subset is answered 503.",
    "Give the pods these labels (in the template of their workload), or the subset labels that they have.",
)
RULES_SHARE_HOST = Code(
    "NET0580",
    Severity.WARNING,
    "host {host}: {other} at {place} is for the same host; {outcome}",
    "Rules of one namespace for one host are merged, the oldest first: subsets are joined, of trafficPolicy the first counts whole.",
    "Keep one DestinationRule a host.",
)
TLS_WITHOUT_MODE = Code(
    "NET0581",
    Severity.WARNING,
    "{field} has no mode, which means DISABLE: connections are plaintext",
    "Automatic mutual TLS is off for this host, and what else stands in the block has no effect.",
    "Set mode to ISTIO_MUTUAL, SIMPLE, MUTUAL or DISABLE; or remove the block, so that peers in the mesh are called with mutual TLS.",
)
TLS_UNVERIFIED = Code(
    "NET0582",
    Severity.WARNING,
    "insecureSkipVerify: whoever answers is believed to be the server",
    "The connection is encrypted, but anybody in between can read and change it.",
    "Remove it, and give caCertificates and subjectAltNames (or credentialName).",
)
TLS_ANY_NAME = Code(
    "NET0583",
    Severity.WARNING,
    "sni {sni} without subjectAltNames: a certificate for any name is accepted",
    "As soon as sni is set, Istio no longer holds the certificate against the host that is called.",
    "Add subjectAltNames with the names that the server's certificate has.",
)
TLS_SYSTEM_ROOTS = Code(
    "NET0584",
    Severity.NOTE,
    "tls mode {mode} without caCertificates: the server is verified against this machine's roots",
    "Only certificates of public authorities are believed. Releases of Istio before 1.21 did not verify the server at all.",
    "Nothing to do for a public server; else name its authority in caCertificates or credentialName.",
)
CREDENTIAL_IGNORED = Code(
    "NET0585",
    Severity.ERROR,
    "credentialName {name} counts at gateways, and elsewhere only with a workloadSelector: other workloads call this host in plaintext",
    "Istio hands a Secret only to the workloads that a rule picks, and drops tls for all others.",
    "Add workloadSelector.matchLabels for the workloads that may use the Secret, in their namespace.",
)
CREDENTIAL_UNUSABLE = Code(
    "NET0586",
    Severity.ERROR,
    "{field}: {problem}",
    "Nothing is sent to this host until it is mended (503): without it no connection can be made as the rule asks.",
    "{mend}",
)
CONSECUTIVE_ERRORS = Code(
    "NET0588",
    Severity.WARNING,
    "{field} has no effect since Istio 1.6",
    "Endpoints are ejected after five answers of 5xx in a row, whatever it says.",
    "Write consecutive5xxErrors: {count}, or consecutiveGatewayErrors: {count} for 502, 503 and 504 alone.",
)
DEPRECATED = Code(
    "NET0589",
    Severity.NOTE,
    "{field}: {value} is deprecated",
    "It is honoured as {instead}.",
    "Write {instead}.",
)
FAILOVER_INACTIVE = Code(
    "NET0590",
    Severity.WARNING,
    "{field} has no effect without outlierDetection",
    "Traffic moves to another place only when endpoints are ejected; without outlierDetection none ever is.",
    "Add outlierDetection beside loadBalancer.",
)
WITHOUT_EFFECT = Code(
    "NET0592",
    Severity.NOTE,
    "{field} has no effect: {reason}",
    "What the rule says besides holds.",
    "Remove it.",
)
ZONE_AWARE_NOT_HONOURED = Code(
    "NET0593",
    Severity.WARNING,
    "zoneAwareLbSetting is not honoured yet",
    "Requests go to endpoints of all zones alike.",
    "Use localityLbSetting with outlierDetection where traffic is to stay in its zone.",
)
TUNNEL_ON_HTTP = Code(
    "NET0594",
    Severity.WARNING,
    "tunnel has no effect on {host}: none of its ports is TCP or TLS",
    "Only connections whose bytes the proxy passes on unread go through a tunnel. HTTP requests go to the host itself.",
    "Set the port's appProtocol (or name) to tcp or tls, or remove tunnel.",
)
EJECTION_NEVER = Code(
    "NET0595",
    Severity.WARNING,
    "no endpoint is ever ejected: at most {percent} % of {count} may be, which is less than one",
    "Envoy leaves an endpoint aside only while all that it leaves aside are within maxEjectionPercent, and Istio's default is 10.",
    "Add maxEjectionPercent, such as 50; or run {enough} endpoints or more.",
)
