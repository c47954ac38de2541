"""What test/nn/tensors.asg must compute: forms whose gradients are easily got
wrong (a sum where several rows ask for their own, a zero where nothing was
written)."""

import torch
from torch.nn import functional as F

from .cases import Family, draw, f32

family = Family()
case = family.case

case("variance_of_all", lambda x: x.var(unbiased=False), x=(3, 4))
case("variance_of_rows", lambda x: x.var(-1, unbiased=False), x=(2, 3, 4))
case("variance_of_columns", lambda x: x.var((0, 2), unbiased=True, keepdim=True), x=(2, 3, 4))
case("mean_of_columns", lambda x: x.mean(0), x=(3, 4))
case("sum_of_all", lambda x: x.sum(), x=(3, 4))
case("max_of_rows", lambda x: x.amax(-1), x=(3, 4))
case("column_and_row", lambda a, b: a + b, a=(3, 1), b=(1, 4))
case("repeat_scalar", lambda x, s: x * s, x=(3, 4), s=())
case("repeat_rows", lambda x: x.expand(2, 3, 4), x=(3, 1))
case("tensor_power", lambda x, y: x ** y, x=f32(draw("power").uniform(0.2, 3, (3, 4))), y=(3, 4))
case("scalar_power", lambda x: x ** 2.5, x=f32(draw("power").uniform(0.2, 3, (3, 4))))
case("product", lambda x: x.prod(-1), x=(3, 4))
case("matmul_batches", lambda a, b: a @ b, a=(2, 3, 4, 5), b=(2, 3, 5, 2))
case("matmul_repeated", lambda a, b: a @ b, a=(2, 3, 4, 5), b=(5, 2))
case("slice_and_join", lambda x: torch.cat([x[:, 1:3], x[:, ::2], x[:, -1:]], 1), x=(3, 6))
case("pad", lambda x: F.pad(x, (1, 2), value=0.5), x=(3, 4))


def linear_scan(a, b, axis=-1, reverse=False):
    a, b = torch.broadcast_tensors(a, b)
    steps = range(b.shape[axis])
    h = []
    for t in reversed(steps) if reverse else steps:
        term = b.select(axis, t)
        h.append(a.select(axis, t) * h[-1] + term if h else term)
    return torch.stack(h[::-1] if reverse else h, axis)


FACTORS = f32(draw("factors").uniform(-1, 1, (2, 37, 3)))
case("cumulative_sum", lambda x: x.cumsum(1), x=(3, 37, 2))
case("cumulative_sum_from_the_end", lambda x: x.flip(-1).cumsum(-1).flip(-1), x=(3, 37))
case("linear_scan", lambda a, b: linear_scan(a, b, 1), a=FACTORS, b=(2, 37, 3))
case("linear_scan_from_the_end", lambda a, b: linear_scan(a, b, reverse=True), a=FACTORS[:, :, 0], b=(2, 37))
case("linear_scan_decay", lambda decay, b: linear_scan(decay, b, 1), decay=FACTORS[0, 0], b=(2, 37, 3))
