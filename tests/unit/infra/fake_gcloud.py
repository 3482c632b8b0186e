"""Replace gcloud: Cloud Run's services in a JSON file, each call recorded, failures as the test requests them.

A call without the role that its documentation requires is refused, and so are writes beyond a minute's quota. Traffic
stays with its revisions, whatever is deployed. If the world has a registry, only images in it with the build's
signature can be deployed, and only existing versions of secrets. A lost region does not answer.

FAKE_GCLOUD     the file
registry        digests by tag; signed: names by digest that are attested; versions: the newest one of each secret
lost            regions
roles           what the caller has been granted; PERMISSIONS says what each command needs
quota           writes that are left in this minute; refusals until a new one begins
faults          [{"match": regular expression, "after": calls, "times": n, "how": "fail" | "late" | "kill"}]
                fail: nothing is done; late: it is done and reported as failed; kill: the caller dies, not this call
"""

import fcntl
import marshal
import os
import sys

PERMISSIONS = {
    "run services list": ["roles/run.developer"],
    "run revisions list": ["roles/run.developer"],
    "run deploy": ["roles/run.developer", "roles/iam.serviceAccountUser"],
    "run services update": ["roles/run.developer", "roles/iam.serviceAccountUser"],
    "run services update-traffic": ["roles/run.developer"],
    "container binauthz attestations sign-and-create": [
        "roles/cloudkms.signerVerifier",
        "roles/binaryauthorization.attestorsViewer",
        "roles/containeranalysis.notes.attacher",
        "roles/containeranalysis.occurrences.editor",
    ],
    "auth print-identity-token": ["roles/iam.serviceAccountOpenIdTokenCreator"],
}
WRITES = ("run deploy", "run services update", "run services update-traffic")


def refuse(world, arguments):
    command = next(
        (c for c in sorted(PERMISSIONS, reverse=True) if arguments[: len(c.split())] == c.split()), ""
    )
    for role in PERMISSIONS.get(command, []):
        if role not in world["roles"]:
            raise SystemExit(f"ERROR: (gcloud.{command}) PERMISSION_DENIED: {role} is missing")
    quota = world["quota"]
    if command in WRITES and quota is not None:
        quota["left"] -= 1
        if quota["left"] < 0:
            quota["refusals"] -= 1
            if not quota["refusals"]:
                world["quota"] = {**quota, "left": quota["minute"], "refusals": 2}
            return "ERROR: (gcloud) RESOURCE_EXHAUSTED: Quota exceeded for quota metric 'Write requests'"
    return ""


def missing(world, arguments):
    """Things that the command names and that do not exist."""
    if option(arguments, "--region") in world.get("lost", ()):
        return "ERROR: (gcloud) UNAVAILABLE: the region does not answer"
    if arguments[:2] == ["run", "deploy"] and "registry" in world:
        image = option(arguments, "--image")
        if image.partition("@")[2] not in world["registry"].values():
            return f"ERROR: (gcloud.run.deploy) Image '{image}' not found"
        if image not in world["signed"]:
            return "ERROR: (gcloud.run.deploy) denied by Binary Authorization: no attestation found"
    for part in filter(None, option(arguments, "--update-secrets").split(",")):
        name, _, version = part.partition("=")[2].partition(":")
        if "versions" in world and int(version) > world["versions"].get(name, 0):
            return f"ERROR: (gcloud.run.services.update) Secret {name} has no version {version}"
    return ""


def option(arguments, name):
    return arguments[arguments.index(name) + 1] if name in arguments else ""


def fault(world, line):
    for each in world["faults"]:
        if len(world["calls"]) > each["after"] and each["times"] and each["match"] in line:
            each["times"] -= 1
            return each["how"]
    return ""


def dumps(value):
    import json

    return json.dumps(value)


