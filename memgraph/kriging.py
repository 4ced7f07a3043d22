"""What the feature model does not explain and words do: a Gaussian process on its residuals (regression kriging).

The feature model learns how far words are to be trusted where no label on the query itself, or on its near-duplicates, was
seen (cross-fitting). Labels are chosen so that each tells something new, so it hardly ever saw there a statement that another
label has settled, and follows the votes even where a label says outright that they are wrong. So a second look: over the same
pairs of n-grams as in `memgraph.wording` a Gaussian process is fitted to all labelled answers, with the cross-fitted logits as
its mean. What it adds is 0 where nothing alike was labelled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from scipy.sparse import csc_array
from scipy.special import expit
from sklearn.utils import gen_batches

from memgraph.snapshot import Floats, Ints, Snapshot
from memgraph.wording import Wording
from memgraph.words import CHUNK, Words

_VARIANCE = 16.0  # of what it adds to a logit, before any label
_JITTER = 1e-4

Matrix = NDArray[np.floating[Any]]


def krige(
    wording: Wording,
    snapshot: Snapshot,
    words: Words,
    rows: Ints,
    logits: Floats,
    fold: Ints,
    weights: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Fit to the labelled answers of some rollouts; an answer counts once, however often it was given.

    Args:
        wording: whose n-grams and landmarks are used.
        rows: labelled rollouts.
        logits: [rows] by feature models that did not see the labels of the rollout's unit.
        fold: [rows] number of each row's fold.
        weights: [rows] how much each counts; None where all count the same.

    Returns [landmarks] weights of what is to be added to logits (`Wording.corrected`), and [rows] what one fitted on the
    other folds would add.
    """
    found = np.zeros(len(rows), np.float32)
    landmarks = wording.landmarks
    sound = np.flatnonzero(words.sound[rows])
    if not len(wording.weights) or not len(sound):
        return np.zeros(len(wording.weights), np.float32), found
    _, answer, count = np.unique(snapshot.rollout_answer[rows[sound]], return_inverse=True, return_counts=True)
    mean = csc_array((1 / count[answer], (answer, sound)), shape=(len(count), len(rows)))
    pairs, kernel = wording.vocabulary.pairs(words, rows), np.zeros((len(count), len(wording.weights)))
    for chunk in gen_batches(len(rows), CHUNK):
        kernel += mean[:, chunk] @ pairs[chunk].kernel(landmarks)
    among = landmarks.kernel(landmarks).astype(np.float64)
    among[np.diag_indices(len(among))] += _JITTER
    root = np.linalg.cholesky(among)
    inputs = solve_triangular(root, kernel.T, lower=True).T
    target, prior = mean @ snapshot.labels[rows].astype(np.float64), mean @ logits.astype(np.float64)
    counts = np.ones(len(count)) if weights is None else mean @ weights.astype(np.float64)
    own = np.empty(len(count), fold.dtype)
    own[answer] = fold[sound]

    def fitted(seen: NDArray[np.bool_]) -> Floats:
        return _weights(root, inputs[seen], target[seen], prior[seen], counts[seen])

    for number in np.unique(fold):
        found[fold == number] = pairs[fold == number].sums(landmarks, fitted(own != number))
    return fitted(np.ones(len(count), np.bool_)), found


def _weights(root: Matrix, inputs: Matrix, target: Matrix, prior: Matrix, counts: Matrix) -> Floats:
    """[landmarks] weights of the most likely function: logistic regression around a prior, penalised by the kernel.

    Args:
        root: [landmarks, landmarks] Cholesky factor of the kernel between landmarks.
        inputs: [answers, landmarks] kernel with the landmarks, times the factor's inverse.
    """

    def loss(beta: Matrix) -> tuple[float, Matrix]:
        logits = prior + inputs @ beta
        error = counts * (expit(logits) - target)
        value = counts @ (np.logaddexp(0, logits) - target * logits) + beta @ beta / (2 * _VARIANCE)
        return float(value), inputs.T @ error + beta / _VARIANCE

    beta = minimize(loss, np.zeros(len(root)), jac=True, method="L-BFGS-B").x
    found: Floats = solve_triangular(root, beta, lower=True, trans="T").astype(np.float32)
    return found
