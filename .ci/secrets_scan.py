"""Check that committed files hold no secret. Usage: `secrets_scan.py [FILE …]`, by default every tracked file.

detect-secrets searches for keys and tokens with a recognisable form in all files. Outside of tests, whose keys are
made up, it also searches for random values and values named as passwords. This module searches for wallet keys. A
line that must look like a secret ends in `# pragma: allowlist secret`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from detect_secrets import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[1]
# fmt: off
FORMED = [{"name": f"{name}Detector"} for name in (
    "Artifactory", "AWSKey", "AzureStorageKey", "BasicAuth", "DiscordBotToken", "GitHubToken", "GitLabToken",
    "Mailchimp", "Npm", "OpenAI", "PrivateKey", "PypiToken", "SendGrid", "Slack", "SquareOAuth", "Stripe",
    "TelegramBotToken", "TwilioKey",
)]
# fmt: on
RANDOM = [{"name": "Base64HighEntropyString", "limit": 4.5}, {"name": "KeywordDetector"}]
# The 32 bytes of a private key. An image digest has the same form but is not a key.
WALLET_KEY = re.compile(r"(?<!sha256[:=])\b(?:0x)?[0-9a-fA-F]{64}\b")
# Digests and words, not secrets. The generated files repeat content that is scanned in the source.
SKIPPED = (
    *("requirements", "package-lock.json", "schemas/openapi.json", "schemas/catalog.json", "schemas/pubsub/"),
    *("clients/postman/", "clients/typescript/package-lock.json", "clients/console/package-lock.json"),
    "clients/console/src/texts",  # labels of fields
    *("shared/identity/breached.txt", "tests/unit/keys/vectors/"),
)
ALLOWED = "pragma: allowlist secret"
# The node's documented first key, the topics of ERC-20's Transfer and Approval, the documentation's placeholders.
PUBLIC = [
    "^(0x)?ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80$",  # pragma: allowlist secret
    "^0x(ddf252ad|8c5be1e5)",
    "^(0x|password|correct horse battery staple)$",
]
FILTERS = [
    {"path": f"detect_secrets.filters.{name}"}
    for name in (
        *("heuristic.is_sequential_string", "heuristic.is_potential_uuid", "heuristic.is_likely_id_string"),
        *(
            "heuristic.is_templated_secret",
            "heuristic.is_indirect_reference",
            "allowlist.is_line_allowlisted",
        ),
    )
] + [{"path": "detect_secrets.filters.regex.should_exclude_secret", "pattern": PUBLIC}]


def scan(files: list[str], plugins: list[dict[str, Any]]) -> list[str]:
    """`file:line: kind` of everything that looks like a secret."""
    with transient_settings({"plugins_used": plugins, "filters_used": FILTERS}):
        found = SecretsCollection(root=str(ROOT))
        for file in files:
            found.scan_file(file)
        return [f"{file}:{secret.line_number}: {secret.type}" for file, secret in found]


def wallet_keys(file: str) -> list[str]:
    try:
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []
    seen = ((number, match[0]) for number, line in enumerate(lines, 1) if ALLOWED not in line
            for match in WALLET_KEY.finditer(line))  # fmt: skip
    return [
        f"{file}:{number}: a private key in hex"
        for number, text in seen
        if not any(re.search(public, text) for public in PUBLIC)
    ]


def main(files: list[str]) -> int:
    command = ["git", "ls-files"]
    listed = files or subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    kept = [file for file in listed if not file.startswith(SKIPPED) and (ROOT / file).is_file()]
    tests = [file for file in kept if file.startswith("tests/")]
    others = [file for file in kept if not file.startswith("tests/")]
    work = [(tests, FORMED), (others[::2], FORMED + RANDOM), (others[1::2], FORMED + RANDOM)]
    with ProcessPoolExecutor() as pool:
        found = [line for lines in pool.map(scan, *zip(*work, strict=True)) for line in lines]
    found += [line for file in others for line in wallet_keys(file)]
    sys.stderr.write("".join(f"looks like a secret: {line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
