"""What is worth keeping, learnt from what was kept and trashed; scikit-learn runs in a process of its own."""

from curated.taste.figures import Figures
from curated.taste.training import predict

__all__ = ["Figures", "predict"]
