"""Fields that Seaway does not honour and keeps quiet about: by their nature they cannot change who reaches whom.

Every other field that Kubernetes knows and our structs lack is reported once with a note. Rows are `Type.field` of the upstream schema.
"""

from __future__ import annotations

_SERVER = "kept by the API server itself"
_SCHEDULING = "decides on which node a pod runs, and here every node reaches every pod"
_COMPUTE = "limits computing, not traffic"
_STORAGE = "files, not traffic"
_IMAGE = "images are not pulled: stand-ins or commands of the host run in the pods"
_PROCESS = "how a process is confined or attached, not what it may reach"
_ROLLOUT = "how one version replaces another over time; here a new version is live at once"
_JOB = "how often a job is tried, and when it is cleaned up"
_REFERENCE = "further identifies an object that kind and name already name"

WITHOUT_EFFECT_ON_THE_NETWORK: dict[str, str] = {
    "Namespace.spec": "finalizers only",
    "ObjectMeta.deletionGracePeriodSeconds": _SERVER,
    "ObjectMeta.deletionTimestamp": _SERVER,
    "ObjectMeta.finalizers": _SERVER,
    "ObjectMeta.generation": _SERVER,
    "ObjectMeta.managedFields": _SERVER,
    "ObjectMeta.resourceVersion": _SERVER,
    "ObjectMeta.selfLink": _SERVER,
    "OwnerReference.apiVersion": _REFERENCE,
    "OwnerReference.blockOwnerDeletion": _SERVER,
    "OwnerReference.uid": _REFERENCE,
    "ObjectReference.apiVersion": _REFERENCE,
    "ObjectReference.fieldPath": _REFERENCE,
    "ObjectReference.resourceVersion": _REFERENCE,
    "ObjectReference.uid": _REFERENCE,
    "PodSpec.affinity": _SCHEDULING,
    "PodSpec.preemptionPolicy": _SCHEDULING,
    "PodSpec.priority": _SCHEDULING,
    "PodSpec.priorityClassName": _SCHEDULING,
    "PodSpec.schedulerName": _SCHEDULING,
    "PodSpec.schedulingGroup": _SCHEDULING,
    "PodSpec.tolerations": _SCHEDULING,
    "PodSpec.topologySpreadConstraints": _SCHEDULING,
    "PodSpec.evictionResponders": _SCHEDULING,
    "PodSpec.overhead": _COMPUTE,
    "PodSpec.resourceClaims": _COMPUTE,
    "PodSpec.resources": _COMPUTE,
    "PodSpec.runtimeClassName": _PROCESS,
    "PodSpec.automountServiceAccountToken": "tokens for an API server that is not there",
    "PodSpec.ephemeralContainers": "cannot be part of a manifest that is applied",
    "PodSpec.hostIPC": _PROCESS,
    "PodSpec.hostPID": _PROCESS,
    "PodSpec.hostUsers": _PROCESS,
    "PodSpec.os": _PROCESS,
    "PodSpec.securityContext": _PROCESS,
    "PodSpec.shareProcessNamespace": _PROCESS,
    "PodSpec.imagePullSecrets": _IMAGE,
    "PodSpec.terminationGracePeriodSeconds": _ROLLOUT,
    "PodSpec.volumes": _STORAGE,
    "Container.imagePullPolicy": _IMAGE,
    "Container.lifecycle": _ROLLOUT,
    "Container.resizePolicy": _COMPUTE,
    "Container.resources": _COMPUTE,
    "Container.restartPolicyRules": _PROCESS,
    "Container.securityContext": _PROCESS,
    "Container.stdin": _PROCESS,
    "Container.stdinOnce": _PROCESS,
    "Container.tty": _PROCESS,
    "Container.terminationMessagePath": _PROCESS,
    "Container.terminationMessagePolicy": _PROCESS,
    "Container.volumeDevices": _STORAGE,
    "Container.volumeMounts": _STORAGE,
    "ObjectFieldSelector.apiVersion": "there is one version only",
    "Probe.terminationGracePeriodSeconds": _ROLLOUT,
    "ServiceAccount.automountServiceAccountToken": "tokens for an API server that is not there",
    "ServiceAccount.imagePullSecrets": _IMAGE,
    "ServiceAccount.secrets": "tokens for an API server that is not there",
    "Secret.immutable": _SERVER,
    "ConfigMap.immutable": _SERVER,
    "DeploymentSpec.minReadySeconds": _ROLLOUT,
    "DeploymentSpec.paused": _ROLLOUT,
    "DeploymentSpec.progressDeadlineSeconds": _ROLLOUT,
    "DeploymentSpec.revisionHistoryLimit": _ROLLOUT,
    "DeploymentSpec.strategy": _ROLLOUT,
    "ReplicaSetSpec.minReadySeconds": _ROLLOUT,
    "StatefulSetSpec.minReadySeconds": _ROLLOUT,
    "StatefulSetSpec.persistentVolumeClaimRetentionPolicy": _STORAGE,
    "StatefulSetSpec.podManagementPolicy": _ROLLOUT,
    "StatefulSetSpec.revisionHistoryLimit": _ROLLOUT,
    "StatefulSetSpec.updateStrategy": _ROLLOUT,
    "StatefulSetSpec.volumeClaimTemplates": _STORAGE,
    "DaemonSetSpec.minReadySeconds": _ROLLOUT,
    "DaemonSetSpec.revisionHistoryLimit": _ROLLOUT,
    "DaemonSetSpec.updateStrategy": _ROLLOUT,
    "JobSpec.activeDeadlineSeconds": _JOB,
    "JobSpec.backoffLimit": _JOB,
    "JobSpec.backoffLimitPerIndex": _JOB,
    "JobSpec.manualSelector": _JOB,
    "JobSpec.maxFailedIndexes": _JOB,
    "JobSpec.podFailurePolicy": _JOB,
    "JobSpec.podReplacementPolicy": _JOB,
    "JobSpec.scheduling": _SCHEDULING,
    "JobSpec.selector": _JOB,
    "JobSpec.successPolicy": _JOB,
    "JobSpec.ttlSecondsAfterFinished": _JOB,
    "Endpoint.zone": "has an effect through hints only",
}

WITH_EFFECT_INSIDE = frozenset({"PodSecurityContext.sysctls"})
"""Fields to be noted all the same although the field that holds them is in the table above."""
