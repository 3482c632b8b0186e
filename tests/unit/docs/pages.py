"""Read the documents as data: headings, links, fenced blocks and the names in `code`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
CLOUD = "cloud"  # ```sh cloud: these commands need a project of Google Cloud


@dataclass(frozen=True)
class Fence:
    """A fenced block: its line, its language and marks (```sh cloud), its text."""

    line: int
    info: tuple[str, ...]
    text: str

    @property
    def shell(self) -> bool:
        return self.info[:1] in (("sh",), ("bash",), ("shell",), ("console",))

    @property
    def cloud(self) -> bool:
        return CLOUD in self.info[1:]

    def commands(self) -> list[str]:
        """The commands of a shell block; a trailing backslash continues a command."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        return [line for raw in joined.splitlines() if (line := raw.strip())]


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT)) if self.path.is_relative_to(ROOT) else self.path.name

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.text)

    @cached_property
    def anchors(self) -> set[str]:
        """GitHub's anchors for the headings."""
        found: set[str] = set()
        for before, token in zip(self.tokens, self.tokens[1:], strict=False):
            if before.type == "heading_open":
                slug = re.sub(r"[^\w\- ]", "", _plain(token).lower()).replace(" ", "-")
                count = 0
                while (unique := f"{slug}-{count}" if count else slug) in found:
                    count += 1
                found.add(unique)
        return found

    def fences(self) -> list[Fence]:
        blocks = (token for token in self.tokens if token.type == "fence")
        return [Fence((t.map or [0])[0] + 1, tuple(t.info.split()), t.content) for t in blocks]

    def links(self) -> Iterator[tuple[int, str]]:
        """(line, target) of every link and image."""
        for line, token in self._inline():
            target = token.attrGet("href") if token.type == "link_open" else None
            target = token.attrGet("src") if token.type == "image" else target
            if target is not None:
                yield line, str(target)

    def codes(self) -> Iterator[tuple[int, str]]:
        """(line, text) of everything in `backticks`."""
        for line, token in self._inline():
            if token.type == "code_inline":
                yield line, token.content

    def _inline(self) -> Iterator[tuple[int, Token]]:
        for token in self.tokens:
            for child in token.children or []:
                yield (token.map or [0])[0] + 1, child


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or [] if child.type in ("text", "code_inline"))


@cache
def tracked() -> frozenset[str]:
    """Every file of the repository, including new ones, and every folder with such a file."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    files = {name for name in listed if (ROOT / name).exists()}
    folders = {str(parent) for name in files for parent in Path(name).parents}
    return frozenset(files | folders)


@cache
def pages() -> tuple[Page, ...]:
    """Every Markdown file of the repository."""
    return tuple(Page(ROOT / name) for name in sorted(tracked()) if name.endswith(".md"))


@cache
def source() -> str:
    """The text of all files except documents (and this checker): the source of names."""
    endings = (".py", ".sql", ".tf", ".hcl", ".tfvars", ".yaml", ".yml", ".json", ".sh", ".toml", ".in")
    plain = ("Makefile", "Dockerfile", ".ci/run", ".ci/python")
    names = (name for name in sorted(tracked()) if name.endswith(endings) or name.endswith(plain))
    kept = (name for name in names if not name.startswith("tests/unit/docs") and name != "package-lock.json")
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in kept if (ROOT / name).is_file())


@cache
def words() -> frozenset[str]:
    """Every word of the source."""
    return frozenset(re.findall(r"\w+", source()))
