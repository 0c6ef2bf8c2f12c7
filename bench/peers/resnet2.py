"""PyTorch peer of the Self-Conditioned GAN step on ImageNet and Places (residual networks, 128x128), with R1 and the average of G. Labels are given."""

import argparse

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu

from protocol import adam, gan_step, prepare, serve

UP = ((16, 16), (16, 16), (8, 8), (4, 4), (2, 2), (1, 1))
DOWN = ((1, 2), (2, 4), (4, 8), (8, 16), (16, 16), (16, 16))


class Block(nn.Module):
    def __init__(self, fan_in, fan_out):
        super().__init__()
        hidden = min(fan_in, fan_out)
        self.first = nn.Conv2d(fan_in, hidden, 3, 1, 1)
        self.second = nn.Conv2d(hidden, fan_out, 3, 1, 1)
        self.beside = nn.Conv2d(fan_in, fan_out, 1, bias=False) if fan_in != fan_out else nn.Identity()

    def forward(self, x):
        return self.beside(x) + 0.1 * self.second(leaky_relu(self.first(leaky_relu(x, 0.2)), 0.2))


def stages(plan, width, fan_in):
    groups = []
    for pair in plan:
        blocks = []
        for units in pair:
            blocks.append(Block(fan_in, units * width))
            fan_in = units * width
        groups.append(nn.Sequential(*blocks))
    return nn.ModuleList(groups)


class Generator(nn.Module):
    def __init__(self, k, side, width=64, z_dim=256, embed=256):
        super().__init__()
        self.start = side // 32
        self.table = nn.Parameter(torch.randn(k, embed))
        self.seed = nn.Linear(z_dim + embed, 16 * width * self.start**2)
        self.stages = stages(UP, width, 16 * width)
        self.out = nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, z, c):
        row = self.table[c]
        row = row / row.norm(dim=1, keepdim=True)
        h = self.seed(torch.cat([z, row], dim=1)).view(z.shape[0], -1, self.start, self.start)
        for i, stage in enumerate(self.stages):
            h = stage(interpolate(h, scale_factor=2, mode="nearest") if i else h)
        return torch.tanh(self.out(leaky_relu(h, 0.2)))


class Discriminator(nn.Module):
    def __init__(self, k, side, width=64):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, 1, 1)
        self.stages = stages(DOWN, width, width)
        self.head = nn.Linear(16 * width * (side // 32) ** 2, k)

    def forward(self, x, c):
        h = self.first(x)
        for i, stage in enumerate(self.stages):
            h = stage(avg_pool2d(h, 3, 2, 1) if i else h)
        return self.head(leaky_relu(h, 0.2).flatten(1)).gather(1, c[:, None]).squeeze(1)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=2)
    flags.add_argument("--batch", type=int, default=8)
    flags.add_argument("--side", type=int, default=128)
    flags.add_argument("--k", type=int, default=100)
    flags.add_argument("--warmup", type=int, default=1)
    flags.add_argument("--tuned", action="store_true", help="fused Adam, and channels last")
    args = flags.parse_args()

    prepare(args.threads)

    gen, disc = Generator(args.k, args.side), Discriminator(args.k, args.side)
    images = torch.rand(64, 3, args.side, args.side) * 2 - 1
    labels = torch.randint(args.k, (64,))
    if args.tuned:
        gen, disc = (net.to(memory_format=torch.channels_last) for net in (gen, disc))
        images = images.to(memory_format=torch.channels_last)
    opt_g, opt_d = (adam(net.parameters(), lr=1e-4, betas=(0.0, 0.99), tuned=args.tuned) for net in (gen, disc))
    average = [p.detach().clone() for p in gen.parameters()]

    def draw():
        pick = torch.randint(len(images), (args.batch,))
        return images[pick], labels[pick], torch.randn(args.batch, 256)

    serve(gan_step(gen, disc, opt_g, opt_d, draw, r1=0.1, average=average, decay=0.999), args.warmup)


if __name__ == "__main__":
    main()
