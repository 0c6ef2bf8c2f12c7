"""PyTorch peer of IC-GAN's BigGAN at 64x64: one D step, one G step and the moving average of G, or generation. Instances are given as features."""

import argparse

import torch
from torch import nn
from torch.nn import functional as F

from protocol import adam, prepare, serve

FEATURES, EMBEDDED, Z_DIM, SLOTS = 2048, 512, 120, 5


class Normalised(nn.Module):
    """A weight over its largest singular value, by one step of power iteration each time (Miyato et al. 2018)."""

    def __init__(self, *sizes, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sizes))
        nn.init.orthogonal_(self.weight)
        bound = (self.weight.numel() / sizes[0]) ** -0.5
        self.bias = nn.Parameter(torch.empty(sizes[0]).uniform_(-bound, bound)) if bias else None
        self.register_buffer("u", torch.randn(1, sizes[0]))

    def scaled(self):
        matrix = self.weight.flatten(1)
        with torch.no_grad():
            v = F.normalize(self.u @ matrix, eps=1e-6)
            u = F.normalize(v @ matrix.t(), eps=1e-6)
            if self.training:
                self.u.copy_(u)
        return self.weight / (v @ matrix.t() @ u.t()).squeeze()


class Linear(Normalised):
    def __init__(self, fan_in, fan_out, bias=True):
        super().__init__(fan_out, fan_in, bias=bias)

    def forward(self, x):
        return F.linear(x, self.scaled(), self.bias)


