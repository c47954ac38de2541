#!/usr/bin/env python3
"""Compares asgc with PyTorch on the same GPU, in one run: gpu_compare.py [--kit FOLDER] [--json FILE] [ROW...]

The kit (./x gpu-kit) has asgc's side; PyTorch runs eagerly, compiled, and as a CUDA graph, and the ratio is to the best of
them. Data lies on the GPU, is random, and stays there; a measurement runs a case several times and waits once. Engines take
turns, so that all see the same clocks; a figure is the median of the rounds. Where memory has a goal, a second row has the
most of the device's memory that a run needs: tensors alone, without what drivers, libraries and allocators keep besides.
"""
import argparse
import datetime
import gc
import json
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
MODES = ["eager", "compile", "graph"]


def gemm(n):
    return 2 * n**3


def convolution(c, size):
    return 2 * 32 * size * size * c * c * 9


def sets(**settings):
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


# name, text of benchmarks/models and arguments, entry and run-time dims, the name and arguments of PyTorch's case, how a rate
# is counted ("TF": operations, "GB/s": bytes, "ms": none), and the least ratio wanted.
ROWS = [
    *[dict(name=f"gemm_{kind}_{n}", model=["gemm", "--model", f"gemm_{kind}", "--set", f"n={n}"], torch=["gemm", kind, n],
           flops=gemm(n), goal=goal)
      for kind, n, goal in [("f32", 4096, 0.8), ("f32", 8192, 0.8), ("f16", 4096, 0.5), ("bf16", 4096, 0.5),
                            ("f16", 8192, 0.5), ("bf16", 8192, 0.5), ("bf16", 1024, 1.0), ("bf16", 2048, 0.6)]],
    dict(name="gemm_f32_tensor3_4096", model=["gemm", "--model", "gemm_f32", "--set", "n=4096", "--f32=tensor3"],
         torch=["gemm", "f32", 4096], flops=gemm(4096), goal=2.0),
    *[dict(name=f"conv_{part}_{c}", model=["conv", "--model", f"conv_{part}", "--set", f"c={c}", "--set", f"size={size}"],
           torch=["conv", part, c, size], flops=convolution(c, size), goal=0.5)
      for c, size in [(64, 56), (512, 7)] for part in ("forward", "input_gradient", "weight_gradient")],
    dict(name="chain", model=["rows", "--model", "chain_rows"], torch=["chain"], bytes=3 * 2**28, goal=1.0),
    dict(name="layer_norm", model=["rows", "--model", "layer_norm_rows"], torch=["layer_norm"], bytes=2 * 2**28, goal=1.0),
    dict(name="softmax", model=["rows", "--model", "softmax_rows"], torch=["softmax"], bytes=2 * 2**28, goal=1.1),
    *[dict(name=f"cumsum_{part}", model=["rows", "--model", f"cumsum_{part}"], torch=["cumsum", part], bytes=2 * 2**28, goal=1.0)
      for part in ("rows", "columns")],
    # Causal: of the pairs of a query and a key half are looked at, each 2 · 128 times for scores and sums.
    dict(name="attention_bf16_d128", model=["attention"], torch=["attention"], flops=2 * 4 * 16 * 4096**2 * 128, goal=0.4,
         memory_goal=1.0),
    dict(name="mlp_train", model=["mlp"], entry="train_step", dims=["batch=128"], torch=["mlp"], goal=4.0),
    dict(name="gpt_tiny_train", model=["gpt"], entry="train_step", torch=["gpt", 512, 8, 4, 128, 8192], goal=1.7),
    dict(name="gpt_tiny_train_tensor3", model=["gpt", "--f32=tensor3"], entry="train_step",
         torch=["gpt", 512, 8, 4, 128, 8192], goal=1.7),
    dict(name="gpt_tiny_train_bf16", model=["gpt", "--set", "precision=bf16"], entry="train_step",
         torch=["gpt", 512, 8, 4, 128, 8192, "bf16"], goal=2.5),
    dict(name="gpt2_small_train_bf16",
         model=["gpt", *sets(precision="bf16", dim=768, heads=12, layers=12, length=1024, vocab=50257)], entry="train_step",
         torch=["gpt", 768, 12, 12, 1024, 50257, "bf16"], goal=0.5, memory_goal=1.0),
    # PyTorch's convolutions of f32 use TF32, which rounds factors to 11 bits; tensor3 keeps 16.
    dict(name="resnet50_train", model=["resnet50", "--f32=tensor3"], entry="train_step", dims=["batch=32"], torch=["resnet50", 32], goal=0.6),
    dict(name="resnet50_infer_f16", model=["resnet50", "--infer-only", "--precision=f16", "--dim=batch=1"],
         torch=["resnet50_infer", "f16"], goal=0.6),
]


