"""Which pictures to ask about next: the doubtful ones, but not many of one look.

In the training process only. After Xu et al. 2003 ("representative sampling"): the doubtful are clustered, and the
clusters take turns.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.preprocessing import normalize

from curated.taste.keeping import matrix
from curated.taste.tasks import SpreadAnswer, SpreadTask

# About as many pictures as a person looks at before the next training, each from a cluster of its own.
CLUSTERS = 25


def spread(task: SpreadTask) -> SpreadAnswer:
    """The pictures' places, those to ask about first at the beginning."""
    doubt = np.asarray(task.doubt)
    if len(doubt) <= CLUSTERS:
        return SpreadAnswer(np.argsort(-doubt, kind="stable").tolist())
    vectors = normalize(matrix(task.vectors))
    clusters = MiniBatchKMeans(CLUSTERS, random_state=0, n_init=1, batch_size=1024).fit_predict(vectors)
    turns = np.empty(len(doubt), np.int64)
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        turns[members[np.argsort(-doubt[members], kind="stable")]] = np.arange(len(members))
    # The first of each cluster, the most doubtful of those first; then the second of each, and so on.
    return SpreadAnswer(np.lexsort((-doubt, turns)).tolist())
