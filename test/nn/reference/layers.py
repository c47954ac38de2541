"""What test/nn/layers.asg must compute."""

import numpy as np
import torch
from torch.nn import functional as F

from .cases import Family, draw, f32

family = Family()
case = family.case


def images(*shape):
    """Few distinct values, so that windows have ties: the first of the largest gets the gradient."""
    return f32(draw(f"images {shape}").integers(-3, 4, shape))


case("linear", lambda x, p: F.linear(x, p["linear.weight"], p["linear.bias"]), x=(3, 5),
     params={"linear.weight": (4, 5), "linear.bias": (4,)})
case("linear_sequence", lambda x, p: F.linear(x, p["linear.weight"]), x=(2, 3, 5), params={"linear.weight": (4, 5)})


def conv(name, shape, weight, bias=True, **options):
    params = {"conv2d.weight": weight} | ({"conv2d.bias": (weight[0],)} if bias else {})
    case(name, lambda x, p: F.conv2d(x, p["conv2d.weight"], p.get("conv2d.bias"), **options), x=shape, params=params)


conv("conv2d", (2, 3, 6, 5), (4, 3, 3, 3))
conv("conv2d_strided", (2, 3, 7, 8), (4, 3, 3, 2), stride=(2, 3), padding=(1, 0))
conv("conv2d_dilated", (1, 2, 9, 8), (3, 2, 3, 2), padding=2, dilation=(2, 3))
conv("conv2d_groups", (2, 4, 5, 5), (6, 2, 3, 3), bias=False, padding=1, groups=2)
conv("conv2d_depthwise", (2, 4, 5, 6), (4, 1, 3, 3), stride=2, padding=1, groups=4)
conv("conv2d_pointwise", (2, 5, 3, 4), (4, 5, 1, 1))


def conv_transpose(name, shape, weight, out, bias=True, **options):
    params = {"conv_transpose2d.weight": weight} | ({"conv_transpose2d.bias": (out,)} if bias else {})
    case(name, lambda x, p: F.conv_transpose2d(x, p["conv_transpose2d.weight"], p.get("conv_transpose2d.bias"),
                                               **options), x=shape, params=params)


conv_transpose("conv_transpose2d", (2, 3, 4, 5), (3, 4, 3, 3), 4)
conv_transpose("conv_transpose2d_strided", (2, 3, 4, 5), (3, 4, 3, 2), 4, stride=(2, 3), padding=1,
               output_padding=(1, 0))
conv_transpose("conv_transpose2d_groups", (1, 4, 4, 3), (4, 3, 3, 3), 6, bias=False, groups=2, dilation=2)

case("max_pool2d", lambda x: F.max_pool2d(x, 2), x=images(2, 3, 6, 4))
case("max_pool2d_padded", lambda x: F.max_pool2d(x, (3, 2), stride=(2, 1), padding=1), x=images(2, 2, 6, 5))
case("max_pool2d_dilated", lambda x: F.max_pool2d(x, 2, stride=1, dilation=(2, 3)), x=images(1, 2, 6, 7))
case("avg_pool2d", lambda x: F.avg_pool2d(x, 2), x=(2, 3, 6, 4))
case("avg_pool2d_padded", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), x=(2, 2, 6, 5))
case("avg_pool2d_no_padding", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False),
     x=(2, 2, 6, 5))
case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 1), x=(2, 3, 4, 6))
case("adaptive_avg_pool2d_pair", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), x=(2, 3, 4, 6))
case("global_avg_pool2d", lambda x: x.mean((2, 3)), x=(2, 3, 4, 6))
case("dropout_while_inferring", lambda x: x, x=(3, 4))
case("embedding", lambda index, p: F.embedding(index, p["embedding.weight"]),
     index=np.array([[1, 4, 1], [0, 1, 6]]), params={"embedding.weight": (7, 5)})

# Normalization
case("layer_norm", lambda x, p: F.layer_norm(x, (6,), p["layer_norm.weight"], p["layer_norm.bias"]), x=(2, 3, 6),
     params={"layer_norm.weight": (6,), "layer_norm.bias": (6,)})
case("layer_norm_plain", lambda x: F.layer_norm(x, (6,), eps=1e-3), x=(5, 6))
# A mean far from zero must not cost digits: E[x²] − E[x]² would lose them all.
case("layer_norm_far", lambda x: F.layer_norm(x, (6,)), x=f32(np.arange(12).reshape(2, 6) + 4096))
case("rms_norm", lambda x, p: x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * p["rms_norm.weight"],
     x=(2, 3, 6), params={"rms_norm.weight": (6,)})
case("group_norm", lambda x, p: F.group_norm(x, 2, p["group_norm.weight"], p["group_norm.bias"]), x=(2, 6, 3, 4),
     params={"group_norm.weight": (6,), "group_norm.bias": (6,)})
case("batch_norm_while_inferring",
     lambda x, p: F.batch_norm(x, p["batch_norm.running_mean"].detach(), p["batch_norm.running_var"].detach(),
                               p["batch_norm.weight"], p["batch_norm.bias"]),
     x=(2, 3, 4, 2), params={"batch_norm.weight": (3,), "batch_norm.bias": (3,), "batch_norm.running_mean": (3,),
                             "batch_norm.running_var": f32([0.5, 1.5, 3.0])})
