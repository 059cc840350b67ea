"""The choice of a device, and that forecasts do not depend on it."""

import numpy as np
import polars as pl
import pytest
import torch
import xgboost

from features.frame import Panel
from inventory.demand import LEVELS
from inventory.errors import InputRejected
from models.boosting import BoostingForecaster
from models.device import booster_device, network_device
from models.lstm import LstmForecaster

HAS_CUDA = torch.cuda.is_available()
XGBOOST_HAS_CUDA = HAS_CUDA and xgboost.build_info()["USE_CUDA"]


def panel():
    rng = np.random.default_rng(0)
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 3, 30), eager=True)
    frame = pl.concat(
        pl.DataFrame(
            {
                "sku": f"s{i:02d}",
                "location": "x",
                "date": days,
                "units": rng.poisson(5 + i, len(days)).astype(float),
                "in_stock": 1.0,
            }
        )
        for i in range(20)
    )
    return Panel(history=frame, future=frame.head(0).select("sku", "location", "date"))


def test_the_processor_can_be_forced(monkeypatch):
    monkeypatch.setenv("VOUCH_DEVICE", "cpu")
    assert network_device() == torch.device("cpu")
    assert booster_device() == "cpu"
    lstm = LstmForecaster(steps=3).fit(panel(), horizon=3)
    assert {p.device.type for p in lstm.network.parameters()} == {"cpu"}


def test_unset_it_is_what_the_machine_has(monkeypatch):
    monkeypatch.delenv("VOUCH_DEVICE", raising=False)
    assert network_device().type == ("cuda" if HAS_CUDA else "cpu")
    assert booster_device() == ("cuda" if XGBOOST_HAS_CUDA else "cpu")


@pytest.mark.skipif(HAS_CUDA, reason="this machine has a GPU to be found")
@pytest.mark.parametrize("device", [network_device, booster_device])
def test_a_gpu_that_is_not_there_is_refused_in_words(monkeypatch, device):
    monkeypatch.setenv("VOUCH_DEVICE", "cuda")
    with pytest.raises(InputRejected, match="finds no GPU it can use") as refused:
        device()
    assert refused.value.field == "VOUCH_DEVICE"


def test_a_device_of_no_kind_is_refused(monkeypatch):
    monkeypatch.setenv("VOUCH_DEVICE", "gpu0")
    with pytest.raises(InputRejected, match="auto, cpu or cuda"):
        network_device()


def on(device, make, monkeypatch):
    monkeypatch.setenv("VOUCH_DEVICE", device)
    fitted = make().fit(panel(), horizon=7)
    return fitted.predict(panel(), horizon=7, levels=np.array(LEVELS))


def agree(one, other):
    """Means within 2 % of each other in total, and within 10 % for nine of ten series-days: sums
    run in another order on a GPU, and training amplifies the last digit."""
    assert one.mean_units.sum() == pytest.approx(other.mean_units.sum(), rel=0.02)
    apart = np.abs(one.mean_units / other.mean_units - 1)
    assert np.quantile(apart, 0.9) < 0.1


@pytest.mark.skipif(not HAS_CUDA, reason="no GPU that torch can use on this machine")
def test_the_network_says_the_same_on_a_gpu(monkeypatch):
    agree(*(on(device, LstmForecaster, monkeypatch) for device in ("cpu", "cuda")))


@pytest.mark.skipif(not XGBOOST_HAS_CUDA, reason="no GPU that xgboost's build can use here")
def test_the_booster_says_the_same_on_a_gpu(monkeypatch):
    agree(*(on(device, BoostingForecaster, monkeypatch) for device in ("cpu", "cuda")))