def act(world, arguments):
    region = option(arguments, "--region")
    here = {key.split("/")[1]: one for key, one in world["services"].items() if key.startswith(region + "/")}
    match arguments[:3]:
        case ["run", "services", "list"]:
            return dumps([service(name, one) for name, one in here.items()])
        case ["run", "revisions", "list"]:
            return dumps(
                [revision(name, *pair) for name, one in here.items() for pair in one["revisions"].items()]
            )
        case ["run", "deploy", name]:
            deploy(here[name], name, arguments)
        case ["run", "services", "update"]:
            renew(here[arguments[3]], arguments)
        case ["run", "services", "update-traffic"]:
            one = here[arguments[3]]
            shares = dict(part.split("=") for part in option(arguments, "--to-revisions").split(","))
            if set(shares) - set(one["revisions"]):
                raise SystemExit("ERROR: no such revision")
            one["traffic"] = {name: int(share) for name, share in shares.items()}
        case ["container", "binauthz", "attestations"]:
            world["signed"].append(option(arguments, "--artifact-url"))
        case ["secrets", "versions", "add"]:
            world["versions"][arguments[3]] += 1
        case ["auth", "print-identity-token", *_]:
            assert "--include-email" in arguments, "a token without an address is nobody's"
            return "identity\n"
        case ["auth", *_]:
            return "token\n"
        case _:
            raise SystemExit(f"ERROR: unknown command {arguments}")
    return ""


def service(name, one):
    traffic = [{"revisionName": r, "percent": share} for r, share in one["traffic"].items()]
    if one["tag"]:
        traffic.append({"revisionName": one["tag"], "tag": "canary"})
    return {"metadata": {"name": name}, "status": {"traffic": traffic}}


def revision(name, revision_name, one):
    labels = {"serving.knative.dev/service": name, **one["labels"]}
    secrets = one.get("secrets", {})
    variables = [
        {"name": where, "valueFrom": {"secretKeyRef": {"name": secret, "key": version}}}
        for where, (secret, version) in secrets.items()
        if "/" not in where
    ]
    files = {where: pair for where, pair in secrets.items() if "/" in where}
    mounts = [{"name": where, "mountPath": where.rpartition("/")[0]} for where in files]
    volumes = [
        {
            "name": where,
            "secret": {"secretName": secret, "items": [{"key": v, "path": where.rpartition("/")[2]}]},
        }
        for where, (secret, v) in files.items()
    ]
    ready = "True" if one["ready"] else "False"
    return {
        "metadata": {"name": revision_name, "labels": labels},
        "spec": {
            "containers": [{"image": one["image"], "env": variables, "volumeMounts": mounts}],
            "volumes": volumes,
        },
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def deploy(one, name, arguments):
    assert "--no-traffic" in arguments
    made = f"{name}-{len(one['revisions']) + 1:05}-new"
    labels = dict(part.split("=") for part in option(arguments, "--update-labels").split(","))
    one["revisions"][made] = {
        "labels": labels,
        "ready": not one.get("sick"),
        "image": option(arguments, "--image"),
        "secrets": dict(list(one["revisions"].values())[-1].get("secrets", {})),  # the template's
    }
    one["tag"] = made


def renew(one, arguments):
    deploy(one, arguments[3], arguments)
    made = one["revisions"][one["tag"]]
    for part in option(arguments, "--update-secrets").split(","):
        where, _, secret = part.partition("=")
        made["secrets"][where] = tuple(secret.split(":"))


def main(arguments):
    """Execute a command; returns its output. Raises SystemExit with what it says if it fails."""
    with open(os.environ["FAKE_GCLOUD"], "r+b") as file:  # noqa: PTH123 - pathlib would double the start
        fcntl.flock(file, fcntl.LOCK_EX)
        world = marshal.load(file)  # noqa: S302 - its own
        line = " ".join(arguments)
        world["calls"].append(line)
        how = fault(world, line)
        refused = refuse(world, arguments) or missing(world, arguments)
        answer = act(world, arguments) if how in ("", "late") and not refused else ""
        file.seek(0)
        file.truncate()
        marshal.dump(world, file)
        file.flush()
        if how == "kill":
            import signal

            assert __name__ == "__main__", "the caller is a process of its own"
            os.kill(os.getppid(), signal.SIGKILL)
    if refused:
        raise SystemExit(refused)
    if how:
        raise SystemExit("ERROR: (gcloud) injected")
    return answer


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
