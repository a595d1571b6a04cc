"""Nothing is let in or out but what is named."""

from tests.deploy.manifests import CAREER_SERVICES, SERVICES, Object, Overlay, Workload


def selects(selector: Object, workload: Workload) -> bool:
    labels: dict[str, str] = selector.get("matchLabels", {})
    listed = all(workload.labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", []))
    return listed and labels.items() <= workload.labels.items()


def may_reach(built: Overlay, source: Workload, target: Workload, port: str | int) -> bool:
    """Tell whether a policy lets `source` out to `target` and one lets it in there."""
    policies = [each["spec"] for each in built.of("NetworkPolicy").values()]

    def allowed(rules: list[Object], side: str, other: Workload) -> bool:
        return any(
            port_matches(rule, port, target)
            and (
                side not in rule
                or any(
                    "podSelector" in peer and selects(peer["podSelector"], other) and "namespaceSelector" not in peer
                    for peer in rule[side]
                )
            )
            for rule in rules
        )

    leaves = [rule for each in policies if selects(each["podSelector"], source) for rule in each.get("egress", [])]
    enters = [rule for each in policies if selects(each["podSelector"], target) for rule in each.get("ingress", [])]
    return allowed(leaves, "to", target) and allowed(enters, "from", source)


def port_matches(rule: Object, port: str | int, target: Workload) -> bool:
    named = {each["name"]: each["containerPort"] for each in target.pod["containers"][0].get("ports", [])}
    number = named.get(str(port), port)
    for each in rule["ports"]:
        first = named.get(each["port"], each["port"])
        if first == number or (isinstance(first, int) and first <= int(number) <= each.get("endPort", first)):
            return True
    return False


def for_services(target: Workload) -> str:
    """Return the port at which other services call `target`."""
    names = {port["name"] for port in target.pod["containers"][0]["ports"]}
    return "services" if "services" in names else "grpc"


def by_name(built: Overlay) -> dict[str, Workload]:
    return {workload.name: workload for workload in built.workloads()}


def test_without_a_policy_that_says_otherwise_nothing_passes(built: Overlay) -> None:
    deny = built.of("NetworkPolicy")["deny-all"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_services_reach_each_other_and_jobs_reach_no_job(built: Overlay) -> None:
    pods = by_name(built)
    for source in CAREER_SERVICES:
        for target in CAREER_SERVICES:
            assert may_reach(built, pods[source], pods[target], for_services(pods[target]))
    for port in ("grpc", for_services(pods["skills"])):
        assert not may_reach(built, pods["topics"], pods["skills"], port)
        assert not may_reach(built, pods["graph-migration"], pods["skills"], port)


def test_only_pods_of_this_namespace_are_let_in_where_certificates_make_a_service(production: Overlay) -> None:
    policies = [each["spec"] for each in production.of("NetworkPolicy").values()]
    rules = [rule for policy in policies for rule in policy.get("ingress", [])]
    opened = [rule for rule in rules if any(port["port"] == "services" for port in rule["ports"])]
    assert [list(peer) for rule in opened for peer in rule["from"]] == [["podSelector"]]


def test_no_pod_reaches_planning_but_a_portal_s_and_it_reaches_profiles(built: Overlay) -> None:
    pods = by_name(built)
    for name, pod in pods.items():
        assert not may_reach(built, pod, pods["planning"], "grpc"), name
    assert may_reach(built, pods["planning"], pods["profiles"], for_services(pods["profiles"]))
    entering = [
        peer
        for each in built.of("NetworkPolicy").values()
        if selects(each["spec"]["podSelector"], pods["planning"])
        for rule in each["spec"].get("ingress", [])
        for peer in rule["from"]
    ]
    assert entering == [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "portal"}}},
        {"namespaceSelector": {"matchLabels": {"careweave/portal": "yes"}}},
    ]


def test_the_database_of_declarations_is_reached_by_planning_alone(production: Overlay) -> None:
    leaving = {
        name: [pod.name for pod in production.workloads() if selects(each["spec"]["podSelector"], pod)]
        for name, each in production.of("NetworkPolicy").items()
        for rule in each["spec"].get("egress", [])
        if any(port["port"] == 5432 for port in rule["ports"])
    }
    assert leaving == {"use-equality": ["planning"]}


def test_what_loads_reaches_services_and_nothing_else(built: Overlay) -> None:
    pods = by_name(built)
    loader = pods.get("sample-place") or pods["taxonomies"]
    assert all(may_reach(built, loader, pods[name], for_services(pods[name])) for name in CAREER_SERVICES)
    for engine, port in (("neo4j", "bolt"), ("kafka", "kafka")):
        assert engine not in pods or not may_reach(built, loader, pods[engine], port)


def test_in_the_demo_engines_are_reached_by_those_that_use_them(demo: Overlay) -> None:
    pods = by_name(demo)
    reaches = {
        engine: {name for name, pod in pods.items() if may_reach(demo, pod, pods[engine], port)}
        for engine, port in (("neo4j", "bolt"), ("kafka", "kafka"))
    }
    assert reaches == {"neo4j": {*SERVICES, "graph-migration"}, "kafka": {*SERVICES, "topics"}}


def test_the_demo_s_pods_leave_the_namespace_for_names_alone(demo: Overlay) -> None:
    for name, policy in demo.of("NetworkPolicy").items():
        for rule in policy["spec"].get("egress", []):
            outside = any("namespaceSelector" in peer or "ipBlock" in peer for peer in rule.get("to", [{"ipBlock": 0}]))
            assert outside == (name == "look-up-names"), name