class Conv(Normalised):
    def __init__(self, fan_in, fan_out, kernel=3, bias=True):
        super().__init__(fan_out, fan_in, kernel, kernel, bias=bias)

    def forward(self, x):
        return F.conv2d(x, self.scaled(), self.bias, padding=self.weight.shape[2] // 2)


class ConditionalNorm(nn.Module):
    def __init__(self, channels, condition):
        super().__init__()
        self.gain, self.shift = Linear(condition, channels, bias=False), Linear(condition, channels, bias=False)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, x, y):
        gain, shift = 1 + self.gain(y), self.shift(y)
        return self.norm(x) * gain[:, :, None, None] + shift[:, :, None, None]


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.theta, self.phi = Conv(channels, channels // 8, 1, bias=False), Conv(channels, channels // 8, 1, bias=False)
        self.g, self.o = Conv(channels, channels // 2, 1, bias=False), Conv(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        theta, phi, g = self.theta(x).flatten(2), F.max_pool2d(self.phi(x), 2).flatten(2), F.max_pool2d(self.g(x), 2).flatten(2)
        beta = F.softmax(theta.transpose(1, 2) @ phi, dim=-1)
        seen = (g @ beta.transpose(1, 2)).view(len(x), -1, *x.shape[2:])
        return self.gamma * self.o(seen) + x


class GeneratorBlock(nn.Module):
    def __init__(self, fan_in, fan_out, condition):
        super().__init__()
        self.norm1, self.norm2 = ConditionalNorm(fan_in, condition), ConditionalNorm(fan_out, condition)
        self.conv1, self.conv2, self.shortcut = Conv(fan_in, fan_out), Conv(fan_out, fan_out), Conv(fan_in, fan_out, 1)

    def forward(self, x, y):
        h = F.interpolate(F.relu(self.norm1(x, y)), scale_factor=2)
        h = self.conv2(F.relu(self.norm2(self.conv1(h), y)))
        return h + self.shortcut(F.interpolate(x, scale_factor=2))


class Generator(nn.Module):
    def __init__(self, ch):
        super().__init__()
        chunk, widths = Z_DIM // SLOTS, [16 * ch, 16 * ch, 8 * ch, 4 * ch, 2 * ch]
        self.chunk, self.start = chunk, widths[0]
        self.embed = Linear(FEATURES, EMBEDDED)
        self.seed = Linear(chunk, 16 * widths[0])
        self.blocks = nn.ModuleList(GeneratorBlock(a, b, EMBEDDED + chunk) for a, b in zip(widths, widths[1:]))
        self.attention = Attention(widths[3])
        self.out = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU(), Conv(widths[-1], 3), nn.Tanh())

    def forward(self, z, features):
        c = self.embed(features)
        first, *pieces = z.split(self.chunk, 1)
        h = self.seed(first).view(-1, self.start, 4, 4)
        for i, (block, piece) in enumerate(zip(self.blocks, pieces)):
            h = block(h, torch.cat([c, piece], 1))
            if i == 2:
                h = self.attention(h)
        return self.out(h)


class DiscriminatorBlock(nn.Module):
    def __init__(self, fan_in, fan_out, first, halves):
        super().__init__()
        self.first, self.halves = first, halves
        self.conv1, self.conv2, self.shortcut = Conv(fan_in, fan_out), Conv(fan_out, fan_out), Conv(fan_in, fan_out, 1)

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        if not self.halves:
            return h + self.shortcut(x)
        if self.first:
            return F.avg_pool2d(h, 2) + self.shortcut(F.avg_pool2d(x, 2))
        return F.avg_pool2d(h, 2) + F.avg_pool2d(self.shortcut(x), 2)


class Discriminator(nn.Module):
    def __init__(self, ch):
        super().__init__()
        widths = [3, ch, 2 * ch, 4 * ch, 8 * ch, 16 * ch]
        self.blocks = nn.ModuleList(DiscriminatorBlock(a, b, i == 0, i < 4) for i, (a, b) in enumerate(zip(widths, widths[1:])))
        self.attention = Attention(ch)
        self.score, self.project = Linear(widths[-1], 1), Linear(FEATURES, widths[-1])

    def forward(self, x, features):
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i == 0:
                x = self.attention(x)
        phi = F.relu(x).sum([2, 3])
        return self.score(phi) + (self.project(features) * phi).sum(1, keepdim=True)


def training(args):
    gen, disc = Generator(args.ch), Discriminator(args.ch)
    if args.tuned:
        gen, disc = (net.to(memory_format=torch.channels_last) for net in (gen, disc))
    average = {name: value.clone() for name, value in gen.state_dict().items()}
    opt_g, opt_d = (adam(net.parameters(), lr=1e-4, betas=(0.0, 0.999), eps=1e-6, tuned=args.tuned) for net in (gen, disc))
    images, features = torch.rand(512, 3, 64, 64) * 2 - 1, F.normalize(torch.randn(512, FEATURES))
    if args.tuned:
        images = images.to(memory_format=torch.channels_last)
    d_params = list(disc.parameters())

    def draw():
        return torch.randn(args.batch, Z_DIM), features[torch.randint(len(features), (args.batch,))]

    def step():
        pick = torch.randint(len(images), (args.batch,))
        z, c = draw()
        opt_d.zero_grad(set_to_none=True)
        with torch.no_grad():
            fake = gen(z, c)
        on_fake, on_real = disc(torch.cat([fake, images[pick]]), torch.cat([c, features[pick]])).split(args.batch)
        (F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()).backward()
        opt_d.step()

        for p in d_params:
            p.requires_grad_(False)
        z, c = draw()
        opt_g.zero_grad(set_to_none=True)
        (-disc(gen(z, c), c).mean()).backward()
        opt_g.step()
        for p in d_params:
            p.requires_grad_(True)
        with torch.no_grad():
            for name, value in gen.state_dict().items():
                if value.is_floating_point():
                    average[name].lerp_(value, 1e-4)

    return step


def generation(args):
    gen = Generator(args.ch).eval()
    if args.tuned:
        gen = gen.to(memory_format=torch.channels_last)
    features = F.normalize(torch.randn(512, FEATURES))

    def step():
        with torch.no_grad():
            gen(torch.randn(args.batch, Z_DIM), features[torch.randint(len(features), (args.batch,))])

    return step


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--threads", type=int, default=2)
    flags.add_argument("--batch", type=int, default=16)
    flags.add_argument("--ch", type=int, default=32)
    flags.add_argument("--warmup", type=int, default=2)
    flags.add_argument("--tuned", action="store_true", help="fused Adam, and channels last")
    flags.add_argument("--generate", action="store_true", help="only images, in evaluation")
    args = flags.parse_args()
    prepare(args.threads)
    serve((generation if args.generate else training)(args), args.warmup)


if __name__ == "__main__":
    main()
