#!/usr/bin/python3
"""Writes what PyTorch computes for the example models: make_fixtures.py FOLDER.

For each model: NAME.safetensors (initial weights), NAME.inputs.npz (20 batches)
and NAME.losses.json (the loss of each of 20 training steps, computed in f64 from
the same f32 start). asgc must agree within 1e-4 relative; see
test/e2e/torch/check_losses.py. The fixtures are committed, so that PyTorch is
needed only to make them again (python3-torch, python3-numpy).
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

STEPS = 20


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 16, 3, padding=1)
        self.fc1, self.fc2, self.fc3 = nn.Linear(64, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, image):
        x = (image / 16).reshape(-1, 1, 8, 8)
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.in_proj, self.out_proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        batch, seq, dim = x.shape
        q, k, v = self.in_proj(x).reshape(batch, seq, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(dim / self.heads)
        scores = scores.masked_fill(torch.ones(seq, seq).triu(1).bool(), -1e9)
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, seq, dim))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim, heads)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        h = self.fc1(self.norm2(x))
        gelu = 0.5 * h * (1 + torch.tanh(0.7978845608028654 * (h + 0.044715 * h ** 3)))
        return x + self.fc2(gelu)


class Level(nn.Module):
    """`repeat 2 as h { transformer_block }` names its layers h.0.transformer_block."""

    def __init__(self, dim, heads):
        super().__init__()
        self.transformer_block = Block(dim, heads)

    def forward(self, x):
        return self.transformer_block(x)


class Transformer(nn.Module):
    def __init__(self, dim=64, heads=4, vocab=256, seq=64):
        super().__init__()
        self.wte = nn.Parameter(torch.randn(vocab, dim) * 0.02)
        self.wpe = nn.Parameter(torch.randn(seq, dim) * 0.02)
        self.h = nn.ModuleList(Level(dim, heads) for _ in range(2))
        self.ln_f = nn.LayerNorm(dim)

    def forward(self, tokens):
        x = self.wte[tokens] + self.wpe
        for level in self.h:
            x = level(x)
        return self.ln_f(x) @ self.wte.T


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        size = tensor.size * 4
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, "<f4").tobytes())


def cosine(peak, warmup, total, step):
    """The schedule nn/schedules.asg calls cosine; `step` is from 1."""
    if step < warmup:
        return peak * step / warmup
    t = min(max((step - warmup) / max(total - warmup, 1), 0), 1)
    return peak * 0.5 * (1 + math.cos(math.pi * t))


def run(folder, name, model, make_optimizer, lr, batches, clip=None):
    """`lr(step)` is the learning rate of the steps from 1."""
    write_safetensors(folder / f"{name}.safetensors",
                      {key: value.numpy().copy() for key, value in model.state_dict().items()})
    model = model.double()
    optimizer = make_optimizer(model.parameters())
    losses = []
    for step, (x, target) in enumerate(batches, 1):
        for group in optimizer.param_groups:
            group["lr"] = lr(step)
        optimizer.zero_grad()
        x = torch.from_numpy(x)
        output = model(x.double() if x.dtype == torch.float32 else x)
        loss = F.cross_entropy(output.flatten(0, -2), torch.from_numpy(target).flatten())
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    (folder / f"{name}.losses.json").write_text(json.dumps(losses) + "\n")
    np.savez_compressed(folder / f"{name}.inputs.npz", features=np.concatenate([x for x, _ in batches]),
                        labels=np.concatenate([t for _, t in batches]))
    print(f"{name}: {losses[0]:.6f} -> {losses[-1]:.6f}")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    random = np.random.default_rng(1)

    # Drawn images rather than real digits: the fixture stays small and needs no data. Class t is a bright row or
    # column over noise; four batches that come again let the loss fall within 20 steps.
    def images():
        target = random.integers(0, 10, 16)
        x = random.integers(0, 3, (16, 8, 8)).astype(np.float32)
        for image, t in zip(x, target):
            (image if t < 5 else image.T)[t % 5 + 1] += 13
        return x.reshape(16, 64), target.astype(np.int64)

    few = [images() for _ in range(4)]
    run(folder, "lenet", LeNet(), lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, weight_decay=1e-4),
        lambda step: cosine(0.2, 4, STEPS, step), [few[i % 4] for i in range(STEPS)])

    text = (b"All the world is a stage, and all the men and women merely players; they have their exits and their "
            b"entrances, and one man in his time plays many parts. ") * 20
    tokens = np.frombuffer(text, np.uint8).astype(np.int64)

    def windows():
        starts = random.integers(0, len(tokens) - 65, 4)
        return (np.stack([tokens[s:s + 64] for s in starts]), np.stack([tokens[s + 1:s + 65] for s in starts]))

    run(folder, "transformer", Transformer(), lambda p: torch.optim.AdamW(p, lr=1, weight_decay=0.01),
        lambda step: cosine(3e-3, 4, STEPS, step), [windows() for _ in range(STEPS)], clip=1.0)


main()
