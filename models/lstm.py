"""One LSTM over all series: the member that learns what items have in common.

Trained by the pinball loss at the levels every forecast carries. Demand that was censored or not
recorded is unknown to it, on both sides of the cutoff.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from features.frame import Panel
from inventory.demand import LEVELS, DemandForecast, Floats, quantile_function
from models.arma import two_correlations
from models.baseline import forecast_of
from models.device import network_device
from models.known_ahead import covariate_names

if TYPE_CHECKING:
    from models.lstm_network import QuantileLstm
    from models.lstm_windows import Shape, Windows

SERIES_PER_BATCH = 2048
"""Series forecast at once: 2048 windows of 100 periods take some 50 MB."""

SERIES_FOR_DEPENDENCE = 1000
"""Series on which the correlation between periods is measured."""

MEAN_LEVELS = (np.arange(200) + 0.5) / 200
"""Probabilities over which the mean is taken; the tails beyond the last level included."""


class LstmForecaster:
    """Global: fitted on all series at once, and able to forecast series it never saw.

    At most `steps` batches of `batch` windows are drawn, whatever the size of the panel, so the
    cost of training does not grow with it; a small panel takes fewer.
    Uses a GPU when there is one.
    """

    name = "lstm"

    def __init__(
        self,
        *,
        seed: int = 0,
        threads: int = 1,
        steps: int = 450,
        batch: int = 128,
        hidden: int = 48,
    ) -> None:
        self.seed, self.threads = seed, threads
        self.steps, self.batch, self.hidden = steps, batch, hidden
        self.shape: Shape | None = None
        self.network: QuantileLstm | None = None
        self.dependence: Floats = np.zeros(2)

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Train on windows of the panel's history."""
        import torch

        from models import lstm_network
        from models.lstm_windows import shape_of, windows_of

        self.shape = shape_of(panel, covariate_names(panel))
        device = network_device()
        windows = windows_of(panel, self.shape, horizon=0, device=device)
        plan = lstm_network.plan_for(
            windows,
            horizon=horizon,
            steps_max=self.steps,
            batch=self.batch,
            seed=self.seed,
            threads=self.threads,
        )
        with lstm_network.reproducible(seed=self.seed, threads=self.threads):
            self.network = self._new_network().to(device)
            levels = torch.tensor(LEVELS, dtype=torch.float32, device=device)
            lstm_network.train(self.network, windows, levels, horizon=horizon, plan=plan)
            self.dependence = self._measured_dependence(windows, horizon=horizon)
        return self

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """Forecast every series of the panel from its last periods."""
        from models import lstm_network
        from models.lstm_windows import windows_of

        assert self.network is not None and self.shape is not None, "fit first"  # noqa: PT018
        device = next(self.network.parameters()).device
        windows = windows_of(panel, self.shape, horizon=horizon, device=device)
        with lstm_network.reproducible(seed=self.seed, threads=self.threads):
            own = self._quantiles_units(windows, cutoff=windows.end, horizon=horizon)
        closed = windows.closed[:, -horizon:].cpu().numpy()
        own = np.where(closed[:, :, None], 0.0, own)
        return forecast_of(
            panel,
            levels=levels,
            quantiles_units=quantile_function(own, np.array(LEVELS), np.asarray(levels)),
            mean_units=_means_units(own),
            dependence=np.tile(self.dependence, (len(own), 1)),
        )

    def save(self, folder: Path) -> None:
        """Write the weights, and what is needed to build the same inputs."""
        import dataclasses

        import torch

        assert self.network is not None and self.shape is not None, "fit first"  # noqa: PT018
        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "name": self.name,
            "plan": {key: getattr(self, key) for key in _PLAN},
            "shape": dataclasses.asdict(self.shape),
            "dependence": self.dependence.tolist(),
        }
        (folder / "member.json").write_text(json.dumps(about))
        weights = {key: value.cpu() for key, value in self.network.state_dict().items()}
        torch.save(weights, folder / "weights.pt")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`; on the GPU when there is one."""
        import torch

        from models.lstm_windows import Shape

        about = json.loads((folder / "member.json").read_text())
        shape = about["shape"]
        loaded = cls(**about["plan"])
        loaded.shape = Shape(
            **shape | {"names": tuple(shape["names"]), "deviations": tuple(shape["deviations"])}
        )
        loaded.dependence = np.array(about["dependence"])
        loaded.network = loaded._new_network()
        loaded.network.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
        loaded.network.to(network_device()).eval()
        return loaded

    def _new_network(self) -> "QuantileLstm":
        from models.lstm_network import QuantileLstm

        assert self.shape is not None
        return QuantileLstm(inputs=self.shape.inputs, hidden=self.hidden, levels=len(LEVELS))

    def _quantiles_units(self, windows: "Windows", *, cutoff: int, horizon: int) -> Floats:
        """Quantiles (N, H, Q) at `LEVELS` of the periods from one padded index on."""
        import torch

        from models import lstm_network

        assert self.network is not None
        found = []
        for first in range(0, len(windows.demand), SERIES_PER_BATCH):
            rows = torch.arange(first, min(first + SERIES_PER_BATCH, len(windows.demand)))
            rows = rows.to(windows.demand.device)
            cutoffs = torch.full_like(rows, cutoff)
            units = lstm_network.quantiles(
                self.network, windows, rows=rows, cutoffs=cutoffs, horizon=horizon
            )
            found.append(units.cpu().numpy().astype(np.float64))
        return np.concatenate(found)

    def _measured_dependence(self, windows: "Windows", *, horizon: int) -> Floats:
        """Correlations between the periods of the last window, over many series, shape (2,)."""
        import torch
        from scipy.special import ndtri

        cutoff = windows.end - horizon
        if cutoff <= windows.shape.padding or horizon == 1:
            return np.zeros(2)
        own = self._quantiles_units(windows, cutoff=cutoff, horizon=horizon)
        rows = torch.arange(min(len(own), SERIES_FOR_DEPENDENCE), device=windows.demand.device)
        actual = windows.targets(rows, torch.full_like(rows, cutoff), horizon=horizon)
        units = actual.cpu().numpy().astype(np.float64)
        at_or_below = (own[: len(rows)] <= units[:, :, None]).mean(axis=2)
        scores = ndtri(at_or_below.clip(0.02, 0.98))
        return two_correlations(_pair_correlations(np.where(np.isnan(units), np.nan, scores)))


_PLAN = ("seed", "threads", "steps", "batch", "hidden")


def _pair_correlations(scores: Floats) -> Floats:
    """Correlation (H, H) of columns of (N, H), over the rows where both are known."""
    known = ~np.isnan(scores)
    mean = np.where(known, scores, 0.0).sum(axis=0) / known.sum(axis=0).clip(min=1)
    centred = np.where(known, scores - mean, 0.0)
    both = known.astype(np.float64)
    covariance = (centred.T @ centred) / np.maximum(both.T @ both, 1.0)
    deviation = np.sqrt(np.maximum(np.diagonal(covariance), 1e-9))
    return np.asarray(covariance / np.outer(deviation, deviation))


def _means_units(quantiles_units: Floats) -> Floats:
    """Means (N, H) of distributions given by quantiles (N, H, Q) at `LEVELS`.

    In batches: 200 probabilities a period would take 12 GiB for 50,000 series.
    """
    means = np.empty(quantiles_units.shape[:2])
    for first in range(0, len(means), SERIES_PER_BATCH):
        rows = slice(first, first + SERIES_PER_BATCH)
        drawn = quantile_function(quantiles_units[rows], np.array(LEVELS), MEAN_LEVELS)
        means[rows] = drawn.mean(axis=2)
    return means
