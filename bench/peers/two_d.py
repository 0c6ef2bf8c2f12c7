"""PyTorch peer of the 2-D Self-Conditioned GAN step (one D step, one G step).

Protocol: after set-up and warm-up one line {"ready": true, ...}; then for each line on
stdin holding an integer n, n training steps are run and {"seconds": s, "steps": n} is
printed; end of input ends the process.

Labels are given (drawn beforehand), so labelling a batch is not part of the step.
"""

import argparse
import ctypes
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def keep_freed_memory():
    """Stop glibc from handing large tensors back to the system after every use."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        m_trim_threshold, m_mmap_threshold, big = -1, -3, 1 << 30
        libc.mallopt(m_mmap_threshold, big)
        libc.mallopt(m_trim_threshold, big)
    except OSError:
        pass


def adam_variant():
    """The fastest Adam at hand: fused on CPUs came with PyTorch 2.4."""
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    return "fused" if version >= (2, 4) else "foreach"


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
    def __init__(self, k=50, width=200, pool=5):
        super().__init__()
        self.pool = pool
        self.hidden = nn.ModuleList([nn.Linear(2, width * pool), nn.Linear(width, width * pool), nn.Linear(width, width * pool)])
        self.head = nn.Linear(width, k)

    def forward(self, x, c):
        for layer in self.hidden:
            x = layer(x).view(len(x), self.pool, -1).amax(1)
        return self.head(x).gather(1, c[:, None]).squeeze(1)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=1)
    flags.add_argument("--batch", type=int, default=100)
    flags.add_argument("--k", type=int, default=50)
    flags.add_argument("--warmup", type=int, default=30)
    args = flags.parse_args()

    keep_freed_memory()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    gen, disc = Generator(args.k), Discriminator(args.k)
    adam = {adam_variant(): True, "lr": 1e-4, "betas": (0.8, 0.999)}
    opt_g, opt_d = torch.optim.Adam(gen.parameters(), **adam), torch.optim.Adam(disc.parameters(), **adam)
    d_params = list(disc.parameters())

    angle = torch.randint(8, (100_000,)) * (torch.pi / 4)
    points = torch.stack([2 * angle.sin(), 2 * angle.cos()], 1) + 0.01 * torch.randn(100_000, 2)
    labels = torch.randint(args.k, (100_000,))

    def step():
        pick = torch.randint(len(points), (args.batch,))
        x, c, z = points[pick], labels[pick], torch.randn(args.batch, 2)

        with torch.no_grad():
            fake = gen(z, c)
        loss_d = F.softplus(-disc(x, c)).mean() + F.softplus(disc(fake, c)).mean()
        opt_d.zero_grad(set_to_none=True)
        loss_d.backward()
        opt_d.step()

        for p in d_params:
            p.requires_grad_(False)
        loss_g = F.softplus(-disc(gen(z, c), c)).mean()
        opt_g.zero_grad(set_to_none=True)
        loss_g.backward()
        opt_g.step()
        for p in d_params:
            p.requires_grad_(True)

    for _ in range(args.warmup):
        step()
    print(json.dumps({"ready": True, "torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        if not line.strip():
            continue
        n = int(line)
        start = time.perf_counter()
        for _ in range(n):
            step()
        print(json.dumps({"seconds": time.perf_counter() - start, "steps": n}), flush=True)


if __name__ == "__main__":
    main()
