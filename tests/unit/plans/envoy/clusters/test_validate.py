"""What we plan, Envoy accepts: every feature of a treatment, alone and together, through `envoy --mode validate`.

Mutual TLS of the mesh is not among them: its certificates are fetched on demand, which a static configuration cannot hold.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from itertools import chain

import pytest

from seaway.core.errors import DriverError
from seaway.drivers.envoy.binary import find_envoy
from seaway.model.locality import Locality
from seaway.model.upstream import (
    AppProtocol,
    ConsistentHash,
    Distribute,
    Ejection,
    FixedEndpoint,
    FromRequest,
    HashBy,
    Keepalive,
    LocalityBalancing,
    OriginalDestination,
    OriginateTls,
    Passthrough,
    Pool,
    Resolved,
    Simple,
    UpstreamId,
    Warmup,
)
from seaway.plans.envoy.clusters.plan import plan_cluster, plan_upstream_secrets
from seaway.plans.envoy.site import Site
from seaway.plans.envoy.static import render_static

HASH = HashBy("source")
NAMED = (FixedEndpoint("db.example.org", 5432, 3, "eu/eu-1"), FixedEndpoint("192.0.2.1", 5432, 1, "us"))
POOL = Pool(
    100,
    50,
    60,
    7,
    10,
    0.25,
    30,
    30,
    600,
    Keepalive(3, 10, 5),
    upgrade_http2=True,
    max_concurrent_streams=5,
    http2_keepalive=(30, 5),
    retry_budget=(20, 3),
)
EJECTION = Ejection(3, 2, 4, True, 0.5, 600, None, 100, 40, (429, 500))


@pytest.fixture(scope="module")
def treatments(certificate):
    tls = OriginateTls(certificate, "a.example", ("a.example", "192.0.2.1", "spiffe://a/b"), False, certificate.chain)
    return [
        *({"balancing": one} for one in (*Simple, Passthrough(), ConsistentHash(HASH), ConsistentHash(HASH, 1024, 65537))),
        *({"balancing": one, "warmup": Warmup(30, 0, 1.5)} for one in (Simple.ROUND_ROBIN, Simple.LEAST_REQUEST)),
        *({"protocol": one} for one in AppProtocol),
        *({"protocol": one, "pool": Pool(client_protocol=True)} for one in AppProtocol),
        *({"endpoints": one} for one in (OriginalDestination(), Resolved(NAMED), Resolved(NAMED[:1], True), Resolved(()))),
        {"pool": POOL, "ejection": EJECTION},
        {"locality": LocalityBalancing(True, (Distribute("eu/*", (("eu", 60), ("us", 40))),)), "endpoints": Resolved(NAMED)},
        {"locality": LocalityBalancing(True, failover=(("eu", "us"),)), "ejection": EJECTION, "endpoints": Resolved(NAMED)},
        {"protection": OriginateTls(), "endpoints": FromRequest()},
        {"protection": tls, "proxy_protocol": 2},
        {"protection": OriginateTls(verify=False, match_host=False), "proxy_protocol": 1},
        {"endpoints": FromRequest()},
        {"pool": POOL, "ejection": EJECTION, "protection": tls, "balancing": Simple.ROUND_ROBIN, "warmup": Warmup(60), "proxy_protocol": 2},
    ]


def test_envoy_takes_them(treatments, upstream, tmp_path):
    try:
        envoy = find_envoy()
    except DriverError as error:
        pytest.skip(error.message)
    site = Site("node-1", Locality("eu", "eu-1"))
    made = [replace(upstream(**words), id=UpstreamId("web", number)) for number, words in enumerate(treatments, 1)]
    secrets = {one.name: one for one in chain.from_iterable(map(plan_upstream_secrets, made))}
    configuration = tmp_path / "envoy.json"
    configuration.write_text(render_static((*(plan_cluster(one, site) for one in made), *secrets.values())))
    argv = [str(envoy), "--mode", "validate", "-c", str(configuration), "--disable-hot-restart", "-l", "warn"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert (run.returncode, run.stderr) == (0, "")
