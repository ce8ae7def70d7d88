"""Other paths, as fields of Envoy's RouteAction and RedirectAction."""

from __future__ import annotations

from seaway.model.route import Rewrite, RewritePrefix
from seaway.plans.envoy.proto import Fields


def path_rewrite(rewrite: Rewrite | RewritePrefix | None) -> Fields:
    match rewrite:
        case Rewrite(pattern, substitution):
            return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": substitution}}
        case RewritePrefix(text):
            return {"prefix_rewrite": text}
        case None:
            return {}
