"""Write the part of the google provider's schema that infra/ uses: python -m infra.check.extract

The schema is extracted from the provider's published Python bindings (a wheel of 67 MB, fetched from PyPI into a
temporary folder). Their compiled JavaScript contains each attribute's HCL name, whether it is computed, optional or
required, and which nested structures are blocks. The result equals the output of `terraform providers schema`,
without the provider. It omits mutually exclusive arguments, ranges and patterns.

The bindings are licensed under the Mozilla Public License 2.0, and so is schema.json.gz (see NOTICE).
"""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.check.provider import SCHEMA

BINDINGS = "cdktn-provider-google==21.1.0"  # of provider 8.7.0
INFRA = Path(__file__).parent.parent

_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{(.*?)^\}", re.M | re.S)
_ATTRIBUTE = re.compile(
    r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
    r"(.*?)(?=// \w+ - computed:|// =====|\Z)",
    re.S,
)
_NEW = re.compile(r"new (?:\w+\.)?(\w+)\(this, ['\"]\w+['\"](?:, (true|false))?\)")
_GETTER = re.compile(r"this\.get(\w+)Attribute\(")
_RENDERER = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.M | re.S)
_RENDERED = re.compile(r"synthesizeHclAttributes\(\) \{(.*?)^    \}", re.M | re.S)
_KIND = re.compile(
    r"^\s+(\w+): \{\s+value: .*?\s+isBlock: (true|false),\s+type: \"(\w+)\",\s+storageClassType: \"(\w+)\"",
    re.M,
)
_ITEM = re.compile(r"get\(index\) \{\s+return new (?:\w+\.)?(\w+)\(")
_STRUCT = re.compile(r"export interface (\w+) [^{]*\{(.*?)^\}", re.M | re.S)
_PROPERTY = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s+readonly (\w+)\??:", re.S)
_NAMED = re.compile(r"#(\w+) \w+#\w+\}")
_VALUES = re.compile(r"Possible values: \[([^\]]*)\]")
_VERSION = re.compile(r"providerVersion: '([\d.]+)'")
_TYPE = re.compile(r'tfResourceType = "(\w+)"')
_SCALARS: dict[str, Any] = {
    "String": "string",
    "Boolean": "bool",
    "Number": "number",
    "StringMap": ["map", "string"],
    "BooleanMap": ["map", "bool"],
    "NumberMap": ["map", "number"],
    "AnyMap": ["map", "string"],
    "NumberList": ["list", "number"],
    "List": ["list", "string"],
    "StringMapList": ["list", ["map", "string"]],
}
_GROUPS = {"TerraformResource": "resource", "TerraformDataSource": "data", "TerraformProvider": "provider"}
Kinds = dict[str, tuple[bool, str]]


