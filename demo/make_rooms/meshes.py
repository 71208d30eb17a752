"""Triangle meshes with normals and texture coordinates; lengths in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh.

    Attributes:
        vertices: (N, 3) positions in metres.
        normals: (N, 3) unit shading normals.
        uvs: (N, 2) texture coordinates; 1 is one repeat of the texture.
        faces: (M, 3) vertex numbers.
    """

    vertices: Floats
    normals: Floats
    uvs: Floats
    faces: NDArray[np.int64]

    def moved(self, offset: ArrayLike) -> Mesh:
        """Returns the mesh shifted by (x, y, z) metres."""
        return replace(self, vertices=self.vertices + np.asarray(offset, float))

    def turned(self, angle: float, axis: str = "z") -> Mesh:
        """Returns the mesh turned about an axis through the origin by an angle in radians."""
        rotation = rotation_matrix(angle, axis)
        return replace(self, vertices=self.vertices @ rotation.T, normals=self.normals @ rotation.T)

    def regrained(self) -> Mesh:
        """Returns the mesh with its texture turned by a quarter, for lying boards."""
        return replace(self, uvs=self.uvs[:, ::-1])


def rotation_matrix(angle: float, axis: str) -> Floats:
    """Returns the (3, 3) rotation about "x", "y" or "z" by an angle in radians."""
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second] = -np.sin(angle)
    matrix[second, first] = np.sin(angle)
    return matrix


def merged(meshes: Sequence[Mesh]) -> Mesh:
    """Joins meshes into one that a renderer loads as a single shape.

    Args:
        meshes: One or more meshes.

    Returns:
        All their triangles.
    """
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.uvs for mesh in meshes]),
        np.concatenate([m.faces + offset for m, offset in zip(meshes, offsets, strict=True)]),
    )


