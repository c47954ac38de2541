"""What test/nn/losses.asg must compute: losses and metrics."""

import numpy as np
import torch
from torch.nn import functional as F

from .cases import Family, draw, f32

family = Family()
case = family.case


def probabilities(name, *shape):
    return f32(draw(name).uniform(0.02, 0.98, shape))


def distribution(name, rows, classes):
    p = draw(name).uniform(0.1, 1, (rows, classes))
    p[0, 1] = 0  # nothing is lost where the truth is nothing
    return f32(p / p.sum(-1, keepdims=True))


def signs(*shape):
    return f32(draw(f"signs {shape}").choice([-1, 1], shape))


def bits(*shape):
    return f32(draw(f"bits {shape}").choice([0, 1], shape))


labels = np.array([3, 0, 4, 1, 3, 2])
ignoring = np.array([3, -100, 4, 1, -100, 2])
weight = f32([0.5, 2, 1, 0.25, 3])

pair = {"output": (4, 5), "target": (4, 5)}
case("mse", F.mse_loss, **pair)
case("l1", F.l1_loss, **pair)
case("smooth_l1", F.smooth_l1_loss, **pair)
case("smooth_l1_beta", lambda a, b: F.smooth_l1_loss(a, b, beta=0.3), **pair)
case("huber", F.huber_loss, **pair)
case("huber_delta", lambda a, b: F.huber_loss(a, b, delta=0.3), **pair)

scores = {"logits": (6, 5), "target": labels}
case("cross_entropy", F.cross_entropy, **scores)
case("cross_entropy_smoothed", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1), **scores)
case("cross_entropy_ignoring", F.cross_entropy, logits=(6, 5), target=ignoring)
case("cross_entropy_ignoring_zero", lambda x, t: F.cross_entropy(x, t, ignore_index=0), **scores)
case("cross_entropy_weighted", lambda x, t, w: F.cross_entropy(x, t, w.detach()), logits=(6, 5), target=labels,
     weight=weight)
case("cross_entropy_everything",
     lambda x, t, w: F.cross_entropy(x, t, w.detach(), label_smoothing=0.2), logits=(6, 5), target=ignoring,
     weight=weight)
case("cross_entropy_sequence", lambda x, t: F.cross_entropy(x.flatten(0, 1), t.flatten()), logits=(2, 3, 5),
     target=labels.reshape(2, 3))
case("cross_entropy_far", F.cross_entropy, logits=f32(draw("far").standard_normal((6, 5)) * 100), target=labels)
case("nll", lambda x, t: F.nll_loss(x, t), logp=(6, 5), target=labels)
case("nll_everything", lambda x, t, w: F.nll_loss(x, t, w.detach()), logp=(6, 5), target=ignoring, weight=weight)
case("bce", F.binary_cross_entropy, output=probabilities("bce", 4, 5), target=probabilities("bce target", 4, 5))
# PyTorch cuts the logarithm at −100, asgc at ln 1.2e-38 ≈ −87.3: both finite; here no term is cut.
case("bce_certain", F.binary_cross_entropy, output=f32([0.0, 1.0, 0.5]), target=f32([0.0, 1.0, 1.0]), smooth=False)
case("bce_with_logits", F.binary_cross_entropy_with_logits, logits=f32(draw("bce logits").standard_normal((4, 5)) * 20),
     target=probabilities("bce target", 4, 5))
case("bce_with_logits_weighted",
     lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=torch.tensor(2.5, dtype=torch.float64)),
     logits=(4, 5), target=bits(4, 5))
case("kl_div", lambda x, t: F.kl_div(x, t.detach(), reduction="batchmean"), logp=(4, 5),
     target=distribution("kl", 4, 5))
case("hinge", lambda x, t: F.relu(1 - x * t).mean(), output=(4, 5), target=signs(4, 5))
case("squared_hinge", lambda x, t: (F.relu(1 - x * t) ** 2).mean(), output=(4, 5), target=signs(4, 5))


def focal(x, t, gamma=2.0, alpha=0.25):
    """Lin et al. 2017, equation 5, as torchvision.ops.sigmoid_focal_loss."""
    p = torch.sigmoid(x)
    right = p * t + (1 - p) * (1 - t)
    share = alpha * t + (1 - alpha) * (1 - t)
    return (share * (1 - right) ** gamma * F.binary_cross_entropy_with_logits(x, t, reduction="none")).mean()


