"""Replace docker in a build: images are names with a digest in the file of the fake gcloud.

A tag that the registry has is not pushed again. Containers do not run, except for the migrations: these are applied to
an embedded store beside the file. Pushes and a container's work on Spanner need the roles that Google's documents name.
"""

import fcntl
import hashlib
import marshal
import os
import subprocess
import sys

MIGRATION = ["python", "-m", "schemas.database.migrate"]
# It looks up the instance, then changes its database.
ROLES = ["roles/spanner.viewer", "roles/spanner.databaseAdmin"]


def need(world, role, what):
    if role not in world["roles"]:
        raise SystemExit(f"ERROR: (docker {what}) PERMISSION_DENIED: {role} is missing")


def value(arguments, option):
    return arguments[arguments.index(option) + 1]


def act(world, arguments):
    """Execute a command; returns its output."""
    match arguments:
        case ["build", *_]:
            tag = value(arguments, "--tag")
            made = f"{tag} build {len(world['built'])}"  # a second build has other bytes
            world["built"][tag] = "sha256:" + hashlib.sha256(made.encode()).hexdigest()
        case ["push", *_, tag]:
            need(world, "roles/artifactregistry.writer", "push")
            if tag in world["registry"]:
                raise SystemExit(f"ERROR: (docker push) tag {tag} is immutable")
            world["registry"][tag] = world["built"][tag]
        case ["inspect", *_, tag]:
            return f"{tag.rpartition(':')[0]}@{world['registry'][tag]}\n"
        case ["run", *options]:
            return run(world, options)
        case ["logs", _]:
            pass
        case _:
            raise SystemExit(f"ERROR: unknown command {arguments}")
    return ""


def run(world, options):
    image = next((word for word in options if word in world["built"]), "")
    digests = {f"{tag.rpartition(':')[0]}@{digest}" for tag, digest in world["registry"].items()}
    pulled = next((word for word in options if word in digests), "")
    if not image and not pulled and not any("emulator" in word for word in options):
        raise SystemExit(f"ERROR: (docker run) there is no such image: {options}")
    if options[-3:] == MIGRATION and pulled:
        for role in ROLES:
            need(world, role, "run migrate")
        done = subprocess.run(
            [os.environ["REAL_PYTHON"], *MIGRATION[1:]],
            env=embedded(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        world["migrated"].append(done.stdout.split())
    return ""


def embedded():
    file = os.environ["FAKE_GCLOUD"] + ".sqlite"
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH")}
    return kept | {"EMBEDDED": "spanner", "EMBEDDED_FILE": file}


def main(arguments):
    with open(os.environ["FAKE_GCLOUD"], "r+b") as file:  # noqa: PTH123 - pathlib would double the start
        fcntl.flock(file, fcntl.LOCK_EX)
        world = marshal.load(file)  # noqa: S302 - its own
        world["calls"].append(f"docker {' '.join(arguments)}")
        answer = act(world, arguments)
        file.seek(0)
        file.truncate()
        marshal.dump(world, file)
    sys.stdout.write(answer)


main(sys.argv[1:])
