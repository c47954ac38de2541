#!/usr/bin/env python3
"""Makes a small kit for devices without a compiler, runs it on what is here, and sees it fail where it must."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

NO_DRIVER = {"VK_DRIVER_FILES": "/nonexistent/icd.json", "VK_ICD_FILENAMES": "/nonexistent/icd.json"}
LINE = re.compile(r"(\S.*?) +(\d+) passed +(\d+) failed")


def counts_of(t, out):
    """group -> (passed, failed), checked against the last line."""
    groups = {group: (int(passed), int(failed)) for group, passed, failed in LINE.findall(out)}
    passed, failed = map(sum, zip(*groups.values()))
    t.equal(out.splitlines()[-1], f"{passed} passed, {failed} failed", "last line")
    return groups


def test_small_kit(t):
    kit = t.path("kit")
    t.run(harness.ROOT / "tools/dev/gpu-kit.sh", "--share=10", "--benchmarks=mlp_train", harness.BUILD, kit)
    for program in ("suite", "bench"):
        libraries = t.run("ldd", kit / program).out
        t.equal([name for name in ("LLVM", "MLIR", "vulkan") if name in libraries], [], f"libraries of {program}")
    groups = counts_of(t, t.run(kit / "suite", kit).out)
    t.equal([group for group, (_, failed) in groups.items() if failed], [], "groups that fail")
    t.expect(len(groups) > 15 and "random graphs" in groups and "nn layers" in groups, f"groups: {sorted(groups)}")

    # A filter takes groups out.
    some = counts_of(t, t.run(kit / "suite", kit, "random graphs").out)
    t.equal(some, {"random graphs": groups["random graphs"]}, "filtered")

    # A wrong value is seen: the last bytes are of the smallest type, before them lie floats.
    cases = kit / "cases.safetensors"
    data = bytearray(cases.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    for at in range(start, len(data)):
        data[at] ^= 0x55
    cases.write_bytes(data)
    result = t.run(kit / "suite", kit, code=1)
    t.contains(result.out, "FAILED ")
    t.expect(sum(failed for _, failed in counts_of(t, result.out).values()) > 10, "wrong values pass")

    # Nothing of a kit is an error of its own.
    t.contains(t.run(kit / "suite", kit, "asg.none", code=1).out, "0 passed, 0 failed")
    t.contains(t.run(kit / "suite", t.path("nowhere"), code=4).err, "cases.safetensors")
    t.contains(t.run(kit / "suite", kit, env=NO_DRIVER, code=4).err, "there is no GPU here: ")

    # asgc's column of the comparison.
    compare = [sys.executable, kit / "gpu_compare.py", "--no-torch", "--rounds", "1", "--slice", "0.001"]
    table = t.run(*compare, "mlp_train", "chain", "--json", t.path("table.json")).out
    t.expect(re.search(r"^\| mlp_train \| [\d.e+]+ \|", table, re.M), "no time of mlp_train", table)
    t.contains(table, "| chain | - |")  # not in this kit
    t.contains(t.path("table.json").read_text(), "train_step")


harness.main()
