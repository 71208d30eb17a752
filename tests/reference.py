"""A slow reference for the mathematics, in plain loops over float64 numbers.

Written from the equations of Stylianou, Souvenir, Pless, "Visualizing Deep Similarity Networks"
(WACV 2019) and, for GeM, of Radenović, Tolias, Chum (TPAMI 2019); rankings and their figures, from
the definitions that are named with them. It shares nothing with SimViz.
"""

import math

import numpy as np

Array = np.ndarray


def cosine(a: Array, b: Array) -> float:
    """Equation 1: the similarity of two embeddings."""
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    length = math.sqrt(sum(float(x) ** 2 for x in a)) * math.sqrt(sum(float(y) ** 2 for y in b))
    return dot / length if length else 0.0


def cells(F: Array) -> list[tuple[int, int]]:
    return [(y, x) for y in range(F.shape[0]) for x in range(F.shape[1])]


def attributed(F: Array, pooling: str, p: Array | float = 3.0, clamp: float = 1e-6) -> Array:
    """What each cell has in each component of the pooled vector, (H, W, C).

    Average and sum: equation 2. Max: equations 4 and 5, a maximum shared by all cells that reach
    it. GeM: each cell's share of the sum of powers.
    """
    A = np.zeros(F.shape)
    exponents = np.broadcast_to(np.asarray(p, dtype=float), F.shape[2:])
    for c in range(F.shape[2]):
        values = {cell: float(F[*cell, c]) for cell in cells(F)}
        if pooling == "average":
            for cell, value in values.items():
                A[*cell, c] = value / len(values)
        elif pooling == "sum":
            for cell, value in values.items():
                A[*cell, c] = value
        elif pooling == "max":
            largest = max(values.values())
            winners = [cell for cell, value in values.items() if value == largest]
            for cell in winners:
                A[*cell, c] = largest / len(winners)
        else:
            powers = {k: max(v, clamp) ** exponents[c] for k, v in values.items()}
            total = sum(powers.values())
            pooled = (total / len(values)) ** (1 / exponents[c])
            for cell, power in powers.items():
                A[*cell, c] = pooled * power / total
    return A


def pooled(F: Array, pooling: str, p: Array | float = 3.0, clamp: float = 1e-6) -> Array:
    """Equations 2 and 4: the pooled vector, (C,), computed without any attribution."""
    e = []
    exponents = np.broadcast_to(np.asarray(p, dtype=float), F.shape[2:])
    for c in range(F.shape[2]):
        values = [float(F[*cell, c]) for cell in cells(F)]
        if pooling == "average":
            e.append(sum(values) / len(values))
        elif pooling == "sum":
            e.append(sum(values))
        elif pooling == "max":
            e.append(max(values))
        else:
            powers = [max(value, clamp) ** exponents[c] for value in values]
            e.append((sum(powers) / len(powers)) ** (1 / exponents[c]))
    return np.array(e)


def map_of(A_i: Array, e_i: Array, e_j: Array) -> Array:
    """Equations 3 and 6: each cell's part of the similarity of i and j, (H, W)."""
    lengths = math.sqrt((e_i**2).sum()) * math.sqrt((e_j**2).sum())
    M = np.zeros(A_i.shape[:2])
    for y, x in cells(A_i):
        dot = sum(float(A_i[y, x, c]) * float(e_j[c]) for c in range(len(e_j)))
        M[y, x] = dot / lengths if lengths else 0.0
    return M


def matrix_form(F_i: Array, F_j: Array) -> tuple[Array, Array]:
    """Equation 3 on average pooling as one matrix of all the products of two cells.

    Both maps, (H, W) each: the sums of the matrix over its columns and over its rows.
    """
    length = [np.linalg.norm(F.mean((0, 1))) for F in (F_i, F_j)]
    count = [F.shape[0] * F.shape[1] for F in (F_i, F_j)]
    products = np.zeros((count[0], count[1]))
    for a, (y, x) in enumerate(cells(F_i)):
        for b, (v, u) in enumerate(cells(F_j)):
            products[a, b] = (F_i[y, x] / length[0] / count[0]) @ (F_j[v, u] / length[1] / count[1])
    return products.sum(1).reshape(F_i.shape[:2]), products.sum(0).reshape(F_j.shape[:2])


def covered_share(rectangle: tuple[float, float, float, float], y: int, x: int) -> float:
    """The share of the cell at (y, x) that one rectangle, in cells, covers."""
    x0, y0, x1, y1 = rectangle
    width = max(0.0, min(x1, x + 1) - max(x0, x))
    height = max(0.0, min(y1, y + 1) - max(y0, y))
    return width * height


def ranking(scores: Array, allowed: Array) -> list[int]:
    """Rows from the highest score to the lowest; equal scores in the order of the rows."""
    rows = [row for row in range(len(scores)) if allowed[row]]
    return sorted(rows, key=lambda row: (-float(scores[row]), row))


def best_of_each_class(scores: Array, labels: list[str | None], allowed: Array) -> list[int]:
    """The first row of each class in the ranking (the paper's Figure 9)."""
    seen: set[str] = set()
    best = []
    for row in ranking(scores, allowed):
        label = labels[row]
        if label is not None and label not in seen:
            seen.add(label)
            best.append(row)
    return best


def retrieval(similarities: Array, labels: list[str | None], query: int) -> tuple[list[bool], int]:
    """Which images are of the query's class, nearest first, without the query; and their number."""
    others = [row for row in range(len(labels)) if row != query]
    others.sort(key=lambda row: -float(similarities[query, row]))
    is_same = [labels[row] == labels[query] for row in others]
    return is_same, sum(is_same)


def recall_at(similarities: Array, labels: list[str | None], queries: list[int], k: int) -> float:
    """Recall@K (Jegou et al., TPAMI 2011): the share of queries with a hit among the K nearest."""
    hits = [any(retrieval(similarities, labels, query)[0][:k]) for query in queries]
    return sum(hits) / len(hits)


def map_at_r(similarities: Array, labels: list[str | None], queries: list[int]) -> float:
    """mAP@R of Musgrave et al. (ECCV 2020): (1/R) Σ_i≤R P(i), P(i) = 0 where the i-th is wrong."""
    values = []
    for query in queries:
        is_same, R = retrieval(similarities, labels, query)
        precisions = [sum(is_same[:i]) / i for i in range(1, R + 1) if is_same[i - 1]]
        values.append(sum(precisions) / R)
    return sum(values) / len(values)


def query_outcome(
    similarities: Array, labels: list[str | None], query: int, allowed: Array
) -> tuple[int, int, int, float, int]:
    """What one query finds: the first row, the first of its class, its rank, its AP@R, and R.

    AP@R as in `map_at_r`; what is not allowed is not in the ranking, nor is the query.
    """
    others = np.array(allowed, dtype=bool)
    others[query] = False
    rows = ranking(similarities[query], others)
    is_same = [labels[row] == labels[query] for row in rows]
    R, first = sum(is_same), is_same.index(True)
    precisions = [sum(is_same[:i]) / i for i in range(1, R + 1) if is_same[i - 1]]
    return rows[0], rows[first], first + 1, sum(precisions) / R, R
