"""PyTorch peer of PGMGAN's space partitioner: one step of its training on pairs of neighbours (equation 5), and the network for the guide of sngan.py."""

import argparse

import torch
from torch import nn
from torch.nn import functional as F

from protocol import adam, prepare, serve

COEFFICIENT, ITERATIONS, SLACK = 0.9, 5, 1e-5


class Contracting(nn.Conv2d):
    """A convolution whose weight is divided by what its operator norm on images of `side` has above the coefficient, by power iteration in training."""

    def __init__(self, fan_in, fan_out, kernel, side):
        super().__init__(fan_in, fan_out, kernel, padding=kernel // 2)
        places = (side, side) if kernel > 1 else (1, 1)
        self.slack = SLACK if kernel > 1 else 0
        self.register_buffer("u", F.normalize(torch.randn(1, fan_out * places[0] * places[1])).view(1, fan_out, *places))
        self.register_buffer("v", F.normalize(torch.randn(1, fan_in * places[0] * places[1])).view(1, fan_in, *places))
        self.frozen = None

    def scaled(self):
        if self.frozen is not None:
            return self.frozen
        if self.training:
            with torch.no_grad():
                for _ in range(ITERATIONS):
                    v = F.conv_transpose2d(self.u, self.weight, padding=self.padding)
                    self.v.copy_(v / v.norm().clamp_min(1e-12))
                    u = F.conv2d(self.v, self.weight, padding=self.padding)
                    self.u.copy_(u / u.norm().clamp_min(1e-12))
        # Copies: anchors and neighbours both go through it before the gradient does.
        sigma = (self.u.clone() * F.conv2d(self.v.clone(), self.weight, padding=self.padding)).sum()
        return self.weight / ((sigma / COEFFICIENT).clamp_min(1) + self.slack)

    def forward(self, x):
        return F.conv2d(x, self.scaled(), self.bias, padding=self.padding)


class ActNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.log_scale, self.shift = nn.Parameter(torch.zeros(channels, 1, 1)), nn.Parameter(torch.zeros(channels, 1, 1))
        self.initialised = False

    def forward(self, x):
        if self.training and not self.initialised:
            with torch.no_grad():
                variance, mean = torch.var_mean(x, [0, 2, 3], keepdim=True, correction=0)
                self.log_scale.copy_(-0.5 * (variance[0] + 1e-5).log())
                self.shift.copy_(-mean[0] * self.log_scale.exp())
            self.initialised = True
        return x * self.log_scale.exp() + self.shift


def squeeze(x):
    n, c, h, w = x.shape
    return x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


class Block(nn.Module):
    def __init__(self, channels, inside, side, squeezes, first):
        super().__init__()
        self.squeezes, self.first = squeezes, first
        self.norm = ActNorm(channels)
        self.conv1, self.conv2, self.conv3 = Contracting(channels, inside, 3, side), Contracting(inside, inside, 1, side), Contracting(inside, channels, 3, side)

    def forward(self, x):
        x = self.norm(squeeze(x) if self.squeezes else x)
        h = self.conv1(x if self.first else F.elu(x))
        return x + self.conv3(F.elu(self.conv2(F.elu(h))))


class Partitioner(nn.Module):
    """For images of 32x32: stages of blocks, each stage but the first at half the side. Norms of a block that squeezes are those on images before it does."""

    def __init__(self, k, inside=160, blocks=4, stages=5):
        super().__init__()
        channels, side, made = 3, 32, []
        for stage in range(stages):
            for i in range(blocks):
                squeezes = stage > 0 and i == 0
                channels *= 4 if squeezes else 1
                made.append(Block(channels, inside, side, squeezes, first=not made))
                side //= 2 if squeezes else 1
        self.trunk, self.norm = nn.Sequential(*made), nn.BatchNorm2d(channels, momentum=0.9)
        self.features, self.head = nn.Linear(channels, 512), nn.Linear(512, k)

    def forward(self, x):
        h = F.leaky_relu(self.norm(self.trunk(x)), 0.2)
        return self.head(self.features(h.mean([2, 3])))

    def freeze(self):
        """Evaluation for good: weights are divided once."""
        self.eval().requires_grad_(False)
        for module in self.modules():
            if isinstance(module, Contracting):
                module.frozen = module.scaled()
        return self


def objective(anchor, neighbour, balance=5.0, sample=1e-3):
    """Equation 5, to be minimised."""
    log_p, log_q = F.log_softmax(anchor, 1), F.log_softmax(neighbour, 1)
    p = log_p.exp()
    mean = p.mean(0).clamp_min(1e-8)
    consistency = -torch.logsumexp(log_p + log_q, 1).clamp_min(-100).mean()
    return consistency + balance * (mean * mean.log()).sum() - sample * (p * log_p).sum(1).mean()


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=2)
    flags.add_argument("--batch", type=int, default=64, help="pairs")
    flags.add_argument("--k", type=int, default=200)
    flags.add_argument("--inside", type=int, default=160, help="channels inside the blocks")
    flags.add_argument("--blocks", type=int, default=4, help="of each of the five stages")
    flags.add_argument("--warmup", type=int, default=2)
    flags.add_argument("--tuned", action="store_true", help="fused Adam, and channels last")
    args = flags.parse_args()

    prepare(args.threads)
    net, images = Partitioner(args.k, args.inside, args.blocks), torch.rand(1024, 3, 32, 32) * 2 - 1
    if args.tuned:
        net, images = net.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    optimiser = adam(net.parameters(), lr=1e-4, betas=(0.9, 0.999), tuned=args.tuned, weight_decay=1e-4)

    def step():
        anchors, neighbours = torch.randint(len(images), (2, args.batch))
        optimiser.zero_grad(set_to_none=True)
        objective(net(images[anchors]), net(images[neighbours])).backward()
        optimiser.step()

    serve(step, args.warmup)


if __name__ == "__main__":
    main()