case("focal", focal, logits=(4, 5), target=bits(4, 5))
case("focal_gamma", lambda x, t: focal(x, t, 1.5, 0.6), logits=(4, 5), target=bits(4, 5))
case("cosine_embedding", lambda a, b, t: F.cosine_embedding_loss(a, b, t, margin=0.2), first=(6, 4), second=(6, 4),
     target=signs(6))
case("triplet_margin", F.triplet_margin_loss, anchor=(6, 4), positive=(6, 4), negative=(6, 4))
case("margin_ranking", lambda a, b, t: F.margin_ranking_loss(a, b, t, margin=0.3), first=(6,), second=(6,),
     target=signs(6))


# Metrics have no gradient.
def metric(name, function, **inputs):
    case(name, function, smooth=False, **inputs)


def shares(x, t, threshold=0.0):
    """Counts of right yes, false yes, right no and missed yes."""
    said, is_so = x > threshold, t > 0.5
    return [(a & b).sum().double() for a, b in ((said, is_so), (said, ~is_so), (~said, ~is_so), (~said, is_so))]


def per_class(x, t):
    """One row of counts per class."""
    said = x.argmax(-1)
    return torch.tensor([[((said == c) & (t == c)).sum(), ((said == c) & (t != c)).sum(), ((said != c) & (t == c)).sum()]
                         for c in range(x.shape[-1])], dtype=torch.float64)


def ratio(a, b):
    """0 where there is nothing to count, as scikit-learn's zero_division = 0."""
    return torch.where(b > 0, a / torch.where(b > 0, b, torch.ones_like(b)), torch.zeros_like(a))


def f1(hit, false, missed):
    return ratio(2 * hit, 2 * hit + false + missed)


many = {"output": (40, 5), "target": draw("many").integers(0, 5, 40)}
yes_no = {"output": (40,), "target": bits(40)}
metric("accuracy", lambda x, t: (x.argmax(-1) == t).double().mean(), **many)
metric("top_k", lambda x, t: (x.topk(2).indices == t[:, None]).any(-1).double().mean(), **many)
metric("binary_accuracy", lambda x, t: ((x > 0) == (t > 0.5)).double().mean(), **yes_no)
metric("precision", lambda x, t: ratio(shares(x, t)[0], sum(shares(x, t)[:2])), **yes_no)
metric("recall", lambda x, t: ratio(shares(x, t)[0], shares(x, t)[0] + shares(x, t)[3]), **yes_no)
metric("specificity", lambda x, t: ratio(shares(x, t)[2], sum(shares(x, t)[1:3])), **yes_no)
metric("f1", lambda x, t: f1(shares(x, t)[0], shares(x, t)[1], shares(x, t)[3]), **yes_no)
metric("f1_of_nothing", lambda x, t: f1(shares(x, t)[0], shares(x, t)[1], shares(x, t)[3]),
       output=f32([-1, -2, -3]), target=f32([0, 0, 0]))
metric("macro_precision", lambda x, t: ratio(per_class(x, t)[:, 0], per_class(x, t)[:, :2].sum(1)).mean(), **many)
metric("macro_recall", lambda x, t: ratio(per_class(x, t)[:, 0], per_class(x, t)[:, [0, 2]].sum(1)).mean(), **many)
metric("macro_f1", lambda x, t: f1(*per_class(x, t).T).mean(), **many)
metric("mean_absolute_error", F.l1_loss, **pair)
metric("mean_squared_error", F.mse_loss, **pair)
metric("rmse", lambda x, t: F.mse_loss(x, t).sqrt(), **pair)
metric("r2", lambda x, t: 1 - ((t - x) ** 2).sum() / ((t - t.mean()) ** 2).sum(), **pair)
metric("explained_variance", lambda x, t: 1 - (t - x).var(unbiased=False) / t.var(unbiased=False), **pair)
metric("max_error", lambda x, t: (x - t).abs().max(), **pair)
metric("mean_absolute_percentage_error", lambda x, t: ((x - t) / t).abs().mean(), **pair)
metric("perplexity", lambda x, t: F.cross_entropy(x, t).exp(), **scores)