#===- PyTorch's side: this file again, in a process of its own ------------===#

def torch_cases():
    import torch
    from torch import nn
    import torch.nn.functional as F

    torch.manual_seed(1)
    types = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
    gpu = dict(device="cuda")

    def inference(function, *inputs):
        return function, inputs, None

    def training(model, loss, optimizer, *data):
        def step(*data):
            optimizer.zero_grad(set_to_none=False)
            value = loss(model, *data)
            value.backward()
            optimizer.step()
            return value
        return step, data, model

    def case_gemm(kind, n):
        return inference(torch.matmul, *(torch.rand(n, n, **gpu).mul(2).sub(1).to(types[kind]) for _ in range(2)))

    def case_conv(part, c, size):
        x, dy = (torch.randn(32, c, size, size, **gpu).bfloat16().contiguous(memory_format=torch.channels_last) for _ in range(2))
        w = torch.randn(c, c, 3, 3, **gpu).bfloat16().contiguous(memory_format=torch.channels_last)
        if part == "forward":
            return inference(lambda x, w: F.conv2d(x, w, padding=1), x, w)
        mask = [part == "input_gradient", part == "weight_gradient", False]

        def backward(x, w, dy):
            return torch.ops.aten.convolution_backward(dy, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)
        return inference(backward, x, w, dy)

    def case_chain():
        x, z = torch.randn(2**26, **gpu), torch.randn(2**26, **gpu)
        return inference(lambda x, z: torch.tanh(0.5 * x + z) / (1.0 + torch.exp(-z)) + x, x, z)

    def case_layer_norm():
        return inference(nn.LayerNorm(4096, **gpu), torch.randn(16384, 4096, **gpu))

    def case_softmax():
        return inference(nn.Softmax(-1), torch.randn(16384, 4096, **gpu))

    def case_cumsum(part):
        shape, axis = ((16384, 4096), -1) if part == "rows" else ((16, 4096, 1024), 1)
        return inference(lambda x: torch.cumsum(x, axis), torch.randn(*shape, **gpu))

    def case_attention():
        q, k, v = (torch.randn(4, 16, 4096, 128, **gpu).bfloat16() for _ in range(3))
        return inference(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), q, k, v)

    def case_mlp():
        model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)).cuda()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, capturable=True, foreach=True)
        return training(model, lambda m, x, y: F.cross_entropy(m(x), y), optimizer, torch.randn(128, 784, **gpu),
                        torch.randint(0, 10, (128,), **gpu))

    class Block(nn.Module):
        def __init__(self, dim, heads):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
            self.in_proj, self.out_proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
            self.fc1, self.fc2, self.heads = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim), heads

        def forward(self, x):
            b, t, d = x.shape
            q, k, v = self.in_proj(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out_proj(y.transpose(1, 2).reshape(b, t, d))
            return x + self.fc2(F.gelu(self.fc1(self.norm2(x)), approximate="tanh"))

    class Gpt(nn.Module):
        def __init__(self, dim, heads, layers, length, vocab):
            super().__init__()
            self.wte = nn.Parameter(torch.randn(vocab, dim) * 0.02)
            self.wpe = nn.Parameter(torch.randn(length, dim) * 0.02)
            self.h, self.ln_f = nn.ModuleList(Block(dim, heads) for _ in range(layers)), nn.LayerNorm(dim)

        def forward(self, tokens):
            x = F.embedding(tokens, self.wte) + self.wpe
            for block in self.h:
                x = block(x)
            return self.ln_f(x) @ self.wte.T

    def case_gpt(dim, heads, layers, length, vocab, kind="f32"):
        model = Gpt(dim, heads, layers, length, vocab).cuda()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, capturable=True, foreach=True)
        tokens, following = (torch.randint(0, vocab, (8, length), **gpu) for _ in range(2))

        def loss(m, x, y):
            with torch.autocast("cuda", types[kind], enabled=kind != "f32"):
                return F.cross_entropy(m(x).flatten(0, 1), y.flatten())
        return training(model, loss, optimizer, tokens, following)

    def case_resnet50(batch):
        import torchvision
        model = torchvision.models.resnet50().cuda().to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, foreach=True)
        return training(model, lambda m, x, y: F.cross_entropy(m(x), y), optimizer,
                        torch.randn(batch, 3, 224, 224, **gpu).contiguous(memory_format=torch.channels_last),
                        torch.randint(0, 1000, (batch,), **gpu))

    def case_resnet50_infer(kind):
        import torchvision
        model = torchvision.models.resnet50().cuda().eval().to(types[kind]).to(memory_format=torch.channels_last)
        return inference(model, torch.randn(1, 3, 224, 224, **gpu).to(types[kind]).contiguous(memory_format=torch.channels_last))

    return {name.removeprefix("case_"): value for name, value in locals().items() if name.startswith("case_")}


