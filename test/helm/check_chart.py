"""Checks rendered charts: Kubernetes' own schemas, and what every object of this chart must be like.

Usage: check_chart.py FOLDER, with one YAML file for each set of values.
"""

import subprocess
import sys
import tempfile
from collections.abc import ItemsView, Iterator
from pathlib import Path

import fakeredis
import kubernetes_validate
import yaml

# The oldest and the newest version that the validator knows.
VERSIONS = ("1.35", "1.37")
CUSTOM = {"ServiceMonitor", "PrometheusRule", "ScaledObject", "ScaledJob"}
EXPECTED = {
    "default": "ConfigMap NetworkPolicy Pod PodDisruptionBudget Service Service ServiceAccount StatefulSet",
    "hpa": "ConfigMap ConfigMap HorizontalPodAutoscaler NetworkPolicy Pod PodDisruptionBudget "
    "PrometheusRule Service Service ServiceAccount ServiceMonitor StatefulSet",
    "keda": "ConfigMap Deployment Pod PodDisruptionBudget ScaledObject Service",
    "gpu": "ConfigMap NetworkPolicy Pod PodDisruptionBudget Service Service ServiceAccount StatefulSet",
    "gpu-pool": "ConfigMap NetworkPolicy Pod PodDisruptionBudget Service Service ServiceAccount StatefulSet",
    "queue": "ConfigMap Deployment NetworkPolicy NetworkPolicy Pod ScaledJob Service ServiceAccount",
    "shot-list": "ConfigMap Deployment Job NetworkPolicy NetworkPolicy Pod Service ServiceAccount",
    "shot": "ConfigMap Deployment Job NetworkPolicy NetworkPolicy Pod Service ServiceAccount",
}

# Seconds for which the service keeps a job after its end.
DEFAULT_JOB_TTL = 3600

Object = dict


