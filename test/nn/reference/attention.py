"""What test/nn/attention.asg must compute."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .cases import Family

family = Family()
case = family.case


def attention(q, k, v, mask=None, bias=0):
    """[batch, seq, heads, depth]; mask is true where a query may look."""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2)


def causal(n):
    return torch.ones(n, n).tril().bool()


shape = (2, 5, 3, 4)
case("attention", attention, q=shape, k=(2, 6, 3, 4), v=(2, 6, 3, 4))
case("attention_causal", lambda q, k, v: attention(q, k, v, causal(5)), q=shape, k=shape, v=shape)
case("attention_masked", lambda q, k, v, mask: attention(q, k, v, mask[:, None, None]), q=shape, k=shape, v=shape,
     mask=np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool))


def multi_head(x, p, prefix, heads, mask=None):
    """torch.nn.MultiheadAttention, whose in_proj_weight is called in_proj.weight here."""
    dim = x.shape[-1]
    module = nn.MultiheadAttention(dim, heads, batch_first=True).double()
    # Its mask is true where a query may not look.
    return F.multi_head_attention_forward(
        *[x.transpose(0, 1)] * 3, dim, heads, p[prefix + "in_proj.weight"], p[prefix + "in_proj.bias"], None, None,
        False, 0.0, p[prefix + "out_proj.weight"], p[prefix + "out_proj.bias"], training=module.training,
        need_weights=False, attn_mask=None if mask is None else ~mask)[0].transpose(0, 1)


def projections(prefix, dim):
    return {prefix + "in_proj.weight": (3 * dim, dim), prefix + "in_proj.bias": (3 * dim,),
            prefix + "out_proj.weight": (dim, dim), prefix + "out_proj.bias": (dim,)}


name = "multi_head_attention."
case("multi_head_attention", lambda x, p: multi_head(x, p, name, 2), x=(2, 5, 6), params=projections(name, 6))
case("multi_head_attention_causal", lambda x, p: multi_head(x, p, name, 3, causal(5)), x=(2, 5, 6),
     params=projections(name, 6))


def feed_forward(x, p, prefix, activation):
    h = activation(F.linear(x, p[prefix + "fc1.weight"], p[prefix + "fc1.bias"]))
    return F.linear(h, p[prefix + "fc2.weight"], p[prefix + "fc2.bias"])


def two_layers(prefix, dim, hidden):
    return {prefix + "fc1.weight": (hidden, dim), prefix + "fc1.bias": (hidden,), prefix + "fc2.weight": (dim, hidden),
            prefix + "fc2.bias": (dim,)}


case("feed_forward", lambda x, p: feed_forward(x, p, "feed_forward.", F.gelu), x=(2, 3, 4),
     params=two_layers("feed_forward.", 4, 8))


def block(x, p):
    prefix = "transformer_block."

    def norm(name, x):
        return F.layer_norm(x, x.shape[-1:], p[f"{prefix}{name}.weight"], p[f"{prefix}{name}.bias"])

    x = x + multi_head(norm("norm1", x), p, prefix + "attn.", 2, causal(4))
    return x + feed_forward(norm("norm2", x), p, prefix, F.relu)


case("transformer_block", block, x=(2, 4, 6),
     params=projections("transformer_block.attn.", 6) | two_layers("transformer_block.", 6, 8)
     | {f"transformer_block.{norm}.{name}": (6,) for norm in ("norm1", "norm2") for name in ("weight", "bias")})


# Positions
def sinusoids(seq, dim):
    rate = 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.arange(seq, dtype=torch.float64)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(seq, dim)


def rotate(x, offset, base=10000.0):
    """Su et al. 2021, section 3.4.2, literally: a rotation of each pair of features, one out of either half."""
    seq, half = x.shape[1], x.shape[-1] // 2
    first, second = [], []
    for i in range(half):
        angle = (torch.arange(seq, dtype=torch.float64) + offset) * base ** (-i / half)
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        first.append(x[..., i] * cos - x[..., half + i] * sin)
        second.append(x[..., i] * sin + x[..., half + i] * cos)
    return torch.stack(first + second, -1)


def slopes(heads):
    """As the code of Press et al. 2022: between powers of two, every other slope of the next one."""
    if heads & (heads - 1) == 0:
        return [2.0 ** (-8 * (i + 1) / heads) for i in range(heads)]
    below = 2 ** int(math.log2(heads))
    return slopes(below) + slopes(2 * below)[0::2][: heads - below]


def alibi(q, k, v):
    (_, seq, heads, _), place = q.shape, torch.arange(q.shape[1], dtype=torch.float64)
    slope = torch.tensor(slopes(heads), dtype=torch.float64)
    bias = -slope[:, None, None] * (place[:, None] - place).abs()
    return attention(q, k, v, bias=bias.masked_fill(~causal(seq), -math.inf))


case("sinusoidal_positions", lambda x: x + sinusoids(7, 6), x=(2, 7, 6))
case("learned_positions", lambda x, p: x + p["learned_positions.weight"][:4], x=(2, 4, 6),
     params={"learned_positions.weight": (9, 6)})
case("rotary", lambda x: rotate(x, 0), x=(2, 5, 3, 4))
case("rotary_offset", lambda x: rotate(x, 11), x=(2, 5, 3, 4))
case("alibi", alibi, q=(2, 5, 4, 2), k=(2, 5, 4, 2), v=(2, 5, 4, 2))
case("alibi_six_heads", alibi, q=(1, 4, 6, 2), k=(1, 4, 6, 2), v=(1, 4, 6, 2))
case("padding_mask", lambda q, tokens: attention(q, q, q, (tokens != 0)[:, None, None]), q=shape,
     tokens=np.array([[4, 1, 0, 0, 0], [5, 6, 7, 1, 0]]))