def prepare(case, mode):
    """A function that starts one run."""
    import torch
    function, data, model = case
    if mode == "compile":
        function = torch.compile(function)
    if mode != "graph":
        def run():
            with torch.set_grad_enabled(model is not None):
                function(*data)
        return run
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream), torch.set_grad_enabled(model is not None):
        for _ in range(3):
            function(*data)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph), torch.set_grad_enabled(model is not None):
        function(*data)
    return graph.replay


def serve_torch():
    """Answers one line for each on stdin: "load MODE JSON-OF-CASE", "run MODE N", "free", "about"."""
    import torch
    torch.backends.cuda.matmul.allow_tf32 = False  # f32 means f32; convolutions keep PyTorch's default
    torch.backends.cudnn.benchmark = True
    cases, case, runs = torch_cases(), None, {}
    for line in sys.stdin:
        verb, *rest = line.split(maxsplit=2)
        try:
            if verb == "about":
                answer = f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}"
            elif verb == "load":
                name, *arguments = json.loads(rest[1])
                gc.collect()
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
                before = torch.cuda.memory_allocated()
                # Each mode has a model of its own: a graph fixes the addresses of gradients.
                case = cases[name](*arguments)
                runs[rest[0]] = prepare(case, rest[0])
                runs[rest[0]]()
                torch.cuda.synchronize()
                if rest[0] != "graph":  # whose memory is taken as it is recorded
                    torch.cuda.reset_peak_memory_stats()
                    runs[rest[0]]()
                    torch.cuda.synchronize()
                answer = f"ok {torch.cuda.max_memory_allocated() - before}"
            elif verb == "run":
                start = time.perf_counter()
                for _ in range(int(rest[1])):
                    runs[rest[0]]()
                torch.cuda.synchronize()
                answer = f"{(time.perf_counter() - start) / int(rest[1]):.9g}"
            else:
                case, runs = None, {}
                torch._dynamo.reset()
                gc.collect()
                torch.cuda.empty_cache()
                answer = "ok"
        except Exception as error:  # a case that PyTorch cannot run has no figure
            answer = "error " + " ".join(str(error).split())[:200]
        print(answer, flush=True)


#===- Both sides in turns -------------------------------------------------===#

class Worker:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline().strip()
        if not answer and self.process.poll() is not None:
            return "error " + (self.process.stderr.read().strip().splitlines() or ["it ended"])[-1]
        return answer

    def lines(self, line):
        """The lines of an answer that an empty one ends."""
        found, answer = [], self.ask(line)
        while answer and not answer.startswith("error"):
            found.append(answer)
            answer = self.process.stdout.readline().strip()
        return found

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # it has ended already
            pass
        self.process.wait()


