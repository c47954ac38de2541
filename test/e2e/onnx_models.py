"""Writes small ONNX models with the standard library alone: the few fields of
onnx.proto that the tests need."""

import struct

FLOAT, INT64 = 1, 7


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """A number, or bytes, or text."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name, shape, values, dtype=FLOAT):
    raw = struct.pack(f"<{len(values)}{'f' if dtype == FLOAT else 'q'}", *values)
    return b"".join(field(1, extent) for extent in shape) + field(2, dtype) + field(8, name) + field(9, raw)


def external(name, shape, location, **entries):
    """A tensor of floats whose bytes lie in the file `location`."""
    pairs = {"location": location, **entries}
    data = b"".join(field(13, field(1, key) + field(2, str(text))) for key, text in pairs.items())
    return b"".join(field(1, extent) for extent in shape) + field(2, FLOAT) + field(8, name) + data + field(14, 1)


def value(name, shape, dtype=FLOAT):
    dims = b"".join(field(1, field(2, dim) if isinstance(dim, str) else field(1, dim)) for dim in shape)
    return field(1, name) + field(2, field(1, field(1, dtype) + field(2, dims)))


class Tensor(bytes):
    """What `tensor` gives, as an attribute."""


def attribute(key, value):
    """A whole number, a float, a text, a tensor, a graph, or a list of whole numbers or of texts."""
    if isinstance(value, str):
        return field(1, key) + field(4, value) + field(20, 3)
    if isinstance(value, Tensor):
        return field(1, key) + field(5, bytes(value)) + field(20, 4)
    if isinstance(value, bytes):
        return field(1, key) + field(6, value) + field(20, 5)
    if isinstance(value, float):
        return field(1, key) + varint(2 << 3 | 5) + struct.pack("<f", value) + field(20, 1)
    if isinstance(value, int):
        return field(1, key) + field(3, value) + field(20, 2)
    if value and isinstance(value[0], str):
        return field(1, key) + b"".join(field(9, text) for text in value) + field(20, 8)
    return field(1, key) + b"".join(field(8, number) for number in value) + field(20, 7)


def node(op, inputs, outputs, name="", domain="", **attributes):
    text = b"".join(field(1, one) for one in inputs) + b"".join(field(2, one) for one in outputs)
    text += field(3, name) + field(4, op) + field(7, domain)
    return text + b"".join(field(5, attribute(key, value)) for key, value in attributes.items())


def graph(nodes, inputs, outputs, weights=()):
    """Of a model, or the body of a node."""
    text = b"".join(field(1, one) for one in nodes) + field(2, "graph")
    text += b"".join(field(5, one) for one in weights)
    return text + b"".join(field(11, one) for one in inputs) + b"".join(field(12, one) for one in outputs)


def model(nodes, inputs, outputs, weights=(), opset=17, domain=""):
    text = graph(nodes, inputs, outputs, weights)
    return field(1, 8) + field(7, text) + field(8, field(1, domain) + field(2, opset))
