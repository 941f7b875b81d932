"""What is worth keeping and what belongs where, learnt from a person; scikit-learn runs in a process of its own."""

from curated.taste.categories import is_asked, learn_categories
from curated.taste.figures import Figures
from curated.taste.models import LearntCategories, Opinion, Taste, learnt_categories, trainings
from curated.taste.tasks import CategoryFigures
from curated.taste.training import predict

__all__ = [
    "CategoryFigures",
    "Figures",
    "LearntCategories",
    "Opinion",
    "Taste",
    "is_asked",
    "learn_categories",
    "learnt_categories",
    "predict",
    "trainings",
]
