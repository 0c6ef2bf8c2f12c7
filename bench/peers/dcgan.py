"""PyTorch peer of the Self-Conditioned GAN steps at 32x32: stacked MNIST (shallow DCGAN), CIFAR-10 (--deep). Labels are given; labelling a batch is not part of the step."""

import argparse

import torch
from torch import nn

from protocol import adam, gan_step, prepare, serve


class Generator(nn.Module):
    def __init__(self, k=100, z_dim=128, embed=256):
        super().__init__()
        self.table = nn.Parameter(torch.randn(k, embed))
        self.seed = nn.Linear(z_dim + embed, 512 * 4 * 4)
        layers = []
        for fan_in, fan_out in ((512, 256), (256, 128), (128, 64)):
            layers += [nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1), nn.BatchNorm2d(fan_out), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers, nn.Conv2d(64, 3, 3, 1, 1), nn.Tanh())

    def forward(self, z, c):
        row = self.table[c]
        row = row / row.norm(dim=1, keepdim=True)
        return self.body(self.seed(torch.cat([z, row], dim=1)).view(-1, 512, 4, 4))


# Channels, kernel and stride of a discriminator's layers; all are padded by 1.
SHALLOW = tuple((width, 4, 2) for width in (64, 128, 256, 512))
DEEP = ((64, 3, 1), (64, 4, 2), (128, 3, 1), (128, 4, 2), (256, 3, 1), (256, 4, 2), (512, 3, 1))


class Discriminator(nn.Module):
    def __init__(self, k=100, deep=False):
        super().__init__()
        layers, fan_in = [], 3
        for fan_out, kernel, stride in DEEP if deep else SHALLOW:
            norm = [] if deep else [nn.BatchNorm2d(fan_out)]
            layers += [nn.Conv2d(fan_in, fan_out, kernel, stride, 1), *norm, nn.LeakyReLU(0.1 if deep else 0.2, inplace=True)]
            fan_in = fan_out
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(512 * 4 * 4 if deep else 512 * 2 * 2, k)

    def forward(self, x, c):
        return self.head(self.body(x).flatten(1)).gather(1, c[:, None]).squeeze(1)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=2)
    flags.add_argument("--batch", type=int, default=64)
    flags.add_argument("--k", type=int, default=100)
    flags.add_argument("--warmup", type=int, default=3)
    flags.add_argument("--deep", action="store_true", help="the discriminator of CIFAR-10")
    flags.add_argument("--tuned", action="store_true", help="fused Adam, and channels last")
    args = flags.parse_args()

    prepare(args.threads)

    gen, disc = Generator(args.k), Discriminator(args.k, args.deep)
    images = torch.rand(1024, 3, 32, 32) * 2 - 1
    labels = torch.randint(args.k, (1024,))
    if args.tuned:
        gen, disc = (net.to(memory_format=torch.channels_last) for net in (gen, disc))
        images = images.to(memory_format=torch.channels_last)
    opt_g, opt_d = (adam(net.parameters(), lr=1e-4, betas=(0.0, 0.99), tuned=args.tuned) for net in (gen, disc))

    def draw():
        pick = torch.randint(len(images), (args.batch,))
        return images[pick], labels[pick], torch.randn(args.batch, 128)

    serve(gan_step(gen, disc, opt_g, opt_d, draw), args.warmup)


if __name__ == "__main__":
    main()
