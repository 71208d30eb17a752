"""Classes: what the images of a class have in common, and what tells it from another."""

from simviz_core.classes.maps import (
    NO_CLASSES,
    ClassSums,
    class_map_of,
    class_reference,
    class_sums,
    most_typical,
)
from simviz_core.classes.matrix import class_similarities, closest_classes, order_in_blocks
from simviz_core.classes.report import (
    ClassSummary,
    ImageInClass,
    check_class_reference,
    class_block,
    class_rows,
    class_to_contrast,
    classes_as_json,
    contrast_check,
    contrast_sentence,
    image_in_class,
    summarise,
    summary_line,
)

__all__ = [
    "NO_CLASSES",
    "ClassSummary",
    "ClassSums",
    "ImageInClass",
    "check_class_reference",
    "class_block",
    "class_map_of",
    "class_reference",
    "class_rows",
    "class_similarities",
    "class_sums",
    "class_to_contrast",
    "classes_as_json",
    "closest_classes",
    "contrast_check",
    "contrast_sentence",
    "image_in_class",
    "most_typical",
    "order_in_blocks",
    "summarise",
    "summary_line",
]
