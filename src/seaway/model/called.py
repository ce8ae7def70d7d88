"""What users call pods: `NS/POD`, `NS/WORKLOAD`, `NS/KIND/NAME` or `NS/sa/NAME`; the world beyond the nodes is `outside`."""

from __future__ import annotations

from seaway.model.workload import PodName

OUTSIDE = "outside"
FORMS = f"write NS/POD, NS/WORKLOAD, NS/deployment/NAME, NS/sa/NAME or `{OUTSIDE}`"

_KINDS = {
    "deployment": "Deployment",
    "deploy": "Deployment",
    "statefulset": "StatefulSet",
    "sts": "StatefulSet",
    "daemonset": "DaemonSet",
    "ds": "DaemonSet",
    "replicaset": "ReplicaSet",
    "rs": "ReplicaSet",
    "job": "Job",
    "pod": "Pod",
}


def answers_to(text: str, pod: PodName, workload: tuple[str, str], service_account: str) -> bool:
    """Whether these words mean a pod; `workload` is the kind and the name of what made it."""
    namespace, _, rest = text.partition("/")
    kind, _, name = rest.rpartition("/")
    kind = kind.lower()
    if namespace != pod.namespace:
        return False
    if kind in ("", "pod") and name == pod.name:
        return True
    if kind in ("sa", "serviceaccount"):
        return name == service_account
    return name == workload[1] and (kind == "" or _KINDS.get(kind) == workload[0])
