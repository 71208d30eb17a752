"""EfficientNet-Lite0, made of PyTorch alone: importing timm for it would take longer than all else.

Its layers have the names and places of those of timm's `tf_efficientnet_lite0`, so that the weights
of either fit the other and make the same of an image, to the last bit.
"""

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import pad

BLOCKS = (
    ((32, 16), 3, 1),
    ((16, 24, 24), 3, 2),
    ((24, 40, 40), 5, 2),
    ((40, 80, 80, 80), 3, 2),
    ((80, 112, 112, 112), 5, 1),
    ((112, 192, 192, 192, 192), 5, 2),
    ((192, 320), 3, 1),
)
"""Stages: channels before the first and after each block, the kernel, the first block's stride."""
EXPANSION = 6
"""A block is so many times as wide inside as before it; those of the first stage are as wide."""
FEATURES, CLASSES = 1280, 1000


class SameConv(nn.Conv2d):
    """A convolution that is padded as TensorFlow does it: more at the end where it is uneven."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, D, H / stride, W / stride), rounded up."""
        (height, width), kernel, stride = x.shape[-2:], self.kernel_size[0], self.stride[0]
        above, left = _padding(height, kernel, stride), _padding(width, kernel, stride)
        padded = pad(x, (left // 2, left - left // 2, above // 2, above - above // 2))
        return super().forward(padded)


class NormAct(nn.BatchNorm2d):
    """A batch norm with the activation that follows it."""

    def __init__(self, channels: int, is_linear: bool = False) -> None:
        super().__init__(channels, eps=1e-3)
        self.act = nn.Identity() if is_linear else nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return self.act(super().forward(x))


class DepthwiseBlock(nn.Module):
    """A convolution of each channel by itself, and one across them."""

    def __init__(self, channels: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = _conv(channels, channels, kernel, stride, groups=channels)
        self.bn1 = NormAct(channels)
        self.conv_pw = _conv(channels, after)
        self.bn2 = NormAct(after, is_linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, D, H / stride, W / stride)."""
        return self.bn2(self.conv_pw(self.bn1(self.conv_dw(x))))


class InvertedBlock(nn.Module):
    """The same in a wider space, added to what came in where the shape is kept."""

    def __init__(self, channels: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.conv_pw = _conv(channels, wide)
        self.bn1 = NormAct(wide)
        self.conv_dw = _conv(wide, wide, kernel, stride, groups=wide)
        self.bn2 = NormAct(wide)
        self.conv_pwl = _conv(wide, after)
        self.bn3 = NormAct(after, is_linear=True)
        self.has_skip = stride == 1 and channels == after

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, D, H / stride, W / stride)."""
        inside = self.bn2(self.conv_dw(self.bn1(self.conv_pw(x))))
        made = self.bn3(self.conv_pwl(inside))
        return made + x if self.has_skip else made


class EfficientNetLite0(nn.Module):
    """(N, 3, height, width) to 1,000 class scores; its features come before the pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _conv(3, 32, kernel=3, stride=2)
        self.bn1 = NormAct(32)
        self.blocks = nn.Sequential(*(_stage(*stage) for stage in BLOCKS))
        self.conv_head = _conv(320, FEATURES)
        self.bn2 = NormAct(FEATURES)
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1))
        self.classifier = nn.Linear(FEATURES, CLASSES)

    def forward_features(self, x: Tensor) -> Tensor:
        """Map pixels (N, 3, height, width) to the last feature map (N, 1280, H, W)."""
        return self.bn2(self.conv_head(self.blocks(self.bn1(self.conv_stem(x)))))

    def forward(self, x: Tensor) -> Tensor:
        """Map pixels (N, 3, height, width) to class scores (N, 1000)."""
        return self.classifier(self.global_pool(self.forward_features(x)))


def _stage(channels: tuple[int, ...], kernel: int, stride: int) -> nn.Sequential:
    block = DepthwiseBlock if channels[0] == 32 else InvertedBlock
    steps = enumerate(pairwise(channels))
    return nn.Sequential(
        *(block(*step, kernel, stride if place == 0 else 1) for place, step in steps)
    )


def _conv(
    channels: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    if stride > 1:
        return SameConv(channels, after, kernel, stride, groups=groups, bias=False)
    padding = kernel // 2
    return nn.Conv2d(channels, after, kernel, 1, padding, groups=groups, bias=False)


def _padding(length: int, kernel: int, stride: int) -> int:
    return max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