def pod_templates(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod that the objects make: a name for messages, and `metadata` with `spec`."""
    for thing in objects:
        name = f"{thing['kind']}/{thing['metadata']['name']}"
        if thing["kind"] == "Pod":
            yield name, thing
        elif thing["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, thing["spec"]["template"]
        elif thing["kind"] == "ScaledJob":
            yield name, thing["spec"]["jobTargetRef"]["template"]


def check_restricted(name: str, spec: Object) -> None:
    """The `restricted` profile of the pod security standards, and a read-only root file system."""
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        assert not spec.get(key), f"{name}: {key}"
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        assert kinds <= {"configMap", "emptyDir", "persistentVolumeClaim", "secret", "projected"}, f"{name}: {kinds}"
    pod = spec["securityContext"]
    assert pod["runAsNonRoot"] is True and pod["runAsUser"] > 0, f"{name}: {pod}"
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, f"{name}: {pod}"
    assert spec["automountServiceAccountToken"] is False, name
    for container in spec["containers"] + spec.get("initContainers", []):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["readOnlyRootFilesystem"] is True, name
        assert context["runAsNonRoot"] is True and context.get("runAsUser") != 0, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert not context.get("privileged"), name
        assert all("hostPort" not in port for port in container.get("ports", [])), name


def check_containers(name: str, spec: Object) -> None:
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    # Of a claim of a stateful set, which is no volume of the template.
    claimed = {"data"}
    for container in spec["containers"]:
        assert not container["image"].endswith((":latest", ":")), f"{name}: {container['image']}"
        for kind in ("requests", "limits"):
            assert {"cpu", "memory"} <= set(container["resources"][kind]), f"{name}: {kind}"
        mounts = {mount["name"] for mount in container.get("volumeMounts", [])} - claimed
        assert mounts == (volumes if container is spec["containers"][0] else mounts), f"{name}: {mounts}"
        script = container.get("command", ["", "", ""])
        assert script[0] != "sh" or subprocess.run(["sh", "-n", "-c", script[2]]).returncode == 0, name


def check_deployment(deployment: Object, settings: dict[str, str], has_autoscaler: bool) -> None:
    spec = deployment["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert ("replicas" in spec) != has_autoscaler, "either the chart or an autoscaler sets the replicas"
    probes = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    assert probes == {
        "startup": "/healthz/startup",
        "readiness": "/healthz/ready",
        "liveness": "/healthz/live",
    }, probes
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 120
    sleep = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = pod["terminationGracePeriodSeconds"]
    assert grace > sleep + int(settings["QUIETFRAME_DRAIN"]), grace
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert ports.pop("http") == settings["QUIETFRAME_PORT"]
    assert ports.pop("grpc", None) == settings.get("QUIETFRAME_GRPC_PORT") and not ports
    assert (
        "QUIETFRAME_MODELS" not in settings
        or {"name": "models", "mountPath": "/models", "readOnly": True} in (container["volumeMounts"])
    )


def check_selectors(objects: list[Object], labels: dict[str, str]) -> None:
    """Whatever selects pods selects those of the deployment, and no others."""
    selectors = {
        "Deployment": lambda spec: spec["selector"]["matchLabels"],
        "StatefulSet": lambda spec: spec["selector"]["matchLabels"],
        "Service": lambda spec: spec["selector"],
        "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
        "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
    }
    others = [template["metadata"]["labels"] for _, template in pod_templates(objects)]
    others.remove(labels)
    for thing in objects:
        if thing["kind"] not in selectors or thing["metadata"]["name"].endswith("-shot"):
            continue
        selector = selectors[thing["kind"]](thing["spec"])
        assert selector and selector.items() <= labels.items(), thing["kind"]
        assert not any(selector.items() <= other.items() for other in others), thing["kind"]


def check_persistence(workload: Object, settings: dict[str, str]) -> None:
    """Frames and jobs are on a volume that a pod gets again, and fit it."""
    spec = workload["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    (container,) = spec["template"]["spec"]["containers"]
    mount = next(mount for mount in container["volumeMounts"] if mount["name"] == claim["metadata"]["name"])
    for folder in ("QUIETFRAME_SPOOL", "QUIETFRAME_JOB_FOLDER"):
        assert settings[folder].startswith(mount["mountPath"] + "/"), settings[folder]
    size = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 2**30
    assert int(settings["QUIETFRAME_SPOOL_SIZE"]) < size
    assert spec["serviceName"].endswith("-pods")


def check_affinity(objects: list[Object], workload: Object, settings: dict[str, str]) -> None:
    """Clients of jobs stay at the pod that knows their jobs for as long as it keeps them, however many pods there are."""
    services = [thing["spec"] for thing in objects if thing["kind"] == "Service"]
    (service,) = (spec for spec in services if spec.get("clusterIP") != "None")
    assert service["sessionAffinity"] == "ClientIP"
    timeout = service["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
    assert timeout >= int(settings.get("QUIETFRAME_JOB_TTL", DEFAULT_JOB_TTL)), timeout
    # Autoscalers set the replicas themselves.
    assert workload["spec"].get("replicas", 1) <= 1, "only the pod that took a job knows it"


def check_memory(workload: Object, settings: dict[str, str]) -> None:
    """The process may take what the container has, and no more."""
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    limit = int(container["resources"]["limits"]["memory"].removesuffix("Gi")) * 2**30
    assert int(settings["QUIETFRAME_MEMORY"]) <= limit


def check_spread(name: str, template: Object, expected: list[Object]) -> None:
    """The pods are spread as the values say, counting the pods of their own kind."""
    labels = template["metadata"]["labels"]
    constraints = template["spec"]["topologySpreadConstraints"]
    for constraint in constraints:
        selector = constraint["labelSelector"]["matchLabels"]
        assert selector.items() <= labels.items() and "app.kubernetes.io/component" in selector, f"{name}: {selector}"
    found = [{key: value for key, value in constraint.items() if key != "labelSelector"} for constraint in constraints]
    assert found == expected, f"{name}: {found}"


def spread(keys: list[str], skew: int = 1, otherwise: str = "ScheduleAnyway") -> list[Object]:
    return [{"topologyKey": key, "maxSkew": skew, "whenUnsatisfiable": otherwise} for key in keys]


SPREAD = {
    "queue": spread(["kubernetes.io/hostname"], 2, "DoNotSchedule"),
    "gpu-pool": spread(["kubernetes.io/hostname"]),
}
USUAL_SPREAD = spread(["topology.kubernetes.io/zone", "kubernetes.io/hostname"])


def pod_labels(workload: Object) -> ItemsView[str, str]:
    return workload["spec"]["template"]["metadata"]["labels"].items()


def check_shot_policy(objects: list[Object], egress: list[Object]) -> None:
    """The pods of a shot are selected by a policy that lets nothing in, and nothing out but what the values name."""
    (template,) = (template for name, template in pod_templates(objects) if name.startswith(("Job/", "ScaledJob/")))
    labels = template["metadata"]["labels"]
    policies = [thing["spec"] for thing in objects if thing["kind"] == "NetworkPolicy"]
    (policy,) = (spec for spec in policies if spec["podSelector"]["matchLabels"].items() <= labels.items())
    assert policy["policyTypes"] == ["Ingress", "Egress"] and policy["ingress"] == [] and policy["egress"] == egress


def words_of(container: Object, environment: dict[str, str], replaced: dict[str, str]) -> list[str]:
    """What a container's shell would call `quietframe` with."""
    script = container["command"][2].replace("exec quietframe", "echo")
    for text, other in replaced.items():
        script = script.replace(text, other)
    command = [*container["command"][:2], script, *container["command"][3:]]
    return subprocess.check_output(
        command, env={**environment, "PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE, text=True
    ).split()


def check_shot(job: Object, frames: str, completions: int, options: list[str]) -> None:
    """The indices are all parts of the frames, each once."""
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert spec["completionMode"] == "Indexed" and spec["template"]["spec"]["restartPolicy"] == "Never"
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env["FRAMES"] == frames and spec["completions"] == completions, spec
    for index in range(completions):
        words = words_of(container, {**env, "JOB_COMPLETION_INDEX": str(index)}, {})
        assert words[:4] == ["sequence", env["INPUT"], "--output", env["OUTPUT"]], words
        assert f"--frames {frames} --chunk {index + 1}/{completions}" in " ".join(words), words
        assert words[len(words) - len(options) :] == options, words
    assert 1 <= spec["parallelism"] <= completions


def check_queue(scaled: Object) -> None:
    """A pod denoises the entry that it takes, and a second pod of a job takes the same one."""
    spec = scaled["spec"]
    kubernetes_job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": spec["jobTargetRef"]}
    for version in VERSIONS:
        kubernetes_validate.validate(kubernetes_job, version, strict=True)
    assert spec["triggers"][0]["type"] == "redis" and spec["maxReplicaCount"] == 20
    pod = spec["jobTargetRef"]["template"]["spec"]
    (take,), (container,) = pod["initContainers"], pod["containers"]
    server = fakeredis.FakeRedis(decode_responses=True)
    entries = ["/shot/a.####.exr /shot/b.####.exr 1-9x2,12", "/shot/c.*.exr /shot/d.#.exr 3"]
    server.rpush("shots", *entries)

    def taken_by(job: str) -> str:
        script, count, *keys = take["command"][take["command"].index("EVAL") + 1 :]
        return server.eval(script, int(count), *(key.replace("$(JOB_NAME)", job) for key in keys)) or ""

    assert [taken_by(job) for job in ("one", "two", "one", "three")] == [*entries, entries[0], ""]

    def words_for(entry: str) -> list[str]:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(f"{entry}\n")
            file.flush()
            return words_of(container, {}, {"/task/entry": file.name})

    assert words_for(entries[0]) == (
        "sequence /shot/a.####.exr --output /shot/b.####.exr --frames 1-9x2,12 --aovs all".split()
    )
    assert words_for(entries[1])[1:4] == ["/shot/c.*.exr", "--output", "/shot/d.#.exr"]
    assert "sequence" not in words_for("")
    for wrong in ("/shot/a.####.exr /shot/b.####.exr", "/a.#.exr /b.#.exr 1-9 --force"):
        try:
            words_for(wrong)
        except subprocess.CalledProcessError as error:
            assert error.returncode == 2
        else:
            raise AssertionError(wrong)


def check(path: Path) -> int:
    objects = [thing for thing in yaml.safe_load_all(path.read_text()) if thing is not None]
    kinds = " ".join(sorted(thing["kind"] for thing in objects))
    assert kinds == EXPECTED[path.stem], f"{path.stem}: {kinds}"
    for thing in objects:
        if thing["kind"] not in CUSTOM:
            for version in VERSIONS:
                kubernetes_validate.validate(thing, version, strict=True)
        assert len(thing["metadata"]["name"]) <= 63
    for name, template in pod_templates(objects):
        check_restricted(f"{path.stem}: {name}", template["spec"])
        check_containers(f"{path.stem}: {name}", template["spec"])
    by_kind = {thing["kind"]: thing for thing in objects}
    (settings,) = (thing["data"] for thing in objects if "QUIETFRAME_PORT" in thing.get("data", {}))
    assert all(isinstance(value, str) and "e+" not in value for value in settings.values()), settings
    has_autoscaler = bool({"HorizontalPodAutoscaler", "ScaledObject"} & set(by_kind))
    workload = by_kind.get("StatefulSet") or by_kind["Deployment"]
    check_deployment(workload, settings, has_autoscaler)
    check_memory(workload, settings)
    check_affinity(objects, workload, settings)
    if workload["kind"] == "StatefulSet":
        check_persistence(workload, settings)
    scaler = by_kind.get("HorizontalPodAutoscaler") or by_kind.get("ScaledObject")
    assert scaler is None or scaler["spec"]["scaleTargetRef"]["kind"] == workload["kind"]
    check_selectors(objects, workload["spec"]["template"]["metadata"]["labels"])
    if path.stem == "gpu":
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == 2 and container["image"].endswith("-cuda")
    policies = [thing["spec"] for thing in objects if thing["kind"] == "NetworkPolicy"]
    service = [policy for policy in policies if policy["podSelector"]["matchLabels"].items() <= pod_labels(workload)]
    has_webhooks = path.stem == "hpa"
    assert all(bool(policy["egress"]) == has_webhooks for policy in service), service
    assert ("QUIETFRAME_WEBHOOK_HOSTS" in settings) == has_webhooks
    if path.stem == "hpa":
        assert settings["QUIETFRAME_WEBHOOK_HOSTS"] == "kitsu.studio.example,10.1.0.0/16"
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert settings["QUIETFRAME_WEBHOOK_SECRET_FILE"].startswith(mounts["webhooks"] + "/")
        assert by_kind["PrometheusRule"]["spec"]["groups"][0]["rules"]
        metrics = {metric["type"] for metric in by_kind["HorizontalPodAutoscaler"]["spec"]["metrics"]}
        assert metrics == {"Resource", "Pods"}
    for name, template in pod_templates(objects):
        if "topologySpreadConstraints" in template["spec"] or not name.startswith("Pod/"):
            check_spread(f"{path.stem}: {name}", template, SPREAD.get(path.stem, USUAL_SPREAD))
    if path.stem == "gpu-pool":
        pod = workload["spec"]["template"]["spec"]
        assert (
            pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1 and pod["runtimeClassName"] == "nvidia"
        )
        assert pod["nodeSelector"] and pod["tolerations"][0]["key"] == "nvidia.com/gpu"
    if path.stem == "shot":
        check_shot(by_kind["Job"], "1001-1096", 10, ["--aovs", "all"])
        check_shot_policy(objects, [])
    if path.stem == "shot-list":
        check_shot(by_kind["Job"], "1001-1096x3,1200,0900-0891", 4, [])
        check_shot_policy(objects, [])
    if path.stem == "queue":
        check_queue(by_kind["ScaledJob"])
        redis = {"podSelector": {"matchLabels": {"app": "redis"}}}
        check_shot_policy(objects, [{"to": [redis], "ports": [{"port": 6379}]}])
    return len(objects)


files = sorted(Path(sys.argv[1]).glob("*.yaml"))
assert {file.stem for file in files} == set(EXPECTED), files
count = sum(check(file) for file in files)
print(f"{count} objects of {len(files)} sets of values are as they must be")
