"""Small model texts that several tests use, and what they compute, in Python."""

import math

# y = relu(x · Wᵀ + b), then a scaled sum over its two outputs.
TINY = """use nn

model tiny(x: f32[batch <= 8, 3]) -> f32[batch, 2] {
  return x |> fc: linear(2) |> relu
}
"""
TINY_WEIGHTS = {"fc.weight": ([2, 3], [0.5, -1.0, 2.0, 1.5, 0.25, -0.75]), "fc.bias": ([2], [0.1, -0.2])}


def tiny(rows):
    weight, bias = TINY_WEIGHTS["fc.weight"][1], TINY_WEIGHTS["fc.bias"][1]
    return [[max(0.0, sum(x * w for x, w in zip(row, weight[3 * o : 3 * o + 3])) + bias[o]) for o in range(2)]
            for row in rows]


# A classifier of points in the plane that trains in a second.
POINTS = """use nn

model points(x: f32[batch <= 16, 2]) -> f32[batch, 2] {
  return x |> fc1: linear(8) |> tanh |> fc2: linear(2)
}

train points {
  data       = csv("points.csv", features = 0..2, label = 2, split = 0.75)
  batch      = 16
  epochs     = 6
  loss       = cross_entropy(output, label)
  optimizer  = adam(lr = 0.05)
  metrics    = [accuracy]
  checkpoint = every(5 steps, keep = 3)
  seed       = 3
}
"""


def points_csv(count=240):
    """Points inside and outside a circle."""
    lines, state = [], 1
    for _ in range(count):
        numbers = []
        for _ in range(2):
            state = (state * 1103515245 + 12345) % (1 << 31)
            numbers.append(state / (1 << 30) - 1.0)
        inside = math.hypot(*numbers) < 0.7
        lines.append(f"{numbers[0]:.5f},{numbers[1]:.5f},{int(inside)}")
    return "\n".join(lines) + "\n"


# A transformer block over the rows of an image, without data of its own.
ROWS = """use nn

model rows(image: f32[batch <= 256, 64]) -> f32[batch, 10] {
  x = image / 16 |> reshape(batch, 8, 8) |> embed: linear(64)
  x = x |> transformer_block(4, activation = gelu_tanh)
  return x |> ln: layer_norm |> flatten |> head: linear(10)
}

train rows {
  data      = csv("digits.csv.gz", features = 0..64, label = 64, split = 0.8)
  batch     = 64
  epochs    = 1
  loss      = cross_entropy(output, label)
  optimizer = adamw(lr = 1e-3, weight_decay = 0.01)
  clip      = norm(1.0)
  seed      = 1
}
"""
