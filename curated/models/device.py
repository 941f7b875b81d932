"""On which device the models run."""

from __future__ import annotations

import re
from pathlib import Path

from curated.errors import ConfigError

# NVIDIA's driver, and what stands for it in a virtual machine of Windows.
_DRIVERS = (Path("/dev/nvidia0"), Path("/dev/nvidiactl"), Path("/dev/dxg"))
_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")
_MISSING = 'models.device: "{}" was asked for, but there is no CUDA device; set it to "auto" or "cpu"'


def check_device(wanted: str) -> None:
    """Refuse, without importing torch, a device that cannot be there. Raises ConfigError."""
    if not _DEVICE.fullmatch(wanted):
        raise ConfigError(f'models.device: "{wanted}" is no device; set it to "auto", "cpu", "cuda" or "cuda:1"')
    if wanted.startswith("cuda") and not _has_gpu():
        raise ConfigError(_MISSING.format(wanted))


def _has_gpu() -> bool:
    return any(driver.exists() for driver in _DRIVERS)


def choose_device(wanted: str) -> str:
    """ "cpu", or the CUDA device asked for; "auto" takes a GPU where there is one.

    torch is imported only where the machine has an NVIDIA device, for it costs seconds and a gigabyte.
    """
    check_device(wanted)
    if wanted == "cpu" or (wanted == "auto" and not _has_gpu()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        number = int(wanted.partition(":")[2] or 0)
        if number < torch.cuda.device_count():
            return f"cuda:{number}"
        raise ConfigError(
            f'models.device: there is no "{wanted}", only {torch.cuda.device_count()} of them; count from cuda:0'
        )
    if wanted == "auto":
        return "cpu"
    raise ConfigError(_MISSING.format(wanted))
