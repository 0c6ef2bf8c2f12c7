"""PyTorch peer of the stacked-MNIST Self-Conditioned GAN step (shallow DCGAN, 32x32).

Same protocol as two_d.py: one JSON line when ready, then one timing line per integer read
from stdin. Labels are given; labelling a batch is not part of the step.
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


class Discriminator(nn.Module):
    def __init__(self, k=100):
        super().__init__()
        layers, fan_in = [], 3
        for fan_out in (64, 128, 256, 512):
            layers += [nn.Conv2d(fan_in, fan_out, 4, 2, 1), nn.BatchNorm2d(fan_out), nn.LeakyReLU(0.2, inplace=True)]
            fan_in = fan_out
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(512 * 2 * 2, k)

    def forward(self, x, c):
        return self.head(self.body(x).flatten(1)).gather(1, c[:, None]).squeeze(1)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=2)
    flags.add_argument("--batch", type=int, default=64)
    flags.add_argument("--k", type=int, default=100)
    flags.add_argument("--warmup", type=int, default=3)
    flags.add_argument("--layout", choices=["nchw", "nhwc"], default="nhwc")
    args = flags.parse_args()

    keep_freed_memory()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    gen, disc = Generator(args.k), Discriminator(args.k)
    images = torch.rand(1024, 3, 32, 32) * 2 - 1
    labels = torch.randint(args.k, (1024,))
    if args.layout == "nhwc":
        gen, disc = (net.to(memory_format=torch.channels_last) for net in (gen, disc))
        images = images.to(memory_format=torch.channels_last)
    adam = {adam_variant(): True, "lr": 1e-4, "betas": (0.0, 0.99)}
    opt_g, opt_d = torch.optim.Adam(gen.parameters(), **adam), torch.optim.Adam(disc.parameters(), **adam)
    d_params = list(disc.parameters())

    def step():
        pick = torch.randint(len(images), (args.batch,))
        x, c, z = images[pick], labels[pick], torch.randn(args.batch, 128)

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