def grid_faces(rows: int, columns: int) -> NDArray[np.int64]:
    """Returns the (M, 3) triangles of a grid of vertices numbered row by row."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = [np.stack([a, b, c], -1), np.stack([a, c, d], -1)]
    return np.concatenate([t.reshape(-1, 3) for t in triangles])


def vertex_normals(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    """Averages the face normals at every vertex, weighted by area.

    Args:
        vertices: (N, 3) positions.
        faces: (M, 3) vertex numbers.

    Returns:
        (N, 3) unit normals; straight up where all faces at a vertex are degenerate.
    """
    corners = vertices[faces]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], areas)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-14, normals / np.maximum(length, 1e-14), [0.0, 0.0, 1.0])


def grid_mesh(points: Floats, uvs: Floats) -> Mesh:
    """Spans a surface over a grid of points.

    Args:
        points: (H, W, 3) positions; the front faces along (step in W) x (step in H).
        uvs: (H, W, 2) texture coordinates.

    Returns:
        The surface with smooth normals.
    """
    rows, columns = points.shape[:2]
    vertices = points.reshape(-1, 3).astype(float)
    faces = grid_faces(rows, columns)
    return Mesh(vertices, vertex_normals(vertices, faces), uvs.reshape(-1, 2), faces)


def rectangle(
    corner: ArrayLike, along: ArrayLike, up: ArrayLike, repeats: tuple[float, float] = (1, 1)
) -> Mesh:
    """Makes a flat rectangle that faces along x up.

    Args:
        corner: (3,) the texture's lower left corner, metres.
        along: (3,) the texture's horizontal edge.
        up: (3,) the texture's vertical edge.
        repeats: How often the texture fits along each edge.

    Returns:
        Two triangles.
    """
    s, t = np.meshgrid([0.0, 1.0], [0.0, 1.0])
    points = np.asarray(corner) + s[..., None] * np.asarray(along) + t[..., None] * np.asarray(up)
    return grid_mesh(points, np.stack([s * repeats[0], t * repeats[1]], -1))


def rounded_box(
    centre: ArrayLike, half: ArrayLike, radius: float, steps: int = 6, tile: float = 1.0
) -> Mesh:
    """Makes a box with rounded edges.

    Args:
        centre: (3,) metres.
        half: (3,) half the edge lengths, metres.
        radius: Of the edges, metres; kept below the smallest of `half`.
        steps: Grid steps per face.
        tile: Edge of one texture repeat, metres.

    Returns:
        Six gridded faces with exact normals.
    """
    half = np.asarray(half, float)
    # The normals come from the rounding, so a sharp edge needs a trace of it too.
    radius = float(np.clip(radius, 1e-5, 0.999 * half.min()))
    # Most grid lines belong near the edges, where the rounding is.
    line = np.linspace(-1, 1, steps + 1)
    line = np.sign(line) * np.abs(line) ** 0.45
    faces = [
        _box_face(half, radius, line, axis, side, tile) for axis in range(3) for side in (-1, 1)
    ]
    return merged(faces).moved(centre)


def _box_face(half: Floats, radius: float, line: Floats, axis: int, side: int, tile: float) -> Mesh:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    s, t = np.meshgrid(line, line)
    cube = np.zeros((*s.shape, 3))
    cube[..., axis], cube[..., first], cube[..., second] = side, s * side, t
    points = cube * half
    core = np.clip(points, radius - half, half - radius)
    offset = points - core
    normals = offset / np.maximum(np.linalg.norm(offset, axis=-1, keepdims=True), 1e-12)
    points = core + radius * normals
    # Wood grain and stripes run upright on the sides, whichever way a side faces.
    across, along = (first, second) if second == 2 or axis == 2 else (second, first)
    uvs = np.stack([points[..., across], points[..., along]], -1) / tile + 0.5
    return Mesh(
        points.reshape(-1, 3), normals.reshape(-1, 3), uvs.reshape(-1, 2), grid_faces(*s.shape)
    )


def lathe(profile: ArrayLike, sides: int = 40) -> Mesh:
    """Turns a profile about the z axis.

    Args:
        profile: (K, 2) radius and height, metres, listed upwards for an outward front.
        sides: Steps around the axis.

    Returns:
        The surface; it is open where the profile does not reach radius 0.
    """
    rows = np.asarray(profile, float)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    radius, height = rows[:, :1], rows[:, 1:]
    points = np.stack(
        [radius * np.cos(angle), radius * np.sin(angle), np.repeat(height, sides + 1, 1)], -1
    )
    s, t = np.meshgrid(np.linspace(0, 1, sides + 1), np.linspace(0, 1, len(rows)))
    return grid_mesh(points, np.stack([s, t], -1))


def tube(path: Floats, radius: float, sides: int = 10) -> Mesh:
    """Sweeps a circle along a path, for handles and straps.

    Args:
        path: (K, 3) points, metres, never running along the y axis.
        radius: Metres.
        sides: Steps around the path.

    Returns:
        The open tube.
    """
    direction = np.gradient(path, axis=0)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    first = np.cross(direction, [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(direction, first)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
    ring = np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None]
    s, t = np.meshgrid(np.linspace(0, 1, sides + 1), np.linspace(0, 1, len(path)))
    return grid_mesh(path[:, None] + radius * ring, np.stack([s, t], -1))


def ply_bytes(mesh: Mesh) -> bytes:
    """Encodes a mesh as a binary PLY file.

    Args:
        mesh: Any mesh.

    Returns:
        The file's bytes, with normals and texture coordinates per vertex.
    """
    names = ("x", "y", "z", "nx", "ny", "nz", "u", "v")
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(mesh.vertices)}"]
    header += [f"property float {name}" for name in names]
    header += [f"element face {len(mesh.faces)}", "property list uchar int vertex_indices"]
    rows = np.zeros(len(mesh.faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    rows["count"], rows["corners"] = 3, mesh.faces
    vertices = np.concatenate([mesh.vertices, mesh.normals, mesh.uvs], 1).astype("<f4")
    start = "\n".join([*header, "end_header\n"]).encode()
    return start + vertices.tobytes() + rows.tobytes()
