"""Words that mean a pod, for every command alike."""

from __future__ import annotations

import pytest

from seaway.model.called import answers_to
from seaway.model.workload import PodName

POD = PodName("shop", "web-5d4f8-x2x7q")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("shop/web-5d4f8-x2x7q", True, id="pod"),
        pytest.param("shop/pod/web-5d4f8-x2x7q", True, id="kind-of-pods"),
        pytest.param("shop/web", True, id="workload"),
        pytest.param("shop/deploy/web", True, id="short-kind"),
        pytest.param("shop/Deployment/web", True, id="kind-in-any-case"),
        pytest.param("shop/sts/web", False, id="another-kind"),
        pytest.param("shop/thing/web", False, id="no-kind"),
        pytest.param("shop/sa/buyer", True, id="service-account"),
        pytest.param("shop/buyer", False, id="service-account-without-its-kind"),
        pytest.param("other/web", False, id="another-namespace"),
        pytest.param("shop", False, id="namespace-alone"),
        pytest.param("shop/", False, id="no-name"),
    ],
)
def test_words(text: str, meant: bool) -> None:
    assert answers_to(text, POD, ("Deployment", "web"), "buyer") is meant
