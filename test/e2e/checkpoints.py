"""Writes files of weights with the standard library alone: pickles of PyTorch in both containers, GGUF, safetensors of
any type. What they hold is given in bytes, so that tests may write what no library would."""

import io
import json
import struct
import zipfile

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    size = (value.bit_length() + 8) // 8
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def name(module, member):
    return f"c{module}\n{member}\n".encode()


def tuple_of(*items):
    return b"(" + b"".join(items) + b"t"


def dict_of(items):
    return b"}(" + b"".join(text(key) + value for key, value in items) + b"u"


def pickle(value):
    return b"\x80\x02" + value + b"."


def storage(kind, key, elements, view=None):
    module = "torch.storage" if kind == "UntypedStorage" else "torch"
    fields = [text("storage"), name(module, kind), text(key), text("cpu"), number(elements)]
    return tuple_of(*fields, *([view] if view else [])) + b"Q"


def tensor(where, shape, strides, first=0, dtype=None):
    rebuild = "_rebuild_tensor_v3" if dtype else "_rebuild_tensor_v2"
    hooks = name("collections", "OrderedDict") + b")R"
    last = [name("torch", dtype)] if dtype else []
    return name("torch._utils", rebuild) + tuple_of(
        where, number(first), tuple_of(*map(number, shape)), tuple_of(*map(number, strides)), b"\x89", hooks, *last) + b"R"


def torch_zip(root, storages, folder="archive", extra=(), compression=zipfile.ZIP_STORED):
    """A file of torch.save: `root` is the pickle's value, `storages` key -> bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr(f"{folder}/data.pkl", pickle(root))
        for key, data in storages.items():
            archive.writestr(f"{folder}/data/{key}", data)
        archive.writestr(f"{folder}/version", "3\n")
        for entry, data in extra:
            archive.writestr(entry, data)
    return buffer.getvalue()


def torch_legacy(root, storages, preamble=None):
    """The same as before PyTorch 1.6; `storages` is key -> (elements, bytes)."""
    facts = dict_of([("protocol_version", number(PROTOCOL)), ("little_endian", b"\x88")])
    parts = preamble or [pickle(number(MAGIC)), pickle(number(PROTOCOL)), pickle(facts)]
    keys = b"](" + b"".join(map(text, storages)) + b"e"
    data = b"".join(struct.pack("<q", elements) + content for elements, content in storages.values())
    return b"".join(parts) + pickle(root) + pickle(keys) + data


def safetensors(tensors):
    """tensors: name -> (type as in the file, shape, bytes)"""
    header, data = {}, b""
    for key, (dtype, shape, content) in tensors.items():
        header[key] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    words = json.dumps(header).encode()
    return struct.pack("<Q", len(words)) + words + data


def gguf_text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(tensors, version=3, metadata=(), offsets=None, alignment=32):
    """tensors: [(name, shape as in Python, type, bytes)]; metadata: [(key, type, bytes)]"""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, kind, data in metadata:
        head += gguf_text(key) + struct.pack("<I", kind) + data
    body = b""
    for i, (key, shape, kind, data) in enumerate(tensors):
        body += bytes(-len(body) % alignment)
        offset = len(body) if offsets is None else offsets[i]
        head += gguf_text(key) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, offset)
        body += data
    return head + bytes(-len(head) % alignment) + body
