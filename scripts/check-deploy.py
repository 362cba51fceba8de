"""Rules for the Compose file, the Dockerfile, the Kubernetes manifest and the Prometheus files.

They catch what breaks an installation and can be seen without running it: names that point nowhere, a grace period
that is shorter than the worker's, a key file that is never rotated, an alert on a metric that does not exist.
"""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
TERMINATION_GRACE = 30
FINAL_EXIT_CODES = ("4", "64")
SERVICE_KEYS = {
    "build", "cap_drop", "command", "depends_on", "deploy", "entrypoint", "environment", "healthcheck", "image",
    "ports", "read_only", "restart", "security_opt", "stop_grace_period", "volumes",
}

problems = []


def expect(condition, message):
    if not condition:
        problems.append(message)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def seconds(duration):
    match = re.fullmatch(r"(\d+)(ms|s|m|h)", str(duration))
    if not match:
        return 0
    return int(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[match[2]]


def check_worker_configuration(where, document):
    expect(isinstance(document, dict), f"{where}: the worker's configuration is not a mapping")
    for key in ("topic", "dead-letter-topic", "group", "kafka", "accounts", "health"):
        expect(key in document, f"{where}: the worker's configuration has no '{key}'")
    for name, account in document.get("accounts", {}).items():
        expect("key" not in account, f"{where}: account {name} holds its key itself")
        expect(str(account.get("key-file", "")).startswith("/"), f"{where}: account {name} has no key-file")


def check_compose():
    where = "docker-compose.yml"
    compose = yaml.safe_load(text(where))
    services, volumes = compose["services"], compose.get("volumes", {})
    expect(set(compose) <= {"name", "services", "volumes"}, f"{where}: unknown top-level keys")
    for name in ("kafka", "topics", "stub", "worker", "prometheus"):
        expect(name in services, f"{where}: there is no service {name}")
    for name, service in services.items():
        place = f"{where}: {name}"
        expect(set(service) <= SERVICE_KEYS, f"{place}: unknown keys {sorted(set(service) - SERVICE_KEYS)}")
        expect("image" in service or "build" in service, f"{place}: neither image nor build")
        expect("latest" not in service.get("image", ""), f"{place}: an image without a version")
        for other, condition in service.get("depends_on", {}).items():
            expect(other in services, f"{place}: depends on {other}, which does not exist")
            kind = condition["condition"]
            expect(
                kind in ("service_started", "service_healthy", "service_completed_successfully"),
                f"{place}: unknown condition {kind}")
            if kind == "service_healthy":
                expect("test" in services[other].get("healthcheck", {}), f"{place}: {other} has no health check")
            if kind == "service_completed_successfully":
                expect(services[other].get("restart") == "no", f"{place}: {other} would be started again")
        for port in service.get("ports", []):
            expect(port.startswith("127.0.0.1:"), f"{place}: port {port} is open to the network")
        for value in service.get("environment", {}).values():
            expect(isinstance(value, str), f"{place}: an environment value that is not text: {value}")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                expect((ROOT / source).exists(), f"{place}: {source} does not exist")
            else:
                expect(source in volumes, f"{place}: the volume {source} is not declared")
    worker = services["worker"]
    expect(seconds(worker["stop_grace_period"]) >= TERMINATION_GRACE, f"{where}: worker: stop_grace_period is too short")
    expect(worker["deploy"]["replicas"] == 2, f"{where}: worker: two replicas are wanted")

    configuration = yaml.safe_load(text("deploy/compose/worker.yaml"))
    check_worker_configuration("deploy/compose/worker.yaml", configuration)
    script = services["topics"]["command"][0]
    for option in ("topic", "dead-letter-topic"):
        expect(f"--topic {configuration[option]} " in script, f"{where}: topics: {configuration[option]} is not created")
    for topic, days in ((configuration["topic"], 7), (configuration["dead-letter-topic"], 30)):
        retention = re.search(rf"--topic {topic} .*?retention\.ms=(\d+)", script, flags=re.DOTALL)
        expect(retention and int(retention[1]) >= days * 86_400_000, f"{where}: topics: {topic}: retention is too short")
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    expect(configuration["kafka"]["bootstrap.servers"] in advertised, f"{where}: the workers' broker is not advertised")


def check_dockerfile():
    where = "Dockerfile"
    dockerfile = text(where)
    final = dockerfile[dockerfile.rindex("\nFROM "):]
    user = re.search(r"^USER (\d+)", final, flags=re.MULTILINE)
    expect(user and user[1] != "0", f"{where}: the image does not run as a numbered user other than root")
    expect("HEALTHCHECK" in final, f"{where}: no HEALTHCHECK")
    # A broker outage must not make every container unhealthy.
    expect('"--ready"' not in final, f"{where}: the HEALTHCHECK asks for readiness")
    for instruction in ("ENTRYPOINT", "CMD"):
        match = re.search(rf"^{instruction} (.*)$", final, flags=re.MULTILINE)
        try:
            expect(match and isinstance(json.loads(match[1]), list), f"{where}: {instruction} is not in exec form")
        except ValueError:
            problems.append(f"{where}: {instruction} is not in exec form")
    for package in re.findall(r"\.apt\(\[\"([^\"]+)\"\]\)", text("Package.swift")):
        expect(package in dockerfile, f"{where}: {package} of Package.swift is not installed for the build")
    for source in re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, flags=re.MULTILINE):
        expect((ROOT / source).exists(), f"{where}: {source} does not exist")
        expect(f"!{source}\n" in text(".dockerignore"), f".dockerignore: {source} does not reach the build")


