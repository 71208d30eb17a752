"""Command line: `python -m demo.make_rooms --out demo/rooms`."""

import argparse
import multiprocessing
from pathlib import Path

from tqdm import tqdm

from .assignment import HOTELS
from .gallery import contact_sheet, known_facts, read_rooms_json, write_rooms_json
from .jobs import Job, render_job
from .views import VIEWS


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo.make_rooms", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo/rooms"), help="the gallery's folder")
    parser.add_argument("--hotels", default=f"0-{HOTELS - 1}", help="such as 0-5 or 7")
    parser.add_argument("--views", default=f"0-{VIEWS - 1}", help="such as 0-5 or 2")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--samples", type=int, default=8, help="light paths per pixel")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another gallery")
    parser.add_argument(
        "--variant", default="scalar_rgb", help="Mitsuba's; llvm_ad_rgb is faster but needs LLVM"
    )
    parser.add_argument("--contact-sheet", type=Path, help="also paste the hotels into this image")
    return parser.parse_args()


def numbers(text: str) -> range:
    """Reads "3" or "0-5" as a range that includes both ends."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> None:
    """Renders what is missing, then writes rooms.json."""
    options = parse_arguments()
    rendering = {"variant": options.variant, "samples": options.samples}
    there = read_rooms_json(options.out)
    if there and (there["seed"], there["rendering"]) != (options.seed, rendering):
        raise SystemExit(
            f"{options.out} holds the gallery of seed {there['seed']} rendered with "
            f"{there['rendering']}; give the same settings to complete it, or another --out"
        )
    hotels, known = numbers(options.hotels), known_facts(options.out)
    jobs: list[Job] = [
        (options.out, options.seed, hotel, view, options.samples, options.variant)
        for hotel in hotels
        for view in numbers(options.views)
        if (hotel, view) not in known
    ]
    # Fresh processes: a renderer that holds threads does not survive a fork.
    context = multiprocessing.get_context("spawn")
    if jobs:
        with context.Pool(options.workers) as pool:
            for _ in tqdm(pool.imap_unordered(render_job, jobs), total=len(jobs), unit="image"):
                pass
    views = write_rooms_json(options.out, options.seed, rendering)
    print(f"{options.out / 'rooms.json'} describes {views} views")
    if options.contact_sheet:
        contact_sheet(options.out, hotels, options.contact_sheet)


if __name__ == "__main__":
    main()
