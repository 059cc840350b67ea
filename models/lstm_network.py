"""The network: one LSTM over context and horizon, and a head of quantiles that cannot cross.

The horizon is read by the same LSTM as the history, with its demand unknown and its calendar and
covariates given, so that all periods ahead come from one pass and no sampling is needed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.lstm_windows import Windows

GRADIENT_MAX = 1.0
LEARNING_RATE = 6e-3
AVERAGING = 0.98
"""Share of the running average of weights that each step keeps: smooths the last, noisy steps."""

DROPPED = 0.1
"""Share of the state that training hides at random: a panel of few series is learned by heart."""

VISITS_MAX = 4.0
"""Times that a window is drawn, on average, at most."""

STEPS_MIN = 60
"""Batches that even the smallest panel is given: fewer leave the network near its start."""

Report = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Training:
    """How long to train: by steps, never by the clock, so that the result does not vary."""

    steps: int
    batch: int
    seed: int
    threads: int


class QuantileLstm(nn.Module):
    """LSTM (B, T, F) → quantiles (B, H, Q) of demand divided by the window's level."""

    def __init__(self, *, inputs: int, hidden: int, levels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, num_layers=1, batch_first=True)
        self.drop = nn.Dropout(DROPPED)
        self.mix = nn.Linear(hidden + inputs, hidden)
        self.head = nn.Linear(hidden, levels)

    def forward(self, windows: Tensor, horizon: int) -> Tensor:
        """Quantiles of the last `horizon` periods. Below zero is possible; the caller cuts."""
        states, _ = self.lstm(windows)
        ahead = torch.cat([self.drop(states[:, -horizon:]), windows[:, -horizon:]], dim=2)
        steps = self.head(nn.functional.silu(self.mix(ahead)))
        rises = nn.functional.softplus(steps[..., 1:] - 2.0)
        return torch.cat([steps[..., :1], steps[..., :1] + rises.cumsum(dim=2)], dim=2)


def plan_for(
    windows: Windows, *, horizon: int, steps_max: int, batch: int, seed: int, threads: int
) -> Training:
    """Train `steps_max` batches, fewer on a small panel, whose windows it would learn by heart."""
    first, last = windows.cutoff_range(horizon=horizon)
    there = len(windows.demand) * (last - first + 1)
    steps = min(steps_max, max(STEPS_MIN, int(there * VISITS_MAX / batch)))
    return Training(steps=steps, batch=batch, seed=seed, threads=threads)


@contextmanager
def reproducible(*, seed: int, threads: int) -> Iterator[None]:
    """Own random numbers and thread count for a while, the process's put back afterwards."""
    before = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def train(
    network: QuantileLstm,
    windows: Windows,
    levels: Tensor,
    *,
    horizon: int,
    plan: Training,
    report: Report | None = None,
) -> None:
    """Train on windows drawn at random; leaves the running average of the weights in `network`.

    The loss is the pinball loss divided by the window's level, so every series counts alike.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=LEARNING_RATE, total_steps=plan.steps, pct_start=0.15
    )
    average = [p.detach().clone() for p in network.parameters()]
    draw = torch.Generator().manual_seed(plan.seed)
    network.train()
    for step in range(plan.steps):
        rows, cutoffs = drawn_windows(windows, draw, horizon=horizon, size=plan.batch)
        loss = window_loss(network, windows, levels, rows=rows, cutoffs=cutoffs, horizon=horizon)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_MAX)
        optimiser.step()
        rate.step()
        with torch.no_grad():
            for kept, now in zip(average, network.parameters(), strict=True):
                kept.lerp_(now, 1 - min(AVERAGING, (step + 1) / (step + 10)))
        if report is not None and (step + 1) % 50 == 0:
            report(step + 1, float(loss.detach()))
    with torch.no_grad():
        for kept, now in zip(average, network.parameters(), strict=True):
            now.copy_(kept)
    network.eval()


def drawn_windows(
    windows: Windows, draw: torch.Generator, *, horizon: int, size: int
) -> tuple[Tensor, Tensor]:
    """Series, and where their horizon starts, drawn evenly: later starts are as likely as early."""
    device = windows.demand.device
    first, last = windows.cutoff_range(horizon=horizon)
    rows = torch.randint(len(windows.demand), (size,), generator=draw)
    cutoffs = torch.randint(first, last + 1, (size,), generator=draw)
    return rows.to(device), cutoffs.to(device)


def window_loss(
    network: QuantileLstm,
    windows: Windows,
    levels: Tensor,
    *,
    rows: Tensor,
    cutoffs: Tensor,
    horizon: int,
) -> Tensor:
    """Mean pinball loss over the known periods of the windows, each divided by its level."""
    within = min(horizon, windows.end - int(cutoffs.max()))
    inputs, level = windows.cut(rows, cutoffs, horizon=within)
    actual = windows.targets(rows, cutoffs, horizon=within) / level
    known = ~torch.isnan(actual)
    over = torch.where(known, actual, 0.0)[..., None] - network(inputs, within)
    loss = torch.maximum(levels * over, (levels - 1) * over).mean(dim=2)
    return (loss * known).sum() / known.sum().clamp(min=1)


@torch.no_grad()
def quantiles(
    network: QuantileLstm, windows: Windows, *, rows: Tensor, cutoffs: Tensor, horizon: int
) -> Tensor:
    """Quantiles in units (B, H, Q), never negative."""
    inputs, level = windows.cut(rows, cutoffs, horizon=horizon)
    found: Tensor = network(inputs, horizon).clamp(min=0) * level[:, :, None]
    return found
