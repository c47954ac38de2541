#!/usr/bin/python3
"""Writes the weights of a well-known model as its home library would, drawn at random, with an input and what PyTorch
computes: pretrained.py resnet50|gpt2 FOLDER [KEY=VALUE...].

The modules are called as torchvision's and Hugging Face's, neither of which is needed: FOLDER gets weights.pt (a state
dict), input.npy and output.npy. See test/e2e/test_pretrained.py.
"""
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Bottleneck(nn.Module):
    def __init__(self, channels, middle, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, middle, 1, bias=False), nn.BatchNorm2d(middle)
        self.conv2, self.bn2 = nn.Conv2d(middle, middle, 3, stride, 1, bias=False), nn.BatchNorm2d(middle)
        self.conv3, self.bn3 = nn.Conv2d(middle, 4 * middle, 1, bias=False), nn.BatchNorm2d(4 * middle)
        self.downsample = None
        if stride != 1 or channels != 4 * middle:
            self.downsample = nn.Sequential(nn.Conv2d(channels, 4 * middle, 1, stride, bias=False),
                                            nn.BatchNorm2d(4 * middle))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    def __init__(self, size=224):
        super().__init__()
        self.size = size
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        channels = 64
        for stage, depth in enumerate((3, 4, 6, 3)):
            middle, blocks = 64 << stage, []
            for i in range(depth):
                blocks.append(Bottleneck(channels, middle, 2 if i == 0 and stage > 0 else 1))
                channels = 4 * middle
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))

    def draw(self):
        for name, tensor in self.state_dict().items():
            if name.endswith("running_mean") or ("bn" in name or "downsample.1" in name) and name.endswith("bias"):
                tensor.normal_(0, 0.1)
            elif name.endswith("running_var") or "bn" in name and name.endswith("weight"):
                tensor.uniform_(0.5, 1.5)
        return torch.randn(2, 3, self.size, self.size)


class Conv1D(nn.Module):
    """A linear layer with its weight as [in, out]."""

    def __init__(self, out, dim):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(dim, out)), nn.Parameter(torch.empty(out))

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    def __init__(self, dim, heads, positions):
        super().__init__()
        self.heads = heads
        self.register_buffer("bias", torch.ones(positions, positions).tril().byte()[None, None])
        self.register_buffer("masked_bias", torch.tensor(-1e4))
        self.c_attn, self.c_proj = Conv1D(3 * dim, dim), Conv1D(dim, dim)

    def forward(self, x):
        batch, length, dim = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.c_attn(x).split(dim, 2))
        scores = q @ k.transpose(-1, -2) / (dim // self.heads) ** 0.5
        scores = scores.masked_fill(self.bias[:, :, :length, :length] == 0, float("-inf"))
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, dim))


class Mlp(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.c_fc, self.c_proj = Conv1D(4 * dim, dim), Conv1D(dim, 4 * dim)

    def forward(self, x):
        x = self.c_fc(x)
        return self.c_proj(0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))))


class Block(nn.Module):
    def __init__(self, dim, heads, positions):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(dim), Attention(dim, heads, positions)
        self.ln_2, self.mlp = nn.LayerNorm(dim), Mlp(dim)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, vocab, dim, heads, layers, positions):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(positions, dim)
        self.h = nn.ModuleList(Block(dim, heads, positions) for _ in range(layers))
        self.ln_f = nn.LayerNorm(dim)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return self.ln_f(x)


class Gpt2(nn.Module):
    def __init__(self, vocab=50257, dim=768, heads=12, layers=12, positions=1024, length=128):
        super().__init__()
        self.vocab, self.length = vocab, length
        self.transformer = Transformer(vocab, dim, heads, layers, positions)
        self.lm_head = nn.Linear(dim, vocab, bias=False)
        self.lm_head.weight = self.transformer.wte.weight

    def forward(self, tokens):
        return self.lm_head(self.transformer(tokens))

    def draw(self):
        for name, tensor in self.named_parameters():
            if "ln_" in name and name.endswith("weight"):
                nn.init.uniform_(tensor, 0.5, 1.5)
            else:
                nn.init.normal_(tensor, 0, 0.02)
        return torch.randint(0, self.vocab, (2, self.length))


def main():
    torch.manual_seed(7)
    folder = pathlib.Path(sys.argv[2])
    settings = {key: int(value) for key, value in (word.split("=") for word in sys.argv[3:])}
    model = {"resnet50": ResNet50, "gpt2": Gpt2}[sys.argv[1]](**settings).eval()
    with torch.no_grad():
        x = model.draw()
        y = model(x)
    torch.save(model.state_dict(), folder / "weights.pt")
    np.save(folder / "input.npy", x.numpy())
    np.save(folder / "output.npy", y.numpy())


main()
