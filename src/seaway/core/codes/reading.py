"""Mistakes found while files are read as Kubernetes objects (NET01xx)."""

from __future__ import annotations

from seaway.core.finding import Code, Severity

YAML_SYNTAX = Code(
    "NET0101",
    Severity.ERROR,
    "not valid YAML: {problem}",
    "The document cannot be read, so its objects do not exist; the other documents of the file are not affected.",
    "{advice}",
)
DUPLICATE_KEY = Code(
    "NET0102",
    Severity.ERROR,
    "key {key} is given twice: here and on line {first}",
    "Kubernetes refuses it, and which of the two was meant cannot be known.",
    "Remove one of them, or merge their values.",
)
NOT_UTF8 = Code(
    "NET0103",
    Severity.ERROR,
    "not text in {encoding}: {problem}",
    "YAML is Unicode text; bytes of another encoding have no meaning in it.",
    "Save the file as UTF-8.",
)
CONTROL_CHARACTER = Code(
    "NET0104",
    Severity.ERROR,
    "control character {character} in the text",
    "YAML does not allow it, not even in quotes.",
    'Remove it; where it is wanted, write it as an escape in double quotes, such as "\\u0000".',
)
TOO_DEEP = Code(
    "NET0105",
    Severity.ERROR,
    "nested deeper than {limit} levels",
    "No Kubernetes object is that deep; reading on would cost memory for nothing.",
    "Check the brackets or the indentation around this place.",
)
ALIAS_EXPANSION = Code(
    "NET0106",
    Severity.ERROR,
    "aliases expand to more than {limit} values",
    "Aliases that hold aliases grow beyond any memory; Kubernetes refuses such documents too.",
    "Write the values out, or use fewer aliases.",
)
TOO_BIG = Code(
    "NET0107",
    Severity.ERROR,
    "{size} is more than the limit of {limit} for one file",
    "Kubernetes itself takes no object above 1.5 MB, so a file of this size is hardly a manifest.",
    "Split the file, or move what is no manifest out of the folder.",
)
BAD_SEPARATOR = Code(
    "NET0108",
    Severity.ERROR,
    "`{line}` does not separate documents",
    "Only `---` alone, or followed by a space, starts a new document; the text around this line is read as two documents.",
    "Write `---` on a line of its own.",
)
BAD_VALUE = Code(
    "NET0109",
    Severity.ERROR,
    "a value that Kubernetes cannot read: {problem}",
    "YAML can say more than JSON, and Kubernetes keeps objects as JSON.",
    "Put the value in quotes if it is meant as text.",
)

NOT_AN_OBJECT = Code(
    "NET0110",
    Severity.ERROR,
    "{found} where a Kubernetes object is expected",
    "An object is a mapping with apiVersion, kind and metadata.",
    "Remove the document, or write the object out.",
)
NOT_KUBERNETES = Code(
    "NET0111",
    Severity.WARNING,
    "not a Kubernetes object: it has neither apiVersion nor kind",
    "It is passed over; `kubectl apply` would refuse it.",
    "Move the file out of the folder, or add apiVersion and kind.",
)
MISSING_IDENTITY = Code(
    "NET0112",
    Severity.ERROR,
    "no {field}{where}",
    "Without it nobody can tell which object this is.",
    "Add {to_add}{suggestion}.",
)
UNKNOWN_KIND = Code(
    "NET0113",
    Severity.ERROR,
    "Kubernetes has no kind {kind} in {api_version}{suggestion}",
    "The API server would refuse the object; it is not loaded.",
    "Correct the kind; kinds are written in CamelCase.",
)
OLD_API_VERSION = Code(
    "NET0114",
    Severity.ERROR,
    "{api_version} {kind} is not served any more: it was removed in Kubernetes {removed}",
    "No supported cluster would take the object; it is not loaded.",
    "Write `apiVersion: {served}`, and check the fields: {advice}",
)
UNKNOWN_API_VERSION = Code(
    "NET0115",
    Severity.ERROR,
    "{kind} is not in {api_version}: it is served as {served}",
    "The API server would refuse the object; it is not loaded.",
    "Write `apiVersion: {served}`.",
)
INVALID_NAME = Code(
    "NET0116",
    Severity.ERROR,
    "{field} {value!r} is not a valid name",
    "The API server would refuse the object; it is not loaded.",
    "Use {rule}{suggestion}.",
)

