"""How fast this machine is now, for carrying stored times over."""

from __future__ import annotations

from typing import Final

from vosbench.errors import UsageError
from vosbench.gate.baseline import CalibrationRecord
from vosbench.store.schema import RunRecord

__all__ = ["calibrate"]

_TURNS: Final = 7


def calibrate(run: RunRecord) -> CalibrationRecord:
    """Run the calibration kernels on the device and in the precision of a run.

    Raises:
        UsageError: if the run's device is not there.
    """
    import torch

    from vosbench.timing.calibration import Calibrator

    device = run.settings.device
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"the run used {device}, which this machine does not have")
    calibrator = Calibrator(device, run.settings.precision)
    for _ in range(_TURNS):
        calibrator.measure()
    found = calibrator.result()
    return CalibrationRecord(
        device=found.device,
        architecture=found.architecture,
        precision=found.precision,
        threads=found.threads,
        ms={name: round(ms, 4) for name, ms in found.medians.items()},
        sizes=dict(found.sizes),
    )
