#!/usr/bin/env python3
"""Writes docs/reference/ and the table of functions in docs/language.md from what
`asgc explain --json` says: reference.py ASGC. With --check nothing is written; it
fails if a file is not what it would be. `./x docs` runs it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = Path("docs/reference")
MADE = "<!-- Made by ./x docs; do not edit. -->\n\n"


def read_topics(asgc, lang):
    lines = subprocess.run([asgc, "explain", "--json", "--lang", lang], check=True, capture_output=True).stdout
    return [json.loads(line) for line in lines.decode().splitlines()]


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def code(text):
    """Text as code in a table: a backtick inside needs a longer fence."""
    return f"`{cell(text)}`" if text else ""


def table(head, rows):
    rows = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def fence(text, language):
    return f"```{language}\n{text.rstrip()}\n```\n"


def layers(topics, russian):
    out = "# Layers, losses, optimizers, schedules, metrics\n\n" + MADE
    out += "All of them are written in the language: the links lead to their texts.\n"
    for kind, title in (("block", "Blocks"), ("loss", "Losses"), ("optimizer", "Optimizers"), ("schedule", "Schedules"),
                        ("metric", "Metrics"), ("model", "Models")):
        group = [topic for topic in topics if topic["kind"] == kind]
        if group:
            out += f"\n## {title}\n"
        for topic in group:
            file = topic["place"].rsplit(":", 1)[0]
            out += f"\n### {topic['name']}\n\n{topic['meaning']} ([{file}](../../dialects/{file}))\n\n"
            out += fence(topic["signature"], "asg-form")
            for field in ("formula", "why", "source"):
                if topic[field]:
                    out += f"\n*{field}*: {topic[field]}\n"
            rows = [[code(f["name"]), f["kind"], code(f["type"] + (f" = {f['initial']}" if f["initial"] else "")),
                     cell(f["role"])] for f in topic["fields"]]
            if rows:
                out += "\n" + table(["name", "is", "type", "role"], rows)
            out += f"\n*По-русски*: {russian[topic['name']]['meaning']}\n"
    return out


def ops(topics, russian):
    out = "# Operations of the asg dialect\n\n" + MADE
    out += "One record each, in `dialects/asg/*.td`; [adding-an-op.md](../adding-an-op.md) says how to add one.\n"
    group = [topic for topic in topics if topic["kind"] == "op"]
    for category in dict.fromkeys(topic["category"] for topic in group):
        out += f"\n## {category}\n"
        for topic in (topic for topic in group if topic["category"] == category):
            out += f"\n### {topic['name']}\n\n{topic['summary'][:1].upper() + topic['summary'][1:]}. {topic['role']}\n\n"
            if topic["formula"]:
                out += fence(topic["formula"], "text") + "\n"
            if topic["description"]:
                out += topic["description"] + "\n\n"
            for rule in topic["gradient"]:
                out += f"*gradient*: `{rule}`\n\n"
            out += fence(topic["example"], "mlir")
            other = russian[topic["name"]]
            out += f"\n*По-русски*: {other['summary']}. {other['role']}\n"
    return out


def errors(topics, russian):
    out = "# Errors and warnings\n\n" + MADE
    for topic in (topic for topic in topics if topic["kind"] == "code"):
        other = russian[topic["name"]]
        out += f"\n## {topic['name']}: {topic['title']}\n\n{topic['explanation']}\n"
        for side in ("wrong", "right"):
            options = topic[side]["options"]
            out += f"\n*{side}*" + (f", with `{options}`" if options else "") + "\n\n" + fence(topic[side]["text"], "asg-form")
        out += f"\n*По-русски*: {other['title']}. {other['explanation']}\n"
    return out


def passes():
    text = (ROOT / "include/asgc/Passes.td").read_text()
    out = "# Passes\n\n" + MADE + "In pipeline order. Each runs alone: `asgc opt M.mlir --NAME`.\n"
    record = re.compile(r'^def \w+ *: *Pass<"([\w-]+)".*?let summary = "(.*?)";(?:\s*let description = \[\{\n(.*?)\}\];)?',
                        re.MULTILINE | re.DOTALL)
    for name, summary, description in record.findall(text):
        description = re.sub(r"^ {4}", "", description, flags=re.MULTILINE).strip()
        out += f"\n## {name}\n\n{summary}.\n" + (f"\n{description}\n" if description else "")
    return out


def functions(topics):
    group = [topic for topic in topics if topic["kind"] == "function"]
    out = ""
    for family in ("elements", "reductions", "layout", "indexing", "images", "new tensors", "shape", "numbers",
                   "derivatives", "initial values"):
        rows = [[code(topic["signature"]), cell(topic["meaning"])] for topic in group if topic["family"] == family]
        if rows:
            out += "\n" + table([family, ""], rows)
    return out + "\n"


def with_functions(text, topics):
    begin, end = "<!-- functions: made by ./x docs -->\n", "<!-- end -->"
    before, rest = text.split(begin)
    return before + begin + functions(topics) + end + rest.split(end, 1)[1]


def main():
    check = "--check" in sys.argv
    asgc = next(word for word in sys.argv[1:] if not word.startswith("-"))
    topics = read_topics(asgc, "en")
    russian = {topic["name"]: topic for topic in read_topics(asgc, "ru")}
    pages = {
        REFERENCE / "layers.md": layers(topics, russian),
        REFERENCE / "ops.md": ops(topics, russian),
        REFERENCE / "errors.md": errors(topics, russian),
        REFERENCE / "passes.md": passes(),
        Path("docs/language.md"): with_functions((ROOT / "docs/language.md").read_text(), topics),
    }
    stale = [path for path, text in pages.items()
             if not (ROOT / path).is_file() or (ROOT / path).read_text() != text]
    for path in stale:
        if check:
            print(f"{path}: is not what ./x docs makes")
        else:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(pages[path])
            print(path)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
