#!/usr/bin/env python3
"""Writes fixtures/half.safetensors: what PyTorch computes in f16 and bf16 on a CUDA device. make_half_fixtures.py FILE.

For each model of half.asg: CASE/input/NAME and CASE/param/NAME (f32), CASE/output/exact (in f64 from these) and, with
model, weights and inputs converted as model.half() does, CASE/output/f16 and CASE/output/bf16. Needs only PyTorch.
"""
import copy
import json
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(16, 16, 1, bias=False)
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm2d(16) for _ in range(3))
        self.fc = nn.Linear(16, 10)

    def forward(self, image):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(image))), 2)
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(x)))))
        return self.fc(F.relu(x + y).mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.in_proj, self.out_proj = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.in_proj(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return self.out_proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, d))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2, self.attn = nn.LayerNorm(dim), nn.LayerNorm(dim), Attention(dim, heads)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Block(32, 4)

    def forward(self, x):
        return self.body(x)


def cases():
    torch.manual_seed(5)
    for name, model, key, shape in (("convnet", ConvNet(), "image", (2, 3, 16, 16)), ("transformer", Transformer(), "x", (2, 16, 32))):
        model.eval()
        for parameter in (*model.parameters(), *model.buffers()):
            if parameter.is_floating_point():
                with torch.no_grad():
                    parameter.add_(0.2 * torch.rand_like(parameter))
        x = torch.randn(shape)
        yield f"{name}/input/{key}", x
        for parameter, value in model.state_dict().items():
            if value.is_floating_point():
                yield f"{name}/param/{parameter}", value.clone()
        for kind, type_ in (("exact", torch.float64), ("f16", torch.float16), ("bf16", torch.bfloat16)):
            with torch.no_grad():
                yield f"{name}/output/{kind}", copy.deepcopy(model).to("cuda", type_)(x.to("cuda", type_)).float().cpu()


def write(path, tensors):
    header, blob = {}, b""
    for name, tensor in tensors:
        data = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + blob)


write(sys.argv[1], cases())
