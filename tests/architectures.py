"""Networks as people write them or take them from torchvision, small: what the library must convert."""

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    """ResNet-18's block in torchvision's names."""

    def __init__(self, first, last, stride=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(first, last, 3, stride, 1, bias=False), nn.BatchNorm2d(last)
        self.conv2, self.bn2 = nn.Conv2d(last, last, 3, 1, 1, bias=False), nn.BatchNorm2d(last)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride > 1 or first != last:
            self.downsample = nn.Sequential(nn.Conv2d(first, last, 1, stride, bias=False), nn.BatchNorm2d(last))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + identity)


class ResNet(nn.Module):
    """A 3x3 stem on pictures, two stages, flattened by `view`."""

    def __init__(self, channels=3, classes=10, width=16):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(BasicBlock(width, width), BasicBlock(width, width))
        self.layer2 = nn.Sequential(BasicBlock(width, 2 * width, 2), BasicBlock(2 * width, 2 * width))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(2 * width, classes)

    def forward(self, x):
        x = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        x = self.avgpool(x)
        return self.fc(x.view(x.size(0), -1))


class VGG(nn.Module):
    """Convolutions with bias and no normalisation, as VGG-16; or with it, as VGG-16-BN."""

    def __init__(self, normalised=False):
        super().__init__()
        layers, first = [], 3
        for width in (8, "pool", 16, "pool", 24, 24):
            if width == "pool":
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers.append(nn.Conv2d(first, width, 3, padding=1))
            layers += [nn.BatchNorm2d(width)] if normalised else []
            layers.append(nn.ReLU(inplace=True))
            first = width
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Linear(24, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 5))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Inverted(nn.Module):
    """MobileNet-V2's block: 1x1, depthwise 3x3, 1x1."""

    def __init__(self, first, last, stride):
        super().__init__()
        inner = first * 2
        self.conv = nn.Sequential(
            nn.Conv2d(first, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(inplace=True),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(True),
            nn.Conv2d(inner, last, 1, bias=False), nn.BatchNorm2d(last),
        )  # fmt: skip
        self.joined = stride == 1 and first == last

    def forward(self, x):
        return x + self.conv(x) if self.joined else self.conv(x)


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
        self.features = nn.Sequential(stem, Inverted(8, 8, 1), Inverted(8, 16, 2))
        self.classifier = nn.Linear(16, 4)

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


class ResNeXtDilated(nn.Module):
    """Grouped bottlenecks, dilated in the last stage, and heads with a large kernel."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 7, 2, 3, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.reduce = nn.Conv2d(32, 16, 1, bias=False)
        self.grouped = nn.Conv2d(16, 16, 3, 2, 1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.dilated = nn.Conv2d(16, 32, 3, padding=4, dilation=4, padding_mode="reflect")
        self.head = nn.Conv2d(32, 5, (1, 5), padding=(0, 2))

    def forward(self, x):
        x = torch.relu(self.norm(self.grouped(self.reduce(self.stem(x)))))
        return self.head(torch.relu(self.dilated(x)))


class UNet(nn.Module):
    """Strided down, transposed up, one layer used at both ends of the bottom, joined maps, sides decided by values."""

    def __init__(self):
        super().__init__()
        self.entry = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU())
        self.down = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.shared = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(16), nn.BatchNorm2d(16)])
        self.up = nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1)
        self.out = nn.Conv2d(16, 2, 3, padding=1)

    def forward(self, x):
        if x.shape[2] % 2:
            raise ValueError("odd")
        left = self.entry(x)
        inner = torch.relu(self.norms[0](self.shared(torch.relu(self.down(left)))))
        inner = torch.relu(self.norms[1](self.shared(inner)))
        return self.out(torch.cat([left, self.up(inner)], 1))


ALL = {
    "resnet": ResNet, "vgg": VGG, "vgg-bn": lambda: VGG(normalised=True), "mobilenet": MobileNet,
    "resnext": ResNeXtDilated, "unet": UNet,
}  # fmt: skip
