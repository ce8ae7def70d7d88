"""Mistakes about who is in the mesh, what of a pod's traffic passes its proxy, and what a pod accepts (NET0620 to NET0639)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

BOTH_NAMESPACE_LABELS = Code(
    "NET0620",
    Severity.WARNING,
    "namespace {namespace} is labelled both istio-injection: {injection} and istio.io/rev: {revision}",
    "istio-injection wins, so that the revision has no effect: {effect}.",
    "Remove one of the two labels.",
)
INJECT_VALUE = Code(
    "NET0621",
    Severity.WARNING,
    "sidecar.istio.io/inject is {value!r}, neither true nor false",
    "Istio's webhook compares with these two words, and its injector with a few others: here it means that the pods {effect}.",
    'Write "true" or "false".',
)
CAPTURE_VALUE = Code(
    "NET0622",
    Severity.ERROR,
    "{name}: {problem}",
    "Istio's injector refuses a pod with such an annotation, so that it would never be created. Here it runs, without the annotation.",
    "{advice}",
)
AMBIENT = Code(
    "NET0623",
    Severity.WARNING,
    "istio.io/dataplane-mode: ambient does not put pods into the mesh here",
    "Ambient mode is another data plane; Seaway has neither its tunnels nor its waypoints.",
    "Label the namespace istio-injection: enabled: pods get no sidecar for it here.",
)
CAPTURE_NOT_HONOURED = Code(
    "NET0624",
    Severity.WARNING,
    "{name} has no effect here",
    "{reason}",
    "{advice}",
)
HOST_NETWORK_ASKS = Code(
    "NET0625",
    Severity.WARNING,
    "these pods ask to be in the mesh but have hostNetwork: true",
    "They share their node's network, and Istio never injects into such pods: they call and are called in plaintext.",
    "Remove hostNetwork, or set sidecar.istio.io/inject to false to say that it is meant.",
)
ANNOTATION_ALONE = Code(
    "NET0626",
    Severity.WARNING,
    "the annotation sidecar.istio.io/inject: {value!r} puts no pod into the mesh",
    "Namespace {namespace} is not labelled for injection, and Istio's webhook then looks for a label of the pod, not for an annotation.",
    "Make it a label of the pod template, or label the namespace istio-injection: enabled.",
)
ROOT_SELECTOR = Code(
    "NET0627",
    Severity.WARNING,
    "a selector in the root namespace {namespace} has no effect",
    "A PeerAuthentication there is for the whole mesh, or for nothing: this one is passed over.",
    "Remove the selector to set the mode of the mesh, or move the object to the namespace of the pods that it means.",
)
MODE_DECIDED_BEFORE = Code(
    "NET0628",
    Severity.WARNING,
    "PeerAuthentication {first} already decides for {scope}",
    "Of several for one scope the oldest counts alone; nothing is merged. This one has no effect{where}.",
    "Keep one of them.",
)
PEER_AUTHENTICATION_REFUSED = Code(
    "NET0629",
    Severity.ERROR,
    "{problem}",
    "Istio refuses this object, so it is left out.",
    "{advice}",
)
PORT_OF_NO_POD = Code(
    "NET0630",
    Severity.WARNING,
    "none of the selected pods is called on port {port}",
    "Keys of portLevelMtls are ports of the workload, not of a Service{hint}.",
    "{advice}",
)
SELECTS_NOTHING = Code(
    "NET0631",
    Severity.WARNING,
    "the selector matches no pod of namespace {namespace} that is in the mesh",
    "What this object says holds for nobody.",
    "Correct the labels, or see with `seaway get pods` which pods are in the mesh.",
)
TARGET_PORT_SHARED = Code(
    "NET0632",
    Severity.WARNING,
    "port {port} of {pod} is {protocol} to this Service, but {decided} to {first}",
    "What a pod's port speaks is decided once, by the oldest of the Services that lead to it.",
    "Give both ports the same name or appProtocol.",
)
