"""What the PyTorch peers share: the fastest settings that eager PyTorch honestly allows. How they are driven is in turns.py."""

import ctypes

import torch

import turns


def keep_freed_memory():
    """Stop glibc from handing large tensors back to the system after every use."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        m_trim_threshold, m_mmap_threshold, big = -1, -3, 1 << 30
        libc.mallopt(m_mmap_threshold, big)
        libc.mallopt(m_trim_threshold, big)
    except OSError:
        pass


def prepare(threads):
    keep_freed_memory()
    torch.set_num_threads(threads)
    torch.manual_seed(0)


def adam(parameters, lr, betas, tuned, eps=1e-8, weight_decay=0.0):
    """torch.optim.Adam as it comes; tuned, in its fastest variant at hand (fused on CPUs came with PyTorch 2.4)."""
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    return torch.optim.Adam(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, **({"fused" if version >= (2, 4) else "foreach": True} if tuned else {}))


def gan_step(gen, disc, opt_g, opt_d, draw, r1=0.0, average=None, decay=0.0):
    """One D step and one G step as published: fakes anew for G, D's parameters frozen meanwhile. `r1` weighs the penalty on real images, `average` follows G."""
    from torch.nn.functional import softplus

    d_params = list(disc.parameters())

    def step():
        x, c, z = draw()
        with torch.no_grad():
            fake = gen(z, c)
        if r1:
            x.requires_grad_(True)
        on_real = disc(x, c)
        loss_d = softplus(-on_real).mean() + softplus(disc(fake, c)).mean()
        if r1:
            (slope,) = torch.autograd.grad(on_real.sum(), x, create_graph=True)
            loss_d = loss_d + r1 * slope.square().flatten(1).sum(1).mean()
        opt_d.zero_grad(set_to_none=True)
        loss_d.backward()
        opt_d.step()

        for p in d_params:
            p.requires_grad_(False)
        loss_g = softplus(-disc(gen(z, c), c)).mean()
        opt_g.zero_grad(set_to_none=True)
        loss_g.backward()
        opt_g.step()
        for p in d_params:
            p.requires_grad_(True)
        if average is not None:
            with torch.no_grad():
                torch._foreach_lerp_(average, list(gen.parameters()), 1 - decay)

    return step


def serve(step, warmup):
    def quiet():
        step()

    turns.serve(quiet, warmup, {"peer": f"PyTorch {torch.__version__}"})
