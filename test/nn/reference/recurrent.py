"""What test/nn/recurrent.asg must compute. Parameters have the names, shapes and order of PyTorch's modules."""

import torch
from torch import nn

from .cases import Family

family = Family()


def case(name, block, x, hidden, states=(), **options):
    """`block`, such as "lstm", on x; `states` are the initial ones that are given."""
    kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[block.removesuffix("_states")]
    module = kind(x[-1], hidden, batch_first=True, **options).double()
    names = [key for key, _ in module.named_parameters()]
    count = module.num_layers * (2 if module.bidirectional else 1)
    function = {"RNN": torch._VF.rnn_relu if options.get("nonlinearity") == "relu" else torch._VF.rnn_tanh,
                "GRU": torch._VF.gru, "LSTM": torch._VF.lstm}[kind.__name__]

    def compute(x, *rest):
        *given, params = rest
        zero = torch.zeros(count, x.shape[0], hidden, dtype=x.dtype)
        first = list(given) or [zero] * (2 if kind is nn.LSTM else 1)
        results = function(x, first if kind is nn.LSTM else first[0], [params[f"{block}.{key}"] for key in names],
                           module.bias, module.num_layers, 0.0, False, module.bidirectional, True)
        return dict(zip("yhc", results)) if block.endswith("_states") else results[0]

    family.case(name, compute, x=x, params={f"{block}.{key}": tuple(value.shape) for key, value in
                                            module.named_parameters()},
                **{f"{state}0": (count, x[0], hidden) for state in states})


both = {"num_layers": 2, "bidirectional": True}
case("rnn", "rnn", (2, 5, 3), 4)
case("rnn_relu", "rnn", (2, 4, 3), 3, nonlinearity="relu", **both)
case("rnn_states", "rnn_states", (2, 4, 3), 4, "h", num_layers=2)
case("gru", "gru", (2, 5, 3), 4)
case("gru_layers", "gru", (2, 5, 3), 4, num_layers=2)
case("gru_bidirectional", "gru", (2, 4, 3), 3, **both)
case("gru_plain", "gru", (2, 4, 3), 4, bias=False)
case("gru_states", "gru_states", (2, 4, 3), 4, "h", bidirectional=True)
case("lstm", "lstm", (2, 5, 3), 4)
case("lstm_layers", "lstm", (2, 5, 3), 4, num_layers=2)
case("lstm_bidirectional", "lstm", (2, 4, 3), 3, **both)
case("lstm_plain", "lstm", (2, 4, 3), 4, bidirectional=True, bias=False)
case("lstm_one_step", "lstm", (3, 1, 2), 4)
case("lstm_states", "lstm_states", (2, 4, 3), 4, **both)
case("lstm_states_given", "lstm_states", (2, 4, 3), 4, "hc", num_layers=2)
