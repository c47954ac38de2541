#!/usr/bin/env python3
"""asgc tune on a Vulkan device, and what compilations make of its file."""

import json
import re

import arrays
import harness

PRODUCT = "model product(a: f32[2048, 64], b: f32[64, 2048]) -> f32[2048, 2048] {\n  return a @ b\n}\n"
TILES = ([128, 128, 16], [64, 64, 16], [32, 32, 32])


def times(product, micros, unit=False):
    return [{"product": product, "tile": tile, "unit": unit, "micros": each} for tile, each in zip(TILES, micros)]


def write_table(t, name, lines, **changes):
    table = {"format": "asgc-tiles/1", "device": "a device", "driver": "a driver 1.0", "times": lines}
    t.write(name, json.dumps({**table, **changes}))
    return name


def scalar_tile(t, *args):
    """Elements of a tile's slice of the first factor, which tell the tile, of the form for all devices."""
    text = t.asgc("compile", "product.asg", "--target=vulkan", "--emit=spirv", *args).out
    form = text[text.index("spirv.module @infer.product.dot PhysicalStorageBuffer64 GLSL450"):]
    return int(re.search(r"@shared_0 : !spirv.ptr<!spirv.array<(\d+) x vector<4xf32>>", form)[1])


# Lines of a slice, one for each depth, are a quad longer than the tile.
SLICES = {128: 16 * 33, 64: 16 * 17, 32: 32 * 9}


def test_a_file_of_this_device(t):
    result = t.asgc("tune", "--device", "vulkan", "--size", "33,40,17", "--size", "3,16,20,18", "--seconds", "0.001",
                    "-o", "device.json")
    t.equal(result.out, "", "stdout")
    table = json.loads(t.path("device.json").read_text())
    t.equal(table["format"], "asgc-tiles/1", "format")
    t.contains(t.asgc("doctor").out, table["device"])
    t.expect(table["driver"].strip(), "the driver has no name", table)
    found = [(line["product"], line["tile"]) for line in table["times"] if not line["unit"]]
    t.equal(found, [(product, tile) for product in ([1, 33, 40, 17], [3, 16, 20, 18]) for tile in TILES], "what was measured")
    t.expect(all(line["micros"] > 0 for line in table["times"]), "a time of nothing", table)
    for line in table["times"]:
        t.contains(result.err, "x".join(map(str, line["tile"])))
    # The file is of use, and on its own device there is nothing to say of it.
    t.write("small.asg", "model small(a: f32[33, 17], b: f32[17, 40]) -> f32[33, 40] {\n  return a @ b\n}\n")
    a, b = [i % 7 - 3 for i in range(33 * 17)], [i % 5 - 2 for i in range(17 * 40)]
    arrays.write_npy(t.path("a.npy"), "<f4", [33, 17], a)
    arrays.write_npy(t.path("b.npy"), "<f4", [17, 40], b)
    result = t.asgc("run", "small.asg", "--device", "vulkan", "--device-table", "device.json", "--input", "a=a.npy",
                    "--input", "b=b.npy", "--output-dir", "out")
    t.expect("device table" not in result.err, "a warning of the device table", result)
    expected = [sum(a[i * 17 + k] * b[k * 40 + j] for k in range(17)) for i in range(33) for j in range(40)]
    t.equal(arrays.read_npy(t.path("out/output.npy")), ((33, 40), expected), "the product")


def test_the_products_of_a_model(t):
    t.write("two.asg", "model two(x: f32[rows <= 8, 12], v: f32[12, 40], w: f32[40, 48]) -> f32[rows, 48] {\n"
                       "  return (x @ v) @ w\n}\n")
    table = json.loads(t.asgc("tune", "two.asg", "--device", "vulkan", "--seconds", "0.001").out)
    t.equal(sorted({tuple(line["product"]) for line in table["times"]}), [(1, 8, 40, 12), (1, 8, 48, 40)], "products")
    t.write("plain.asg", "model plain(x: f32[8]) -> f32[8] {\n  return x + 1\n}\n")
    t.contains(t.asgc("tune", "plain.asg", "--device", "vulkan", code=1).err, "plain.asg: the model has no products")


