"""What a case is: inputs, parameters, and a function of PyTorch that says what
the model `NAME_case` must compute from them. Everything is computed in f64 from
values that f32 holds exactly."""

import zlib

import numpy as np
import torch


class Case:
    def __init__(self, name, function, inputs, params, smooth):
        self.name, self.function = name, function
        self.inputs, self.params, self.smooth = inputs, params, smooth

    def compute(self):
        """tensors by role: input/NAME, param/NAME, output/NAME, cotangent/NAME, grad/NAME."""
        result = {f"input/{key}": value for key, value in self.inputs.items()}
        result |= {f"param/{key}": value for key, value in self.params.items()}
        inputs = {key: to_torch(value) for key, value in self.inputs.items()}
        params = {key: to_torch(value) for key, value in self.params.items()}
        arguments = [params] if params else []
        outputs = self.function(*inputs.values(), *arguments)
        if not isinstance(outputs, dict):
            outputs = {"output": outputs}
        random = draw(self.name + " cotangent")
        total = 0
        for key, value in outputs.items():
            result[f"output/{key}"] = value.detach().numpy()
            if value.is_floating_point() and self.smooth:
                cotangent = f32(random.standard_normal(tuple(value.shape)))
                result[f"cotangent/{key}"] = cotangent
                total = total + (value * to_torch(cotangent)).sum()
        if self.smooth:
            total.backward()
            for key, value in (inputs | params).items():
                if value.is_floating_point():
                    result[f"grad/{key}"] = (torch.zeros_like(value) if value.grad is None else value.grad).numpy()
        return result


def draw(seed):
    """Numbers that depend on the text `seed` alone, so that a new case leaves the others as they are."""
    return np.random.default_rng(zlib.crc32(seed.encode()))


def f32(array):
    return np.asarray(array, np.float32)


def to_torch(array):
    array = np.asarray(array)
    if array.dtype == np.float32:
        return torch.tensor(array.astype(np.float64), requires_grad=True)
    return torch.tensor(array)


class Family:
    """The cases of one file NAME.asg."""

    def __init__(self):
        self.cases = []

    def case(self, name, function, params=None, smooth=True, **inputs):
        """An input that is a shape is drawn; one that is an array stands as it is."""
        random = draw(name)

        def value(given):
            return f32(random.standard_normal(given)) if isinstance(given, tuple) else np.asarray(given)

        def weight(given):
            drawn = value(given)
            # As in a real network, sums are about as large as what is summed.
            fan = np.prod(drawn.shape[1:]) if isinstance(given, tuple) and len(given) > 1 else 1
            return f32(drawn / np.sqrt(fan))

        self.cases.append(Case(name, function, {key: value(given) for key, given in inputs.items()},
                               {key: weight(given) for key, given in (params or {}).items()}, smooth))
