"""What the end-to-end tests share: each test_*.py defines functions test_*(t)
and ends with harness.main(). A test gets a scratch folder of its own; the last
line printed is "N passed, N failed".
"""

import inspect
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ASGC_BUILD", ROOT / "build"))
ASGC = BUILD / "bin" / "asgc"
DATA = ROOT / "docs/examples/data"


class Failure(Exception):
    pass


class Result:
    def __init__(self, command, process):
        self.command = command
        self.code = process.returncode
        self.out = process.stdout.decode(errors="replace")
        self.err = process.stderr.decode(errors="replace")

    def __str__(self):
        return f"$ {' '.join(map(str, self.command))}\nexit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Test:
    """One test's scratch folder and ways to run programs in it."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return self.folder / name

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return path

    def run(self, *command, code=0, env=None, stdin=b"", timeout=600, cwd=None):
        """Runs a program in the scratch folder; `code` is what it must exit with (None: anything)."""
        command = [str(word) for word in command]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ASGC_") and k != "NO_COLOR"}
        process = subprocess.run(command, cwd=cwd or self.folder, env={**clean, **(env or {})}, input=stdin,
                                 capture_output=True, timeout=timeout)
        result = Result(command, process)
        if code is not None and result.code != code:
            raise Failure(f"expected exit {code}\n{result}")
        return result

    def asgc(self, *args, **options):
        return self.run(ASGC, *args, **options)

    def expect(self, claim, message, *context):
        if not claim:
            raise Failure("\n".join([message, *map(str, context)]))

    def equal(self, actual, expected, what="value"):
        if actual != expected:
            raise Failure(f"{what}: expected\n{expected!r}\nfound\n{actual!r}")

    def contains(self, text, part, context=""):
        if part not in text:
            raise Failure(f"expected {part!r} in\n{text}\n{context}")


def main():
    module = sys.modules["__main__"]
    wanted = sys.argv[1:]
    tests = [(name, function) for name, function in inspect.getmembers(module, inspect.isfunction)
             if name.startswith("test_") and (not wanted or name in wanted)]
    tests.sort(key=lambda item: item[1].__code__.co_firstlineno)
    passed = failed = 0
    for name, function in tests:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="asgc-e2e-"))
        try:
            function(Test(folder))
            passed += 1
        except Failure as failure:
            failed += 1
            print(f"FAILED {name}\n{failure}\n")
        except Exception:  # a broken test counts as a failed one
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc()}")
        finally:
            subprocess.run(["chmod", "-R", "u+w", folder], check=False)
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)