def test_tiles_follow_the_table(t):
    t.write("product.asg", PRODUCT)
    t.equal(scalar_tile(t), SLICES[128], "the tile of the model of times")
    product = [1, 2048, 2048, 64]
    for best, tile in ((1, 64), (2, 32)):
        table = write_table(t, "device.json", times(product, [1 if i == best else 1000 for i in range(3)]))
        t.equal(scalar_tile(t, "--device-table", table), SLICES[tile], "the tile that took least time")
    t.write("asgc.toml", 'device-table = "device.json"\n')
    t.equal(scalar_tile(t), SLICES[32], "the tile by asgc.toml")
    # Of a product that was not measured: the large tile takes much longer than the model of times says.
    table = write_table(t, "other.json", times([1, 1024, 1024, 64], [1e6, 1, 1]))
    t.expect(scalar_tile(t, "--device-table", table) != SLICES[128], "a tile that is slow elsewhere")


def test_another_device(t):
    t.write("product.asg", PRODUCT)
    table = write_table(t, "device.json", times([1, 2048, 2048, 64], [1, 1, 1]))
    arrays.write_npy(t.path("a.npy"), "<f4", [2048, 64], [0.0] * 2048 * 64)
    result = t.asgc("run", "product.asg", "--device", "vulkan", "--device-table", table, "--input", "a=a.npy", "--input",
                    "b=a.npy", code=1)  # a's shape is wrong for b: the warning comes first
    t.contains(result.err, "warning: the device table was measured on a device (a driver 1.0), and this is ")


def test_bad_files(t):
    t.write("product.asg", PRODUCT)

    def refused(text, message, code=1):
        t.write("device.json", text)
        result = t.asgc("compile", "product.asg", "--target=vulkan", "--emit=spirv", "--device-table", "device.json", code=code)
        t.contains(result.err, "device.json: ", message)

    refused("{", "parse error")
    refused("[]", "there is no 'format'")
    good = {"format": "asgc-tiles/1", "device": "d", "driver": "", "times": times([1, 8, 8, 8], [1, 2, 3])}
    for change, message in (({"format": "asgc-tiles/2"}, "format: expected asgc-tiles/1, found \"asgc-tiles/2\""),
                            ({"device": 3}, "device: expected a text, found 3"),
                            ({"times": {}}, "times: expected a list, found {}"),
                            ({"times": [7]}, "times[0]: there is no 'product'")):
        refused(json.dumps({**good, **change}), message)
    for change, message in (({"product": [1, 8, 8]}, "times[1].product: expected 4 numbers, found [1,8,8]"),
                            ({"product": [1, 8, 0, 8]}, "times[1].product[2]: expected a number from 1 to 2147483647, found 0"),
                            ({"tile": [1, 2.5, 3]}, "times[1].tile[1]: expected a number from 1 to 2147483647, found 2.5"),
                            ({"unit": 1}, "times[1].unit: expected true or false, found 1"),
                            ({"micros": -1}, "times[1].micros: expected a number over 0, found -1"),
                            ({"tile": TILES[0]}, "times[1]: this product and tile were there before")):
        lines = times([1, 8, 8, 8], [1, 2, 3])
        lines[1].update(change)
        refused(json.dumps({**good, "times": lines}), message)
    t.contains(t.asgc("compile", "product.asg", "--device-table", "nothing.json", code=4).err, "nothing.json")


def test_wrong_command_lines(t):
    t.contains(t.asgc("tune", code=2).err, "give --device vulkan")
    for size in ("8,8", "8,8,8,8,8", "0,8,8", "8,8,x", "8,8,", "8,8,65537"):
        t.contains(t.asgc("tune", "--device", "vulkan", "--size", size, code=2).err, "expected M,N,K or BATCH,M,N,K")
    no_driver = {"VK_DRIVER_FILES": "/nonexistent/icd.json", "VK_ICD_FILENAMES": "/nonexistent/icd.json"}
    t.contains(t.asgc("tune", "--device", "vulkan", "-o", "device.json", env=no_driver, code=4).err, "Vulkan")
    t.expect(not t.path("device.json").exists(), "a file of nothing")


harness.main()
