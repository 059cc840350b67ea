"""Where networks and boosters compute: on a GPU when there is one, on the processor otherwise.

Nothing needs a GPU, and forecasts agree within rounding. To use one, install a CUDA build of torch
from its own index and XGBoost's full wheel in place of the small one, which has no CUDA:

    pip uninstall xgboost-cpu && pip install -e '.[gpu]'

`VOUCH_DEVICE` forces `cpu` or `cuda`. It is read here rather than among the settings, because a
model loaded from the registry alone has none, and because processes started for work inherit it.
"""

import os
from typing import TYPE_CHECKING, Literal

from inventory.errors import InputRejected

if TYPE_CHECKING:
    import torch

Device = Literal["cpu", "cuda"]

VARIABLE = "VOUCH_DEVICE"


def network_device() -> "torch.device":
    """Where torch computes.

    Raises
    ------
    InputRejected
        `VOUCH_DEVICE` is no device, or forces a GPU that torch cannot use.
    """
    import torch

    return torch.device(_chosen(there=torch.cuda.is_available(), who="torch"))


def booster_device() -> Device:
    """Where XGBoost trains: on a GPU needs one, and a build of XGBoost that was made for it.

    Raises
    ------
    InputRejected
        `VOUCH_DEVICE` is no device, or forces a GPU that XGBoost cannot use.
    """
    import xgboost

    there = bool(xgboost.build_info()["USE_CUDA"])
    if there:
        import torch  # Asked only by builds that could use a GPU: importing it takes seconds.

        there = torch.cuda.is_available()
    return _chosen(there=there, who="xgboost")


def _chosen(*, there: bool, who: str) -> Device:
    wanted = os.environ.get(VARIABLE, "auto").lower()
    if wanted not in ("auto", "cpu", "cuda"):
        raise InputRejected(f"must be auto, cpu or cuda, not {wanted!r}", field=VARIABLE)
    if wanted == "cuda" and not there:
        problem = f"{who} finds no GPU it can use; unset it, or install the extra 'gpu'"
        raise InputRejected(problem, field=VARIABLE)
    return "cuda" if there and wanted != "cpu" else "cpu"