class Module:
    """The JavaScript and the type declarations of one resource, data source or the provider."""

    def __init__(self, script: str, declarations: str) -> None:
        self.script = script
        self.classes = {name: (base, body) for name, base, body in _CLASS.findall(script)}
        self.kinds = {name.lower(): _kinds(body) for name, body in _RENDERER.findall(script)}
        self.values: dict[str, dict[str, list[str]]] = defaultdict(dict)
        for struct, body in _STRUCT.findall(declarations):
            for text, _ in _PROPERTY.findall(body):
                name, values = _NAMED.search(text), _VALUES.search(text)
                if name and values:
                    self.values[struct.lower().removesuffix("config")][name[1]] = re.findall(
                        r'"([^"]+)"', values[1]
                    )

    def schemas(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(group, type, block)."""
        for name, (base, body) in self.classes.items():
            if base in _GROUPS:
                rendered = _RENDERED.search(body)
                kinds = _kinds(rendered[1]) if rendered else {}
                found = _TYPE.search(body)
                assert found, name
                yield _GROUPS[base], found[1], self.block(name, name, kinds)

    def block(self, cls: str, struct: str, kinds: Kinds) -> dict[str, Any]:
        out: dict[str, Any] = {"attributes": {}, "block_types": {}}
        for name, computed, optional, required, body in _ATTRIBUTE.findall(self.classes[cls][1]):
            given = (("computed", computed), ("optional", optional), ("required", required))
            flags = {flag: True for flag, value in given if value == "true"}
            made = _NEW.search(body)
            if made and made[1] in self.classes:
                self._nested(out, name, made, flags, kinds.get(name, (False, ""))[0])
                continue
            out["attributes"][name] = {"type": _scalar(body, made, kinds.get(name, (False, ""))[1]), **flags}
            if values := self.values[struct.lower().removesuffix("config")].get(name):
                out["attributes"][name]["enum"] = values
        return out

    def _nested(
        self, out: dict[str, Any], name: str, made: re.Match[str], flags: dict[str, bool], block: bool
    ) -> None:
        base, body = self.classes[made[1]]
        many = base in ("ComplexList", "ComplexMap")
        item = _ITEM.search(body) if many else None
        cls = item[1] if item else made[1]
        struct = cls.removesuffix("OutputReference")
        inner = self.block(cls, struct, self.kinds.get(struct.lower(), {}))
        nesting = "set" if made[2] == "true" else "list"
        if not block:
            out["attributes"][name] = {"type": [nesting, ["object", _object(inner)]], **flags}
            return
        entry: dict[str, Any] = {"nesting": "single" if name == "timeouts" else nesting, "block": inner}
        if flags.get("required"):
            entry["min_items"] = 1
        if not many and name != "timeouts":
            entry["max_items"] = 1
        out["block_types"][name] = entry


def _kinds(body: str) -> Kinds:
    return {name: (block == "true", kind) for name, block, kind, _ in _KIND.findall(body)}


def _scalar(body: str, made: re.Match[str] | None, kind: str) -> Any:
    getter = _GETTER.search(body)
    if made:
        found: Any = _SCALARS.get(made[1], ["map", "string"])
    else:
        found = _SCALARS.get(getter[1], "string") if getter else "dynamic"
    if isinstance(found, list) and found[0] == "list" and ("Fn.tolist" in body or kind == "set"):
        return ["set", *found[1:]]
    return found


def _object(block: dict[str, Any]) -> dict[str, Any]:
    plain = {name: entry["type"] for name, entry in block["attributes"].items()}
    return plain | {
        name: [
            "list" if entry["nesting"] == "single" else entry["nesting"],
            ["object", _object(entry["block"])],
        ]
        for name, entry in block["block_types"].items()
    }


def used() -> set[str]:
    """The types that infra/ uses."""
    text = "\n".join(path.read_text() for path in INFRA.glob("*.tf"))
    return set(re.findall(r'^\s*(?:resource|data)\s+"(google_\w+)"', text, re.M))


def extract(wheel: Path, wanted: set[str]) -> dict[str, Any]:
    """The schema of the wanted types and of the provider itself. Raises ValueError for a type that does not exist."""
    schema: dict[str, Any] = {"version": "", "resource": {}, "data": {}, "provider": {}}
    for module, (script, declarations) in _modules(wheel):
        if module != "provider" and not wanted & set(_TYPE.findall(script)):
            continue
        if version := _VERSION.search(script):
            schema["version"] = version[1]
        for group, name, block in Module(script, declarations).schemas():
            schema[group][name] = block
    missing = wanted - set(schema["resource"]) - set(schema["data"])
    if missing:
        raise ValueError(f"the provider has no {', '.join(sorted(missing))}")
    return schema


def _modules(wheel: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if "_jsii/" in name and name.endswith(".tgz"))
        parts: dict[str, dict[str, str]] = defaultdict(lambda: {"js": "", "d.ts": ""})
        with tarfile.open(fileobj=io.BytesIO(archive.read(inner))) as tar:
            for member in tar:
                # The structures of a large resource are in separate files.
                found = re.fullmatch(
                    r"package/lib/([\w-]+)/(?:index|index-structs/structs\d+)\.(js|d\.ts)", member.name
                )
                content = tar.extractfile(member) if found else None
                if found and content:
                    parts[found[1]][found[2]] += content.read().decode()
    for name, texts in parts.items():
        yield name, (texts["js"], texts["d.ts"])


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            folder,
            BINDINGS,
        ]
        subprocess.run(command, check=True)  # noqa: S603 - our own arguments
        schema = extract(next(Path(folder).glob("*.whl")), used())
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
    SCHEMA.write_bytes(gzip.compress(text.encode(), mtime=0))
    sys.stdout.write(f"provider {schema['version']}: {len(schema['resource'])} resources -> {SCHEMA.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
