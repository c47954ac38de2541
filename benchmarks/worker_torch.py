#!/usr/bin/python3
"""Runs one PyTorch case on request: worker_torch.py CASE THREADS.

For each line "N" on stdin, runs the case N times and prints the seconds of one
run and the process's peak memory in bytes. `worker_torch.py export DIR` writes
the inference cases as ONNX files instead.
"""
import resource
import sys
import time

import torch
from torch import nn


def mlp():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


class Chain(nn.Module):
    def forward(self, x, z):
        return torch.tanh(0.5 * x + z) / (1.0 + torch.exp(-z)) + x


def inference(module, *inputs):
    module.eval()

    def run():
        with torch.inference_mode():
            module(*inputs)

    return run


def backward(module, x):
    """Gradient of sum(module(x) * dy) with respect to x, forward included."""
    module.requires_grad_(False)
    x = x.requires_grad_(True)
    dy = torch.randn_like(module(x))

    def run():
        x.grad = None
        module(x).backward(dy)

    return run


def train_mlp(batch):
    model, loss = mlp(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x, y = torch.randn(batch, 784), torch.randint(0, 10, (batch,))

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss(model(x), y).backward()
        optimizer.step()

    return run


ROWS = (4096, 1024)
CASES = {
    "mlp_train": lambda: train_mlp(128),
    "mlp_b1": lambda: inference(mlp(), torch.randn(1, 784)),
    "mlp_b128": lambda: inference(mlp(), torch.randn(128, 784)),
    "softmax_forward": lambda: inference(nn.Softmax(-1), torch.randn(*ROWS)),
    "softmax_backward": lambda: backward(nn.Softmax(-1), torch.randn(*ROWS)),
    "layer_norm_forward": lambda: inference(nn.LayerNorm(1024), torch.randn(*ROWS)),
    "layer_norm_backward": lambda: backward(nn.LayerNorm(1024), torch.randn(*ROWS)),
    "chain": lambda: inference(Chain(), torch.randn(1 << 24), torch.randn(1 << 24)),
}


def export(folder):
    def write(name, module, *inputs, dynamic=False):
        axes = {"input": {0: "batch"}, "output": {0: "batch"}} if dynamic else None
        names = ["input"] if len(inputs) == 1 else ["input", "other"]
        torch.onnx.export(module.eval(), inputs, f"{folder}/{name}.onnx", opset_version=17, input_names=names,
                          output_names=["output"], dynamic_axes=axes)

    write("mlp", mlp(), torch.randn(1, 784), dynamic=True)
    write("softmax_forward", nn.Softmax(-1), torch.randn(*ROWS))
    write("layer_norm_forward", nn.LayerNorm(1024), torch.randn(*ROWS))
    write("identity", nn.Identity(), torch.randn(1))  # what a call costs
    write("chain", Chain(), torch.randn(1 << 24), torch.randn(1 << 24))


def main():
    if sys.argv[1] == "export":
        return export(sys.argv[2])
    torch.set_num_threads(int(sys.argv[2]))
    run = CASES[sys.argv[1]]()
    for line in sys.stdin:
        count = int(line)
        start = time.perf_counter()
        for _ in range(count):
            run()
        seconds = (time.perf_counter() - start) / count
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"{seconds:.9g} {peak}", flush=True)


main()
