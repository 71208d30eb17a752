"""Meshes of the demo gallery: finite, outward, with unit normals."""

import numpy as np
import pytest

from demo.make_rooms.cloth import bed_cover, curtain, pillow, upholstery
from demo.make_rooms.designs import (
    HEADBOARDS,
    LAMPS,
    Headboard,
    Lamp,
)
from demo.make_rooms.headboards import headboard_mesh
from demo.make_rooms.lamps import lamp_parts
from demo.make_rooms.meshes import Mesh, lathe, merged, ply_bytes, rectangle, rounded_box, tube
from demo.make_rooms.palettes import srgb
from demo.make_rooms.parts import Part, Surface, joined
from demo.make_rooms.randomness import generator


def assert_sound(mesh: Mesh) -> None:
    """Finite, with unit normals, and faces that name existing vertices."""
    count = len(mesh.vertices)
    assert mesh.normals.shape == (count, 3)
    assert mesh.uvs.shape == (count, 2)
    for values in (mesh.vertices, mesh.normals, mesh.uvs):
        assert np.isfinite(values).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-6)
    assert mesh.faces.min() >= 0
    assert mesh.faces.max() < count


@pytest.mark.parametrize(
    "mesh",
    [
        rectangle([0, 0, 0], [2, 0, 0], [0, 0, 1]),
        rounded_box([1, 2, 3], [0.5, 0.2, 0.1], 0.05),
        rounded_box([0, 0, 0], [0.5, 0.2, 0.1], 0.0),
        lathe([(0.0, 0.0), (0.1, 0.0), (0.1, 0.2), (0.0, 0.2)]),
        tube(np.array([[0, 0, 0], [0.1, 0, 0.1], [0.2, 0, 0.0]]), 0.01),
        bed_cover(0.8, 2.0, (0.6, 2.3), 0.3, 1.2, generator(0)),
        pillow((0.3, 0.2, 0.1), 0.5, generator(0)),
        curtain(0.5, 2.2, 5, 0.3, 1.2),
        upholstery(0.9, 0.2, lambda x: 1.2 + 0 * x, lambda x, z: 0 * x, 0.07),
    ],
    ids=["rectangle", "box", "sharp box", "lathe", "tube", "cover", "pillow", "curtain", "padding"],
)
def test_a_mesh_is_sound(mesh: Mesh) -> None:
    assert_sound(mesh)
    assert_sound(mesh.turned(0.4, "x").turned(1.0).moved([1, 2, 3]))


@pytest.mark.parametrize("design", HEADBOARDS, ids=lambda d: f"{d.form}-{d.material}")
def test_a_headboard_stands_in_front_of_the_wall(design: Headboard) -> None:
    mesh = headboard_mesh(design, 0.9)
    assert_sound(mesh)
    assert mesh.vertices[:, 1].max() <= 1e-9
    assert mesh.vertices[:, 1].min() > -0.14
    assert mesh.vertices[:, 2].max() == pytest.approx(design.height, abs=0.06)


@pytest.mark.parametrize("design", LAMPS, ids=lambda d: f"{d.foot}-{d.shade}")
def test_only_a_lit_lamp_emits(design: Lamp) -> None:
    for lit in (False, True):
        parts = lamp_parts(design, lit, 2.0)
        assert any(part.radiance is not None for part in parts) == lit
        for part in parts:
            assert part.category == "lamp"
            assert_sound(part.mesh)


def test_fronts_face_outwards() -> None:
    """The divergence theorem: an outward closed surface encloses a positive volume."""
    box = rounded_box([5, 5, 5], [0.5, 0.4, 0.3], 0.02)
    turned = lathe([(0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0)])
    for mesh, volume in ((box, 0.48), (turned, np.pi * 0.09)):
        a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
        enclosed = float((a * np.cross(b, c)).sum() / 6)
        assert enclosed == pytest.approx(volume, rel=0.02)


def test_a_bed_cover_lies_on_the_bed_and_hangs_down() -> None:
    cover = bed_cover(0.8, 2.0, (0.6, 2.3), 0.3, 1.2, generator(0))
    x, y, z = cover.vertices.T
    on_top = (np.abs(x) < 0.7) & (y > -1.9)
    assert z[on_top].min() >= -1e-9
    assert z[on_top].max() < 0.025
    assert -0.35 < z.min() < -0.2


def test_merging_keeps_every_triangle() -> None:
    boxes = [rounded_box([i, 0, 0], [0.1, 0.1, 0.1], 0.01) for i in range(3)]
    assert len(merged(boxes).faces) == sum(len(box.faces) for box in boxes)
    assert_sound(merged(boxes))


def test_joining_keeps_categories_apart() -> None:
    box, red = rounded_box([0, 0, 0], [1, 1, 1], 0.1), Surface(srgb("#ff0000"))
    blue = Surface(srgb("#0000ff"))
    parts = [Part("bed", box, red), Part("lamp", box, red), Part("bed", box, blue)]
    result = joined([*parts, parts[0]])
    assert [part.category for part in result] == ["bed", "lamp", "bed"]
    assert [len(part.mesh.faces) // len(box.faces) for part in result] == [2, 1, 1]


def test_a_ply_file_has_the_promised_length() -> None:
    mesh = rounded_box([0, 0, 0], [1, 1, 1], 0.1)
    header, _, body = ply_bytes(mesh).partition(b"end_header\n")
    assert header.startswith(b"ply\n")
    assert len(body) == len(mesh.vertices) * 32 + len(mesh.faces) * 13