def measure(row, kit, torch, args):
    """Seconds by engine, or the engine's error; asgc's kernels."""
    result = {"name": row["name"], "goal": row["goal"], "seconds": {}, "memory": {}, "errors": {}, "kernels": []}
    entry = row.get("entry", "infer")
    asgc = Worker([kit / "bench", row["name"], entry, *row.get("dims", [])])
    engines = {"asgc": lambda n: asgc.ask(str(n))}
    for mode in args.modes if torch else []:
        answer = torch.ask(f"load {mode} {json.dumps(row['torch'])}")
        if answer.startswith("ok "):
            result["memory"][mode] = int(answer[3:])
            engines[mode] = lambda n, mode=mode: torch.ask(f"run {mode} {n}")
        else:
            result["errors"][mode] = answer
    counts, times = {}, {}
    for engine, run in list(engines.items()):
        answer = run(1)
        for _ in range(2):
            if answer and not answer.startswith("error"):
                answer = run(max(1, min(2000, int(args.slice / 4 / float(answer)))))
        if not answer or answer.startswith("error"):
            result["errors"][engine] = answer
            del engines[engine]
            continue
        counts[engine] = max(1, min(5000, int(args.slice / float(answer))))
        times[engine] = []
    for _ in range(args.rounds):
        for engine, run in engines.items():
            times[engine].append(float(run(counts[engine])))
    result["seconds"] = {engine: statistics.median(values) for engine, values in times.items()}
    if "asgc" in engines:
        kernels = [line.split(maxsplit=1) for line in asgc.lines("profile")]
        result["memory"]["asgc"] = int(asgc.ask("memory"))
        result["kernels"] = sorted(((float(seconds), name) for seconds, name in kernels), reverse=True)
    asgc.close()
    if torch:
        torch.ask("free")
    best = min((seconds for engine, seconds in result["seconds"].items() if engine != "asgc"), default=None)
    if best and "asgc" in result["seconds"]:
        result["ratio"] = best / result["seconds"]["asgc"]
    least = min((bytes_ for engine, bytes_ in result["memory"].items() if engine != "asgc"), default=None)
    if least and "asgc" in result["memory"]:
        result["memory_ratio"] = least / result["memory"]["asgc"]
    return result


def rate_of(row, seconds):
    if "flops" in row:
        return f"{row['flops'] / seconds / 1e12:.3g} TF"
    if "bytes" in row:
        return f"{row['bytes'] / seconds / 1e9:.0f} GB/s"
    return ""


def show(row, result, modes):
    """A line of the table."""
    seconds = result["seconds"]
    cells = [result["name"]]
    for engine in ["asgc", *modes]:
        cells.append(f"{seconds[engine] * 1e3:.4g}" if engine in seconds else "-")
    cells.append(rate_of(row, seconds["asgc"]) if "asgc" in seconds else "")
    ratio = result.get("ratio")
    cells.append(f"{ratio:.2f}" if ratio else "-")
    verdict = f"{result['goal']:g} " + ("ok" if ratio >= result["goal"] else "MISS") if ratio else f"{result['goal']:g}"
    error = result["errors"].get("asgc")
    cells.append(f"{verdict}: {error}" if error else verdict)
    print("| " + " | ".join(cells) + " |", flush=True)
    if "memory_goal" in row and "asgc" in result["memory"]:
        cells = [f"{result['name']}, peak MiB"]
        for engine in ["asgc", *modes]:
            cells.append(f"{result['memory'][engine] / 2**20:.0f}" if engine in result["memory"] else "-")
        ratio, goal = result.get("memory_ratio"), row["memory_goal"]
        cells += ["", f"{ratio:.2f}", f"{goal:g} " + ("ok" if ratio >= goal else "MISS")] if ratio else ["", "-", f"{goal:g}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    for engine, error in result["errors"].items():
        if engine != "asgc":
            print(f"{result['name']}, {engine}: {error}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="only these, by the beginning of their names")
    parser.add_argument("--kit", type=pathlib.Path, default=HERE, help="the folder that ./x gpu-kit wrote")
    parser.add_argument("--json", type=pathlib.Path, help="write everything for programs, kernels too")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slice", type=float, default=0.1, help="seconds of a turn")
    parser.add_argument("--modes", nargs="*", choices=MODES, default=MODES)
    parser.add_argument("--no-torch", action="store_true", help="asgc alone")
    parser.add_argument("--list-programs", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--serve-torch", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve_torch:
        return serve_torch()
    if args.list_programs:
        for row in ROWS:
            print(row["name"], *row["model"])
        return 0
    torch = None if args.no_torch else Worker([sys.executable, __file__, "--serve-torch"])
    about = torch.ask("about") if torch else ""
    if about.startswith("error"):
        sys.exit(f"gpu_compare.py: PyTorch does not run here ({about[6:]}); --no-torch measures asgc alone")
    print(f"{datetime.date.today()}, {about}; medians of {args.rounds} rounds, milliseconds\n")
    modes = args.modes if torch else []
    print("| " + " | ".join(["case", "asgc", *modes, "asgc's rate", "ratio", "goal"]) + " |")
    print("|---|" + "---:|" * (len(modes) + 3) + "---|")
    results = []
    for row in ROWS:
        if not args.rows or row["name"].startswith(tuple(args.rows)):
            results.append(measure(row, args.kit, torch, args))
            show(row, results[-1], modes)
            if args.json:
                args.json.write_text(json.dumps({"about": about, "rows": results}, indent=1))
    return 0 if results else 2


if __name__ == "__main__":
    sys.exit(main())