def check_kubernetes():
    where = "deploy/kubernetes/revoke-worker.yaml"
    documents = {document["kind"]: document for document in yaml.safe_load_all(text(where))}
    expect({"ConfigMap", "Deployment", "PodDisruptionBudget"} <= set(documents), f"{where}: a document is missing")
    for kind, document in documents.items():
        expect(document["metadata"]["name"] == "revoke-worker", f"{where}: {kind}: another name")
    check_worker_configuration(where, yaml.safe_load(documents["ConfigMap"]["data"]["worker.yaml"]))

    spec = documents["Deployment"]["spec"]
    pod, labels = spec["template"]["spec"], spec["template"]["metadata"]["labels"]
    container = pod["containers"][0]
    for kind in ("Deployment", "PodDisruptionBudget"):
        selector = documents[kind]["spec"]["selector"]["matchLabels"]
        expect(selector.items() <= labels.items(), f"{where}: {kind}: selects no pod of the deployment")
    expect(pod["terminationGracePeriodSeconds"] >= TERMINATION_GRACE, f"{where}: the grace period is too short")
    expect(pod["enableServiceLinks"] is False, f"{where}: service links are on")
    expect(pod["securityContext"]["runAsNonRoot"] is True, f"{where}: may run as root")
    expect(container["securityContext"]["readOnlyRootFilesystem"] is True, f"{where}: the root file system is writable")
    ports = {port["name"] for port in container["ports"]}
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        get = container[probe]["httpGet"]
        expect(get["path"] == path and get["port"] in ports, f"{where}: {probe} asks elsewhere")
    volumes = {volume["name"] for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        expect(mount["name"] in volumes, f"{where}: there is no volume {mount['name']}")
        expect("subPath" not in mount, f"{where}: {mount['name']} is mounted by subPath and would never change")
    expect("env" not in container, f"{where}: a variable could hold a secret; use files")


def check_systemd():
    where = "deploy/systemd/revoke-worker.service"
    unit = dict(line.split("=", 1) for line in text(where).splitlines() if re.match(r"[A-Za-z]+=", line))
    expect(seconds(unit.get("TimeoutStopSec")) >= TERMINATION_GRACE, f"{where}: TimeoutStopSec is too short")
    # 4: fenced by another worker of the same name. 64: wrong flags or a wrong configuration. Neither ends by a restart.
    never = set(unit.get("RestartPreventExitStatus", "").split())
    for code in FINAL_EXIT_CODES:
        expect(code in never, f"{where}: the exit code {code} would start the worker again for ever")
        expect(f"\n| {code} |" in text("docs/operations.md"), f"docs/operations.md does not explain the exit code {code}")


def check_prometheus():
    configuration = yaml.safe_load(text("deploy/prometheus/prometheus.yml"))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "Sources").rglob("*.swift"))
    documented = text("docs/operations.md")
    for name in configuration["rule_files"]:
        where = f"deploy/prometheus/{name}"
        names = set()
        tested = {t for t in re.findall(r'alertname="(\w+)"', text("deploy/prometheus/alerts_test.yml"))}
        for group in yaml.safe_load(text(where))["groups"]:
            for rule in group["rules"]:
                alert = rule["alert"]
                expect(alert not in names, f"{where}: {alert} stands twice")
                names.add(alert)
                expect(alert in tested, f"deploy/prometheus/alerts_test.yml: no test lets {alert} fire")
                expect({"summary", "description"} <= set(rule["annotations"]), f"{where}: {alert}: annotations")
                expect(rule["labels"]["severity"] in ("page", "ticket"), f"{where}: {alert}: severity")
                sections = re.findall(rf"^### .*`{alert}`", documented, flags=re.MULTILINE)
                expect(len(sections) == 1, f"docs/operations.md: {len(sections)} sections tell what to do on {alert}")
                for metric in set(re.findall(r"\brevoke_worker_[a-z_0-9]+", rule["expr"])):
                    known = metric in sources or re.sub(r"_(bucket|count|sum)$", "", metric) in sources
                    expect(known, f"{where}: {alert}: the worker has no metric {metric}")


check_compose()
check_dockerfile()
check_kubernetes()
check_systemd()
check_prometheus()
for problem in problems:
    print(problem, file=sys.stderr)
sys.exit(1 if problems else 0)
