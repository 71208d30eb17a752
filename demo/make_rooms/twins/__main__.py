"""Command line: `python -m demo.make_rooms.twins --out demo/twins`."""

import argparse
import json
import multiprocessing
from collections import defaultdict
from pathlib import Path

from tqdm import tqdm

from ..gallery import hotel_name, read_rooms_json, view_name, write_whole
from .planning import Game, plan_games
from .rendering import Job, paths_of, render_twins

VERSION = 1


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo.make_rooms.twins", description=__doc__)
    parser.add_argument("--rooms", type=Path, default=Path("demo/rooms"), help="the demo gallery")
    parser.add_argument("--out", type=Path, default=Path("demo/twins"), help="the twins' folder")
    parser.add_argument("--count", type=int, default=60, help="twins; default: %(default)s")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--samples", type=int, default=8, help="light paths per pixel")
    parser.add_argument(
        "--variant", default="scalar_rgb", help="Mitsuba's; llvm_ad_rgb is faster but needs LLVM"
    )
    return parser.parse_args()


def main() -> None:
    """Renders what is missing, then writes twins.json."""
    options = parse_arguments()
    seed = read_rooms_json(options.rooms)["seed"]
    games = plan_games(options.rooms, options.count)
    missing: dict[tuple[int, int], list[Game]] = defaultdict(list)
    for game in games:
        if not all(path.is_file() for path in paths_of(options.out, game)):
            missing[game.match].append(game)
    jobs = [
        Job(options.out, seed, options.samples, options.variant, tuple(of_view))
        for of_view in missing.values()
    ]
    if jobs:
        # Fresh processes: a renderer that holds threads does not survive a fork.
        with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
            for _ in tqdm(pool.imap_unordered(render_twins, jobs), total=len(jobs), unit="view"):
                pass
    content = {
        "version": VERSION,
        "seed": seed,
        "rendering": {"variant": options.variant, "samples": options.samples},
        "gallery": "../rooms/images",
        "games": [_described(options.out, game) for game in games],
    }
    text = json.dumps(content, indent=1) + "\n"
    write_whole(options.out / "twins.json", lambda path: path.write_text(text))
    print(f"{options.out / 'twins.json'} describes {len(games)} games")


def _described(out: Path, game: Game) -> dict[str, str]:
    match, twin, mask = (path.relative_to(out).as_posix() for path in paths_of(out, game))
    return {
        "category": game.category,
        "design": game.design,
        "replacement": game.replacement,
        "query": f"{hotel_name(game.query[0])}/{view_name(game.query[1])}.jpg",
        "match_in_gallery": f"{hotel_name(game.match[0])}/{view_name(game.match[1])}.jpg",
        "match": match,
        "twin": twin,
        "mask": mask,
    }


if __name__ == "__main__":
    main()
