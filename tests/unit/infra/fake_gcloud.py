"""Stands in for gcloud: Cloud Run's services in a JSON file, each call recorded, failures where the test wants them.

FAKE_GCLOUD     the file
faults          [{"match": regular expression, "after": calls, "times": n, "how": "fail" | "late" | "kill"}]
                fail: nothing is done; late: it is done and reported as failed; kill: the caller dies, not this call
"""

import fcntl
import marshal
import os
import signal
import sys


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
            return ""
        case ["run", "services", "update-traffic"]:
            one = here[arguments[3]]
            shares = dict(part.split("=") for part in option(arguments, "--to-revisions").split(","))
            if set(shares) - set(one["revisions"]):
                raise SystemExit("ERROR: no such revision")
            one["traffic"] = {name: int(share) for name, share in shares.items()}
            return ""
        case ["auth", *_]:
            return "token\n"
    raise SystemExit(f"ERROR: unknown command {arguments}")


def service(name, one):
    traffic = [{"revisionName": r, "percent": share} for r, share in one["traffic"].items()]
    if one["tag"]:
        traffic.append({"revisionName": one["tag"], "tag": "canary"})
    return {"metadata": {"name": name}, "status": {"traffic": traffic}}


def revision(name, revision_name, one):
    labels = {"serving.knative.dev/service": name, **one["labels"]}
    ready = "True" if one["ready"] else "False"
    return {
        "metadata": {"name": revision_name, "labels": labels},
        "spec": {"containers": [{"image": one["image"]}]},
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
    }
    one["tag"] = made


def main(arguments):
    with open(os.environ["FAKE_GCLOUD"], "r+b") as file:  # noqa: PTH123 - pathlib would double the start
        fcntl.flock(file, fcntl.LOCK_EX)
        world = marshal.load(file)  # noqa: S302 - its own
        line = " ".join(arguments)
        world["calls"].append(line)
        how = fault(world, line)
        answer = act(world, arguments) if how in ("", "late") else ""
        file.seek(0)
        file.truncate()
        marshal.dump(world, file)
        file.flush()
        if how == "kill":
            os.kill(os.getppid(), signal.SIGKILL)
    if how:
        raise SystemExit("ERROR: (gcloud) injected")
    sys.stdout.write(answer)


main(sys.argv[1:])
