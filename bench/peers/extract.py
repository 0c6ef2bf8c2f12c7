"""PyTorch peer of feature extraction: ResNet-50 without its classifier, 224x224, channels last, evaluation, no gradients. A step is a
batch of 32 in [-1,1], normalised first as the network wants it."""

import argparse

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from protocol import prepare, serve


class Unit(nn.Module):
    def __init__(self, fan_in, fan_out, kernel, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(fan_in, fan_out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(fan_out)

    def forward(self, x):
        return self.norm(self.conv(x))

    def fuse(self):
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Bottleneck(nn.Module):
    def __init__(self, fan_in, width, stride):
        super().__init__()
        self.a, self.b, self.c = Unit(fan_in, width, 1), Unit(width, width, 3, stride), Unit(width, 4 * width, 1)
        self.short = Unit(fan_in, 4 * width, 1, stride) if stride > 1 or fan_in != 4 * width else nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.c(self.relu(self.b(self.relu(self.a(x)))))
        y += self.short(x)
        return self.relu(y)


def resnet50():
    layers, fan_in = [Unit(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)], 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            layers.append(Bottleneck(fan_in, width, stride if block == 0 else 1))
            fan_in = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=2)
    flags.add_argument("--batch", type=int, default=32)
    flags.add_argument("--warmup", type=int, default=2)
    flags.add_argument("--tuned", action="store_true", help="batch norms folded into the convolutions")
    args = flags.parse_args()

    prepare(args.threads)

    net = resnet50().eval()
    if args.tuned:
        for module in net.modules():
            if isinstance(module, Unit):
                module.fuse()
    net = net.to(memory_format=torch.channels_last)
    images = (torch.rand(args.batch, 3, 224, 224) * 2 - 1).to(memory_format=torch.channels_last)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    gain, offset = 0.5 / std, (0.5 - mean) / std

    def step():
        with torch.inference_mode():
            net(torch.addcmul(offset, images, gain))

    serve(step, args.warmup)


if __name__ == "__main__":
    main()
