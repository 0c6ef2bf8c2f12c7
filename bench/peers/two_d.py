"""PyTorch peer of the 2-D Self-Conditioned GAN step. Labels are given; labelling a batch is not part of the step."""

import argparse

import torch
from torch import nn

from protocol import adam, gan_step, prepare, serve


class Generator(nn.Module):
    def __init__(self, k=50, z_dim=2, embed=32, width=400):
        super().__init__()
        self.table = nn.Parameter(torch.randn(k, embed))
        layers, fan_in = [], z_dim + embed
        for _ in range(4):
            layers += [nn.Linear(fan_in, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
            fan_in = width
        self.body = nn.Sequential(*layers, nn.Linear(width, 2))

    def forward(self, z, c):
        row = self.table[c]
        row = row / row.norm(dim=1, keepdim=True)
        return self.body(torch.cat([z, row], dim=1))


class Discriminator(nn.Module):
    def __init__(self, k=50, width=200, pool=5, tuned=False):
        super().__init__()
        self.pool, self.tuned = pool, tuned
        self.hidden = nn.ModuleList([nn.Linear(2, width * pool), nn.Linear(width, width * pool), nn.Linear(width, width * pool)])
        self.head = nn.Linear(width, k)

    def forward(self, x, c):
        for layer in self.hidden:
            y = layer(x)
            x = y.view(len(x), self.pool, -1).amax(1) if self.tuned else y.view(len(x), -1, self.pool).max(2).values
        return self.head(x).gather(1, c[:, None]).squeeze(1)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=1)
    flags.add_argument("--batch", type=int, default=100)
    flags.add_argument("--k", type=int, default=50)
    flags.add_argument("--warmup", type=int, default=30)
    flags.add_argument("--tuned", action="store_true", help="fused Adam, and maxout competitors apart instead of side by side")
    args = flags.parse_args()

    prepare(args.threads)

    gen, disc = Generator(args.k), Discriminator(args.k, tuned=args.tuned)
    opt_g, opt_d = (adam(net.parameters(), lr=1e-4, betas=(0.8, 0.999), tuned=args.tuned) for net in (gen, disc))

    angle = torch.randint(8, (100_000,)) * (torch.pi / 4)
    points = torch.stack([2 * angle.sin(), 2 * angle.cos()], 1) + 0.01 * torch.randn(100_000, 2)
    labels = torch.randint(args.k, (100_000,))

    def draw():
        pick = torch.randint(len(points), (args.batch,))
        return points[pick], labels[pick], torch.randn(args.batch, 2)

    serve(gan_step(gen, disc, opt_g, opt_d, draw), args.warmup)


if __name__ == "__main__":
    main()
