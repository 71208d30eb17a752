"""Turns parts and cameras into Mitsuba scenes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mitsuba as mi
import numpy as np

from .meshes import Floats, ply_bytes
from .palettes import linear
from .parts import Part, Surface
from .views import Camera

# Roughness of the coating over the colour.
_COATINGS = {"satin": 0.3, "glazed": 0.1}


def scene_dict(parts: Sequence[Part], folder: Path) -> dict[str, Any]:
    """Describes a scene without a camera.

    Args:
        parts: What the room holds.
        folder: Where the mesh files go; they are needed until the scene is loaded.

    Returns:
        For `mitsuba.load_dict`; the shape of part i is called "part_i".
    """
    scene: dict[str, Any] = {"type": "scene"}
    surfaces = {id(part.surface): part.surface for part in parts}
    names = {key: f"surface_{number}" for number, key in enumerate(surfaces)}
    scene |= {names[key]: _bsdf(surface) for key, surface in surfaces.items()}
    for number, part in enumerate(parts):
        path = folder / f"part_{number}.ply"
        path.write_bytes(ply_bytes(part.mesh))
        bsdf = {"type": "ref", "id": names[id(part.surface)]}
        shape: dict[str, Any] = {"type": "ply", "filename": str(path), "bsdf": bsdf}
        if part.radiance is not None:
            shape["emitter"] = {"type": "area", "radiance": _spectrum(part.radiance, raw=True)}
        scene[f"part_{number}"] = shape
    return scene


def _bsdf(surface: Surface) -> dict[str, Any]:
    colour = _spectrum(surface.colour, raw=False)
    if surface.finish == "matte":
        bsdf: dict[str, Any] = {"type": "diffuse", "reflectance": colour}
    elif surface.finish == "metal":
        bsdf = {"type": "roughconductor", "material": "none", "alpha": 0.2}
        bsdf["specular_reflectance"] = colour
    else:
        alpha = _COATINGS[surface.finish]
        bsdf = {"type": "roughplastic", "diffuse_reflectance": colour, "alpha": alpha}
        bsdf["nonlinear"] = True
    return {"type": "twosided", "nested": bsdf}


def _spectrum(colour: Floats, raw: bool) -> dict[str, Any]:
    """Describes a colour or an image; `raw` says that it is linear already."""
    if colour.ndim == 1:
        value = colour if raw else linear(colour)
        return {"type": "rgb", "value": [float(v) for v in value]}
    pixels = colour.astype(np.float32) if raw else (colour * 255 + 0.5).astype(np.uint8)
    # The renderer counts rows from the bottom, v = 0; these images start at the top.
    bitmap = mi.Bitmap(np.ascontiguousarray(pixels[::-1]))
    return {"type": "bitmap", "bitmap": bitmap, "raw": raw, "wrap_mode": "repeat"}


def sensor(camera: Camera, width: int, height: int) -> Any:
    """Loads a camera.

    Args:
        camera: Where it stands and looks.
        width: Of the picture, pixels.
        height: Of the picture, pixels.

    Returns:
        A Mitsuba sensor with a box filter, since the denoiser expects pixels that are
        independent of their neighbours.
    """
    roll = float(np.sin(np.radians(camera.roll)))
    transform = mi.ScalarTransform4f().look_at(
        origin=list(camera.position), target=list(camera.target), up=[roll, 0.0, 1.0]
    )
    film = {
        "type": "hdrfilm", "width": width, "height": height,
        "rfilter": {"type": "box"}, "pixel_format": "rgb",
    }  # fmt: skip
    return mi.load_dict(
        {
            "type": "perspective", "fov": camera.field_of_view, "fov_axis": "x",
            "near_clip": 0.02, "to_world": transform, "film": film,
            "sampler": {"type": "independent"},
        }
    )  # fmt: skip


def category_image(
    scene: Any, parts: Sequence[Part], camera: Camera, width: int, height: int, names: Sequence[str]
) -> np.ndarray:
    """Asks which part each pixel's middle shows.

    Args:
        scene: Loaded from `scene_dict(parts, ...)`.
        parts: The scene's parts.
        camera: Where to look from.
        width: Pixels.
        height: Pixels.
        names: The categories by index.

    Returns:
        (height, width) uint8 category indices, 0 where a ray leaves the room.
    """
    eye = sensor(camera, width, height)
    index = {f"part_{i}": names.index(part.category) for i, part in enumerate(parts)}
    rows, columns = np.mgrid[0:height, 0:width]
    x, y = (columns.ravel() + 0.5) / width, (rows.ravel() + 0.5) / height
    if str(mi.variant()).startswith("scalar"):
        pixels = [_scalar_hit(scene, eye, a, b, index) for a, b in zip(x, y, strict=True)]
        return np.array(pixels, np.uint8).reshape(height, width)
    return _vector_hits(scene, eye, x, y, index).reshape(height, width)


def _scalar_hit(scene: Any, eye: Any, x: float, y: float, index: dict[str, int]) -> int:
    ray, _ = eye.sample_ray(0.0, 0.5, [x, y], [0.5, 0.5])
    hit = scene.ray_intersect(ray)
    return index.get(hit.shape.id(), 0) if hit.is_valid() else 0


def _vector_hits(scene: Any, eye: Any, x: Floats, y: Floats, index: dict[str, int]) -> np.ndarray:
    import drjit as dr

    point = mi.Point2f(x.astype(np.float32), y.astype(np.float32))
    ray, _ = eye.sample_ray(mi.Float(0), mi.Float(0.5), point, mi.Point2f(0.5, 0.5))
    numbers = np.array(dr.reinterpret_array(mi.UInt32, scene.ray_intersect(ray).shape))
    table = np.zeros(int(numbers.max()) + 1, np.uint8)
    for shape in scene.shapes():
        number = int(np.array(dr.reinterpret_array(mi.UInt32, mi.ShapePtr(shape)))[0])
        if number < len(table):
            table[number] = index.get(shape.id(), 0)
    return table[numbers]
