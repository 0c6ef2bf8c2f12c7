"""PyTorch peer of PGMGAN at 32x32 (table 6): one D step and one G step, which a frozen Lipschitz partitioner guides unless told otherwise. Labels are given."""

import argparse

import torch
from torch import nn
from torch.nn import functional as F

from biggan import Conv, Linear
from partitioner import Partitioner
from protocol import adam, prepare, serve

Z_DIM, GUIDE = 128, 6.0


class ConditionalNorm(nn.Module):
    """Batch norm whose gains and biases are rows of tables."""

    def __init__(self, channels, k):
        super().__init__()
        self.norm, self.gain, self.shift = nn.BatchNorm2d(channels, affine=False), nn.Embedding(k, channels), nn.Embedding(k, channels)

    def forward(self, x, y):
        return self.norm(x) * (1 + self.gain(y))[:, :, None, None] + self.shift(y)[:, :, None, None]


class GeneratorBlock(nn.Module):
    def __init__(self, channels, k):
        super().__init__()
        self.norm1, self.norm2 = ConditionalNorm(channels, k), ConditionalNorm(channels, k)
        self.conv1, self.conv2, self.shortcut = Conv(channels, channels), Conv(channels, channels), Conv(channels, channels, 1)

    def forward(self, x, y):
        h = F.interpolate(F.relu(self.norm1(x, y)), scale_factor=2)
        h = self.conv2(F.relu(self.norm2(self.conv1(h), y)))
        # A 1x1 convolution of repeated pixels, from a quarter of them.
        return h + F.interpolate(self.shortcut(x), scale_factor=2)


class Generator(nn.Module):
    def __init__(self, channels, k):
        super().__init__()
        self.channels, self.seed = channels, Linear(Z_DIM, 16 * channels)
        self.blocks = nn.ModuleList(GeneratorBlock(channels, k) for _ in range(3))
        self.out = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), Conv(channels, 3), nn.Tanh())

    def forward(self, z, y):
        h = self.seed(z).view(-1, self.channels, 4, 4)
        for block in self.blocks:
            h = block(h, y)
        return self.out(h)


class DiscriminatorBlock(nn.Module):
    def __init__(self, fan_in, fan_out, first, halves):
        super().__init__()
        self.first, self.halves = first, halves
        self.conv1, self.conv2 = Conv(fan_in, fan_out), Conv(fan_out, fan_out)
        self.shortcut = Conv(fan_in, fan_out, 1) if halves else nn.Identity()

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        # The mean of a 1x1 convolution, from the mean: a quarter of the pixels.
        return F.avg_pool2d(h, 2) + self.shortcut(F.avg_pool2d(x, 2)) if self.halves else h + x


class Discriminator(nn.Module):
    def __init__(self, channels, k):
        super().__init__()
        self.blocks = nn.Sequential(*(DiscriminatorBlock(channels if i else 3, channels, i == 0, i < 2) for i in range(4)))
        self.score, self.label = Linear(channels, 1), Linear(channels, k)

    def forward(self, x, y):
        feature = F.relu(self.blocks(x)).sum([2, 3])
        return self.score(feature) + self.label(feature).gather(1, y[:, None])


def narrow_start(net):
    """First weights N(0, 0.02), the tables of norms too."""
    for module in net.modules():
        if isinstance(module, (Conv, Linear, nn.Embedding)):
            nn.init.normal_(module.weight, 0, 0.02)
    return net


def guide(logit, label):
    """Mean over parts of by how much their logits are above that of the part wanted, as in the published code; mean over images."""
    return F.relu(logit - logit.gather(1, label[:, None])).mean()


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=2)
    flags.add_argument("--batch", type=int, default=64)
    flags.add_argument("--ch", type=int, default=64)
    flags.add_argument("--k", type=int, default=200)
    flags.add_argument("--guided", action="store_true", help="as is the default")
    flags.add_argument("--unguided", dest="guided", action="store_false", help="without a partitioner")
    flags.set_defaults(guided=True)
    flags.add_argument("--inside", type=int, default=160, help="channels inside the partitioner's blocks")
    flags.add_argument("--warmup", type=int, default=2)
    flags.add_argument("--tuned", action="store_true", help="fused Adam, and channels last")
    args = flags.parse_args()

    prepare(args.threads)
    nets = [narrow_start(net(4 * args.ch, args.k)) for net in (Generator, Discriminator)]
    images, labels = torch.rand(1024, 3, 32, 32) * 2 - 1, torch.randint(args.k, (1024,))
    if args.tuned:
        nets, images = [net.to(memory_format=torch.channels_last) for net in nets], images.to(memory_format=torch.channels_last)
    gen, disc = nets
    opt_g, opt_d = (adam(net.parameters(), lr=2e-4, betas=(0.0, 0.999), tuned=args.tuned) for net in nets)
    d_params = list(disc.parameters())
    partitioner = None
    if args.guided:
        partitioner = Partitioner(args.k, args.inside)
        partitioner = (partitioner.to(memory_format=torch.channels_last) if args.tuned else partitioner).freeze()

    def step():
        pick, z = torch.randint(len(images), (args.batch,)), torch.randn(args.batch, Z_DIM)
        x, y = images[pick], labels[pick]
        opt_d.zero_grad(set_to_none=True)
        with torch.no_grad():
            fake = gen(z, y)
        # Together, for the larger products; one after the other as published.
        on_real, on_fake = disc(torch.cat([x, fake]), torch.cat([y, y])).split(args.batch)
        (F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()).backward()
        opt_d.step()

        for p in d_params:
            p.requires_grad_(False)
        opt_g.zero_grad(set_to_none=True)
        fake = gen(z, y)
        loss = -disc(fake, y).mean()
        if partitioner:
            loss = loss + GUIDE * guide(partitioner(fake), y)
        loss.backward()
        opt_g.step()
        for p in d_params:
            p.requires_grad_(True)

    serve(step, args.warmup)


if __name__ == "__main__":
    main()
