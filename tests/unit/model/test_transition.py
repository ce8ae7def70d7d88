"""Old pods stay until new ones are ready: who waits for whom, who lingers, and where traffic goes meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.core.names import Key
from seaway.core.origin import GENERATED
from seaway.model.defaults import default_cluster
from seaway.model.index import Model
from seaway.model.route import Gateway
from seaway.model.service import Backend, Health, Service, ServiceName, ServicePort, ServiceType
from seaway.model.transition import awaited_pods, lingering_pods, union_of_pods, with_lingering
from seaway.model.workload import Pod, PodName, Protocol, ResolvConf, Standin

OLD, NEW, OTHER = (PodName("default", name) for name in ("web-old", "web-new", "other"))


def pod(name: PodName, ip: str, owner: str = "web", *, finite: bool = False, host: bool = False) -> Pod:
    return Pod(
        name,
        *((), (), ip, "node-1", host, name.name, "", "default", (), (), ()),
        Standin(),
        ResolvConf((), (), ()),
        *((), finite, "r", Key("apps", "Deployment", "default", owner), GENERATED),
    )


def service(*backends: tuple[PodName, int], ports: tuple[str, ...] = ("http",), selects: bool = True) -> Service:
    return Service(
        ServiceName("default", "web"),
        ServiceType.CLUSTER_IP,
        *((), (), "10.96.0.1", "", (), (), ""),
        tuple(ServicePort(name, 80, Protocol.TCP, "", 0, GENERATED) for name in ports),
        *(0, False, False, False, selects),
        tuple(Backend("10.244.0.9", one, "node-1", "", (port,) * len(ports), True, GENERATED) for one, port in backends),
        *(Key("", "Service", "default", "web"), GENERATED),
    )


def model(*pods: Pod, services: tuple[Service, ...] = (), gateways: tuple[Gateway, ...] = ()) -> Model:
    return Model(default_cluster(), tuple(sorted(pods, key=lambda one: one.id)), services, gateways)


FORMER = model(pod(OLD, "10.244.0.1"))
WANTED = model(pod(NEW, "10.244.0.2"))
READY = Health(frozenset({OLD}))


class TestAwaited:
    def test_new_pods_are_awaited_until_they_are_ready(self) -> None:
        first = awaited_pods(FORMER, WANTED, READY, frozenset())
        assert first == {NEW}
        published = union_of_pods(FORMER.pods, WANTED)
        assert awaited_pods(published, WANTED, READY, first) == {NEW}, "also when they are no longer new"
        assert awaited_pods(published, WANTED, Health(frozenset({OLD, NEW})), first) == frozenset()

    @pytest.mark.parametrize(
        ("former", "wanted"),
        [
            pytest.param(FORMER, model(pod(NEW, "10.244.0.2", finite=True)), id="a Job's pod"),
            pytest.param(WANTED, WANTED, id="one that was there and has become unready"),
        ],
    )
    def test_others_are_not(self, former: Model, wanted: Model) -> None:
        assert awaited_pods(former, wanted, READY, frozenset()) == frozenset()


class TestLingering:
    @pytest.mark.parametrize(
        ("former", "wanted", "ready", "stays"),
        [
            pytest.param(FORMER, WANTED, {OLD}, True, id="ready, and its successor is not"),
            pytest.param(FORMER, WANTED, {OLD, NEW}, False, id="its successor is ready"),
            pytest.param(FORMER, WANTED, set(), False, id="not ready itself"),
            pytest.param(FORMER, model(pod(NEW, "10.244.0.2", "api")), {OLD}, False, id="another owner's pod is awaited"),
            pytest.param(FORMER, model(), {OLD}, False, id="its owner is gone"),
            pytest.param(FORMER, model(pod(NEW, "10.244.0.1")), {OLD}, False, id="its address is another's"),
            pytest.param(model(pod(OLD, "198.18.0.1", host=True)), WANTED, {OLD}, False, id="in the host's network"),
            pytest.param(FORMER, model(pod(OLD, "10.244.0.1"), pod(NEW, "10.244.0.2")), {OLD}, False, id="still wanted"),
        ],
    )
    def test_who_lingers(self, former: Model, wanted: Model, ready: set[PodName], stays: bool) -> None:
        health = Health(frozenset(ready))
        awaited = awaited_pods(former, wanted, health, frozenset())
        assert [one.id for one in lingering_pods(former, wanted, health, awaited)] == ([OLD] if stays else [])

    def test_nobody_lingers_changes_nothing(self) -> None:
        assert with_lingering(FORMER, WANTED, Health(frozenset({OLD, NEW})), frozenset()) is WANTED


class TestTraffic:
    def test_the_old_pod_stays_behind_its_service_by_its_own_port(self) -> None:
        former = replace(FORMER, services=(service((OLD, 8080)),))
        wanted = replace(WANTED, services=(service((NEW, 9090)),))
        backends = with_lingering(former, wanted, READY, frozenset({NEW})).services[0].backends
        assert [(one.pod, one.ports) for one in backends] == [(NEW, (9090,)), (OLD, (8080,))]

    def test_ports_are_found_by_name(self) -> None:
        former = replace(FORMER, services=(service((OLD, 8080), ports=("http", "admin")),))
        wanted = replace(WANTED, services=(service((NEW, 9090), ports=("metrics", "http")),))
        assert with_lingering(former, wanted, READY, frozenset({NEW})).services[0].backends[1].ports == (0, 8080)

    def test_a_service_that_selects_no_pods_or_is_new_has_none_of_them(self) -> None:
        manual = replace(WANTED, services=(service(selects=False),))
        assert with_lingering(replace(FORMER, services=(service((OLD, 1)),)), manual, READY, frozenset({NEW})).services == manual.services
        fresh = replace(WANTED, services=(service((NEW, 1)),))
        assert with_lingering(FORMER, fresh, READY, frozenset({NEW})).services == fresh.services

    def test_a_gateways_old_pods_go_on_listening(self) -> None:
        gateway = Gateway("default/web", (OLD,), None, (), "", (80,), (), (), (), (), GENERATED)
        former, wanted = replace(FORMER, gateways=(gateway,)), replace(WANTED, gateways=(replace(gateway, pods=(NEW,)),))
        assert with_lingering(former, wanted, READY, frozenset({NEW})).gateways[0].pods == (NEW, OLD)


@pytest.mark.parametrize(
    ("extra", "stays"),
    [
        pytest.param(pod(OTHER, "10.244.0.3"), True, id="another pod"),
        pytest.param(pod(NEW, "10.244.0.3"), False, id="a pod of that name"),
        pytest.param(pod(OTHER, "10.244.0.2"), False, id="a pod at that address"),
        pytest.param(pod(OTHER, "198.18.0.1", host=True), False, id="in the host's network"),
    ],
)
def test_a_departing_pod_must_not_be_in_the_way(extra: Pod, stays: bool) -> None:
    found = union_of_pods((extra,), WANTED)
    assert (extra in found.pods) is stays
    assert [one.id for one in found.pods] == sorted(one.id for one in found.pods)
