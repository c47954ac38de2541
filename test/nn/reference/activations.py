"""What test/nn/activations.asg must compute."""

import torch
from torch.nn import functional as F

from .cases import Family, draw, f32

family = Family()


def numbers(name, *special):
    """Numbers of every size, with `special` ones in their midst: where a function bends, and where it saturates."""
    x = draw(name).standard_normal((6, 8)) * 4
    x.reshape(-1)[3 : 3 + len(special)] = special
    return f32(x)


def elementwise(name, function, *special):
    family.case(name, function, x=numbers(name, *special))


elementwise("relu", F.relu, 0.0, -0.0, 100, -100)
elementwise("relu6", F.relu6, 0.0, 6.0, 100, -100)
elementwise("leaky_relu", F.leaky_relu, 0.0, 100, -100)
elementwise("leaky_relu_steep", lambda x: F.leaky_relu(x, 0.3), 0.0, 100, -100)
family.case("prelu", lambda x, p: F.prelu(x, p["prelu.weight"]), params={"prelu.weight": f32([0.25])},
            x=numbers("prelu", 0.0, 100, -100))
elementwise("elu", F.elu, 0.0, 100, -100)
elementwise("elu_deep", lambda x: F.elu(x, 1.5), 0.0, 100, -100)
elementwise("selu", F.selu, 0.0, 100, -100)
elementwise("sigmoid", torch.sigmoid, 0.0, 80, -80, 200, -200)
elementwise("log_sigmoid", F.logsigmoid, 0.0, 80, -80, 200, -200)
# PyTorch takes x itself above 20, where ln(1 + e^x) - x < 2.1e-9.
elementwise("softplus", F.softplus, 0.0, 80, -80, 200, -200)
elementwise("softsign", F.softsign, 0.0, 1e6, -1e6)
elementwise("gelu", F.gelu, 0.0, 40, -40)
elementwise("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), 0.0, 40, -40)
elementwise("silu", F.silu, 0.0, 90, -90)
elementwise("mish", F.mish, 0.0, 60, -60)
elementwise("tanh", torch.tanh, 0.0, 40, -40)
elementwise("hardsigmoid", F.hardsigmoid, 3.0, -3.0, 40, -40)
# At 3 and -3 themselves PyTorch before 2.8 gives 3/2 and -1/2, the derivative of neither side.
elementwise("hardswish", F.hardswish, 0.0, 40, -40)
elementwise("hardtanh", F.hardtanh, 1.0, -1.0, 40, -40)
elementwise("softmax", lambda x: F.softmax(x, -1), 0.0, 88, -88, 200, 200, -200)
elementwise("softmax_columns", lambda x: F.softmax(x, 0), 88, -88, 200)
elementwise("log_softmax", lambda x: F.log_softmax(x, -1), 0.0, 88, -88, 200, 200, -200)
elementwise("glu", lambda x: F.glu(x, -1), 0.0, 40, -40)
elementwise("glu_rows", lambda x: F.glu(x, 0), 0.0, 40, -40)
