#!/usr/bin/env python3
"""The documents hold: snippets run, links lead somewhere, verbs and options exist,
and the pages made from the catalog are fresh."""

import re
import sys

import harness

PAGES = sorted([harness.ROOT / "README.md", *(harness.ROOT / "docs").rglob("*.md"), harness.ROOT / "benchmarks/README.md"])
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)

# A snippet marked `asg body` is statements of this model.
BODY = """use nn

model snippet(x: f32[batch <= 8, 3, 4], table: f32[10, 4], label: i64[batch]) -> any[...] {{
{}
  return x
}}
"""
# Snippets without a model are read by the side of one.
PROBE = "\nmodel probe(x: f32[1]) -> f32[1] {\n  return x\n}\n"


def fences(page):
    """(line, language, words behind it, text) of each fenced part of a page."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        language, *words = match[2].split() or [""]
        indent = match[1]
        body = "".join(line.removeprefix(indent) for line in match[3].splitlines(keepends=True))
        yield text[: match.start()].count("\n") + 1, language, words, body


def check_snippet(t, language, words, text):
    """What is wrong with a snippet; None if nothing is."""
    isBody = "body" in words
    whole = BODY.format(text.rstrip()) if isBody else text
    if not re.search(r"^model ", whole, re.MULTILINE):
        whole += PROBE
    t.write("snippet.asg", whole)
    result = t.asgc("check", "snippet.asg", code=None)
    if language == "asg-error":
        isRight = result.code == 1 and f"error[{words[0]}]" in result.err
        return None if isRight else f"does not raise {words[0]}\n{result}"
    if result.code != 0 or result.err:
        return f"does not pass asgc check\n{result}"
    t.write("snippet.asg", text)
    # Statements stand beside their comments here, which asgc fmt does not align.
    if not isBody and t.asgc("fmt", "--check", "snippet.asg", code=None).code != 0:
        return "is not as asgc fmt writes it\n" + t.asgc("fmt", "-", stdin=t.path("snippet.asg").read_bytes()).out
    return None


def test_model_texts_run(t):
    faults, count = [], 0
    for page in PAGES:
        for line, language, words, text in fences(page):
            if language not in ("asg", "asg-error"):
                continue
            count += 1
            if fault := check_snippet(t, language, words, text):
                faults.append(f"{page.relative_to(harness.ROOT)}:{line}: {fault}")
    t.expect(not faults and count >= 12, f"{count} snippets", *faults)


def anchors(page):
    """What a heading of a page can be called in a link."""
    text = FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_somewhere(t):
    count = 0
    for page in PAGES:
        text = FENCE.sub("", page.read_text())
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            where = f"{page.relative_to(harness.ROOT)}: ({target})"
            t.expect(file.exists(), f"{where} leads nowhere")
            if anchor and file.suffix == ".md":
                t.expect(anchor in anchors(file), f"{where}: no such heading", *sorted(anchors(file)))
            elif anchor:
                t.expect(int(anchor[1:]) <= len(file.read_text().splitlines()), f"{where}: no such line")
    t.expect(count >= 20, f"only {count} links were found")


def options_of(t, verb):
    return set(re.findall(r"--[a-z][\w-]*", t.asgc(verb, "--help").out)) | {"--help"}


def commands_of(text):
    """Lines of console snippets, and code in running text that begins with asgc."""
    for match in FENCE.finditer(text):
        if match[2].split()[:1] in (["console"], ["sh"], ["bash"]):
            yield from (re.sub(r"\s#.*", "", line) for line in match[3].splitlines())
    for match in re.findall(r"`(asgc [^`]*)`", FENCE.sub("", text)):
        yield match.replace("\n", " ")


def test_verbs_and_options_exist(t):
    verbs = re.findall(r"^  ([a-z]+) {2,}", t.asgc("--help").out, re.MULTILINE)
    known = {verb: options_of(t, verb) for verb in verbs}
    usage = t.run(harness.ROOT / "x").out
    faults = []
    for page in PAGES:
        name, text = page.relative_to(harness.ROOT), page.read_text()
        for command in commands_of(text):
            for verb, rest in re.findall(r"(?:^|[\s&|;$(/])asgc ([a-z]+)\b([^#&|;)]*)", command):
                if verb not in known:
                    faults.append(f"{name}: there is no verb {verb}: {command}")
                    continue
                faults += [f"{name}: {verb} has no {option}: {command}"
                           for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", rest) if option not in known[verb]]
        faults += [f"{name}: there is no ./x {verb}" for verb in re.findall(r"\./x ([a-z][a-z-]*)", text)
                   if f"\n  {verb} " not in usage]
    t.expect(not faults, "\n".join(faults))


def test_every_verb_is_in_the_contract(t):
    contract = (harness.ROOT / "docs/cli.md").read_text()
    for verb in re.findall(r"^  ([a-z]+) {2,}", t.asgc("--help").out, re.MULTILINE):
        t.contains(contract, f"| `{verb}", "docs/cli.md")


def test_reference_is_fresh(t):
    t.run(sys.executable, harness.ROOT / "tools/dev/reference.py", harness.ASGC, "--check")


def test_examples_are_formatted(t):
    files = [file for folder in ("docs/examples", "dialects/nn", "benchmarks/models")
             for file in sorted((harness.ROOT / folder).rglob("*.asg"))]
    t.expect(len(files) >= 10, "few model texts", *files)
    t.asgc("fmt", "--check", *files)


harness.main()
