"""What the recipes of test/nn/training.asg must do: the losses, the learning
rates and the variables after STEPS steps on the batches of training.npz."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from .cases import draw, f32

STEPS, BATCH = 6, 4
ROWS = {"x": f32(draw("training x").standard_normal((STEPS * BATCH, 3))),
        "y": f32(draw("training y").standard_normal((STEPS * BATCH, 2)))}
WEIGHTS = {"fc.weight": f32(draw("training weight").standard_normal((2, 3))),
           "fc.bias": f32(draw("training bias").standard_normal(2))}
NORM = {"bn.weight": f32([1.5, 0.5, 1.0]), "bn.bias": f32([0.25, 0.0, -0.5]), "bn.running_mean": f32([0.0, 0.0, 0.0]),
        "bn.running_var": f32([1.0, 1.0, 1.0])}


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2; PyTorch has none."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = (first * m + (1 - first) * p.grad).sign()
                p -= group["lr"] * (update + group["weight_decay"] * p)
                m.mul_(second).add_(p.grad, alpha=1 - second)


class Recipe:
    def __init__(self, name, make, lr=None, clip=None, loss=F.mse_loss, norm=False, frozen=()):
        self.name, self.make, self.lr, self.clip = name, make, lr, clip
        self.loss, self.norm, self.plain = loss, norm, frozen

    def compute(self):
        start = WEIGHTS | (NORM if self.norm else {})
        variables = {key: torch.tensor(value, dtype=torch.float64, requires_grad="running" not in key)
                     for key, value in start.items()}
        params = {key: value for key, value in variables.items() if value.requires_grad}
        optimizer = self.make(params)
        schedule = self.lr and self.lr(optimizer)
        losses, rates, norms = [], [], []
        for step in range(STEPS):
            rows = slice(step * BATCH, step * BATCH + BATCH)
            x, y = (torch.tensor(value[rows], dtype=torch.float64) for value in ROWS.values())
            if self.norm:
                x = F.batch_norm(x, variables["bn.running_mean"], variables["bn.running_var"], variables["bn.weight"],
                                 variables["bn.bias"], training=True)
            loss = self.loss(F.linear(x, variables["fc.weight"], variables["fc.bias"]), y)
            optimizer.zero_grad()
            loss.backward()
            norms.append(math.sqrt(sum((p.grad ** 2).sum().item() for p in params.values())))
            if self.clip:
                self.clip(params.values())
            losses.append(loss.item())
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if schedule:
                schedule.step()
        result = {"loss/loss": np.array(losses), "loss/lr": np.array(rates), "loss/grad_norm": np.array(norms)}
        result |= {f"start/{key}": value for key, value in start.items()}
        return result | {f"end/{key}": value.detach().numpy() for key, value in variables.items()}


class Recipes:
    cases = []


family = Recipes()


def recipe(name, make, **options):
    family.cases.append(Recipe(name, lambda params: make(params.values()), **options))


sgd, optim = torch.optim.SGD, torch.optim
recipe("sgd", lambda p: sgd(p, lr=0.1))
recipe("sgd_decay", lambda p: sgd(p, lr=0.1, weight_decay=0.05))
recipe("sgd_momentum", lambda p: sgd(p, lr=0.1, momentum=0.9, weight_decay=0.05))
recipe("sgd_dampened", lambda p: sgd(p, lr=0.1, momentum=0.9, dampening=0.3))
recipe("sgd_nesterov", lambda p: sgd(p, lr=0.1, momentum=0.9, weight_decay=0.05, nesterov=True))
recipe("adam", lambda p: optim.Adam(p, lr=0.1))
recipe("adam_decay", lambda p: optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.05))
recipe("adamw", lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.2))
recipe("rmsprop", lambda p: optim.RMSprop(p, lr=0.05))
recipe("rmsprop_momentum", lambda p: optim.RMSprop(p, lr=0.05, alpha=0.9, momentum=0.7, weight_decay=0.05))
recipe("adagrad", lambda p: optim.Adagrad(p, lr=0.2))
recipe("adagrad_decay", lambda p: optim.Adagrad(p, lr=0.2, weight_decay=0.05))
recipe("lion", lambda p: Lion(p, lr=0.05, weight_decay=0.1))
family.cases.append(Recipe("adamw_except_bias", lambda p: optim.AdamW(
    [{"params": [p["fc.weight"]]}, {"params": [p["fc.bias"]], "weight_decay": 0.0}], lr=0.1, weight_decay=0.2)))

# The first step of a PyTorch scheduler has its index 0; asgc counts steps from 1. A constant, a step decay and an
# exponential begin with their first value in both; a warm-up and a cosine have made one of their steps already.
lambdas = optim.lr_scheduler.LambdaLR


def from_one(make):
    """The scheduler one step ahead."""
    def start(optimizer):
        schedule = make(optimizer)
        optimizer.step()  # without gradients: nothing moves, and the scheduler does not complain
        schedule.step()
        return schedule
    return start


recipe("constant", lambda p: sgd(p, lr=0.1))
recipe("warm_up", lambda p: sgd(p, lr=0.2), lr=from_one(lambda o: lambdas(o, lambda e: min(e / 3, 1))))
recipe("cosine", lambda p: sgd(p, lr=0.2), lr=from_one(lambda o: optim.lr_scheduler.CosineAnnealingLR(o, STEPS, 0.02)))
recipe("cosine_warm_up", lambda p: sgd(p, lr=0.2), lr=from_one(lambda o: lambdas(
    o, lambda e: e / 3 if e < 3 else 0.5 * (1 + math.cos(math.pi * (e - 3) / (STEPS - 3))))))
recipe("linear_ramp", lambda p: sgd(p, lr=0.2), lr=from_one(lambda o: optim.lr_scheduler.LinearLR(o, 1.0, 0.1, 4)))
recipe("step_decay", lambda p: sgd(p, lr=0.2), lr=lambda o: optim.lr_scheduler.StepLR(o, 2, 0.5))
recipe("exponential", lambda p: sgd(p, lr=0.2), lr=lambda o: optim.lr_scheduler.ExponentialLR(o, 0.8))

recipe("clip_norm", lambda p: sgd(p, lr=0.1), clip=lambda p: torch.nn.utils.clip_grad_norm_(p, 0.5))
recipe("clip_norm_idle", lambda p: sgd(p, lr=0.1), clip=lambda p: torch.nn.utils.clip_grad_norm_(p, 1e3))
recipe("clip_value", lambda p: sgd(p, lr=0.1), clip=lambda p: torch.nn.utils.clip_grad_value_(p, 0.3))
recipe("batch_norm", lambda p: sgd(p, lr=0.1), norm=True)
recipe("batch_norm_adamw", lambda p: optim.AdamW(p, lr=0.05, weight_decay=0.1), norm=True)
