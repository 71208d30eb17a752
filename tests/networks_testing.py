"""Small networks for tests, each built for one question."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from simviz_core.networks import NetworkChoices, NetworkReading
from simviz_core.networks.inspection.adapting import Adapted, adapt

SIZE = (64, 96)
OWN = NetworkChoices()


class Network(nn.Module):
    """Two convolutions, and whatever follows them."""

    def __init__(self, head: Callable[[Tensor], Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 8, stride=8),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 12, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.layers = nn.ModuleList(layers)
        self.head = head

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.body(pixels))


def built(head: Callable[[Tensor], Tensor], *layers: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    network = Network(head, *layers)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return network.eval().requires_grad_(False)


def found(
    network: nn.Module, choices: NetworkChoices = OWN, size: tuple[int, int] = SIZE
) -> NetworkReading:
    result = adapt(network, "mine", size, choices)
    return result.reading if isinstance(result, Adapted) else result