UNKNOWN_FIELD = Code(
    "NET0120",
    Severity.ERROR,
    "{kind} has no field {field}{suggestion}",
    "`kubectl apply` refuses an object with a field that does not exist; it is not loaded.",
    "{advice}",
)
WRONG_TYPE = Code(
    "NET0121",
    Severity.ERROR,
    "{field} must be {expected}, not {found}",
    "The API server would refuse the object; it is not loaded.",
    "{advice}",
)
MISSING_FIELD = Code(
    "NET0122",
    Severity.ERROR,
    "{field} is missing",
    "{kind} requires it; the API server would refuse the object, and it is not loaded.",
    "Add it.",
)
NOT_BASE64 = Code(
    "NET0123",
    Severity.ERROR,
    "{field} is not base64",
    "Values under this field are base64; the API server would refuse the object, and it is not loaded.",
    "{advice}",
)
NOT_HONOURED = Code(
    "NET0124",
    Severity.NOTE,
    "{kind} {field} is accepted by Kubernetes, and has no effect here ({count})",
    "What it does in a cluster does not happen in this network.",
    "Nothing needs to be done if the result does not depend on it.",
)
READ_ONLY = Code(
    "NET0125",
    Severity.NOTE,
    "{kind} is read and checked, and nothing acts on it yet ({count})",
    "Traffic flows as if it were not there: what it would route, restrict or change in a cluster stays as it is.",
    "Do not take this network for proof of what it does; docs/compatibility.md says what is acted on.",
)
MESH_CONFIG_INVALID = Code(
    "NET0126",
    Severity.ERROR,
    "the mesh configuration cannot be read: {problem}",
    "Istio takes over nothing of such a configuration; here every setting of the mesh is the default.",
    "{advice}",
)
MESH_FIELD_UNKNOWN = Code(
    "NET0127",
    Severity.WARNING,
    "{kind} has no field {field}{suggestion}",
    "Istio passes over what it does not know in its mesh configuration: what the field was to change stays as it is.",
    "{advice}",
)

DUPLICATE_OBJECT = Code(
    "NET0130",
    Severity.ERROR,
    "{key} is defined twice: here and at {first}",
    "In a cluster the one that is applied last would win; here the first one stays.",
    "Remove or rename one of them.",
)
KEPT_FILE = Code(
    "NET0131",
    Severity.ERROR,
    "the last good version of {objects} keeps running: the file cannot be read as it is now",
    "Part of the file is broken, so what is missing from it may be in the broken part.",
    "Mend the errors that are shown for this file; the new version is then taken over at once.",
)
KEPT_OBJECT = Code(
    "NET0132",
    Severity.ERROR,
    "the last good version of {key} keeps running: its new version is refused",
    "A broken edit changes nothing.",
    "Mend the errors that are shown for this object; the new version is then taken over at once.",
)
HALF_WRITTEN = Code(
    "NET0133",
    Severity.WARNING,
    "still being written: {state}",
    "A file that another process has open for writing may be half of what it is to be.",
    "It is read as soon as it is closed; where that never happens, look which process holds it open (`fuser {file}`).",
)
UNREADABLE_FILE = Code(
    "NET0134",
    Severity.ERROR,
    "cannot be read: {problem}",
    "The objects in it are not known.",
    "Give read permission, or move the file out of the folder.",
)
NESTED_KUSTOMIZATION = Code(
    "NET0135",
    Severity.WARNING,
    "a kustomization inside a folder is not rendered",
    "The files beside it are read as they are, without its patches, names and generators.",
    "Give its folder as a path of its own to have it rendered: {folder}",
)
PATH_GONE = Code(
    "NET0136",
    Severity.ERROR,
    "{path} is gone; the last good version of what it held keeps running",
    "A path that was named on the command line is expected to be there.",
    "Bring it back, or start again without it.",
)
POLLING = Code(
    "NET0137",
    Severity.NOTE,
    "changes are looked for every {period_ms} ms, because the system cannot report them: {problem}",
    "Saved files take a little longer to have their effect, and looking costs some processor time.",
    "Raise the limits: `sysctl fs.inotify.max_user_watches fs.inotify.max_user_instances`.",
)
KUSTOMIZE_FAILED = Code(
    "NET0138",
    Severity.ERROR,
    "the kustomization cannot be rendered: {problem}",
    "Its last good version keeps running.",
    "{advice}",
)
