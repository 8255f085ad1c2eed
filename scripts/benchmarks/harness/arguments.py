"""The command line of a benchmark: options that several have are spelled the same in all."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

NOT_REPEATED = ("--out", "--load")
OF_THREADS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")
"""Variables of the environment that change times."""


class Arguments:
    """Options of one benchmark; every one has --seed, --threads, --load and --out."""

    def __init__(self, name: str, description: str) -> None:
        self._parser = argparse.ArgumentParser(
            f"python scripts/bench.py {name}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._num_threads: int | None = None
        self._seeds: list[int] | None = None

    def add(self, *names: str, **settings: Any) -> None:
        """An option of its own, as `argparse` takes it."""
        self._parser.add_argument(*names, **settings)

    def snapshot(self) -> None:
        """A snapshot whose last weeks are held out, and --validate."""
        self.add("snapshot", type=Path, help="folder of a snapshot, such as .demo/snapshot")
        self.validate("cut the last four weeks off, and hold out the four before: to choose")

    def validate(self, meaning: str) -> None:
        self.add("--validate", action="store_true", help=meaning)

    def threads(self, default: int) -> None:
        """How many threads it takes where none are asked for."""
        self._num_threads = default

    def seeds(self, *default: int) -> None:
        """It runs once with each of several seeds."""
        self._seeds = list(default)

    def error(self, message: str) -> NoReturn:
        """Ends with the message and the usage."""
        self._parser.error(message)

    def parsed(self, words: Sequence[str]) -> argparse.Namespace:
        shared = self._parser.add_argument_group("of every benchmark")
        if self._seeds is None:
            shared.add_argument("--seed", type=int, default=0, help="of randomness (default: 0)")
        else:
            shared.add_argument(
                "--seed",
                dest="seeds",
                metavar="SEED",
                type=int,
                nargs="+",
                default=self._seeds,
                help=f"one or several (default: {' '.join(map(str, self._seeds))})",
            )
        default = "as many as torch takes" if self._num_threads is None else self._num_threads
        shared.add_argument(
            "--threads", type=int, default=self._num_threads, help=f"(default: {default})"
        )
        shared.add_argument("--load", help="what else runs on the machine, in a few words")
        shared.add_argument("--out", type=Path, help="JSON file for what was found")
        return self._parser.parse_intermixed_args(words)

    def command(self, words: Sequence[str]) -> str:
        """The command that repeats a run: names in place of paths, which are of one machine."""
        options = self._parser.parse_intermixed_args(words)
        paths = {}
        for action in self._parser._actions:  # argparse has no public list of them
            given = getattr(options, action.dest, None)
            names = action.metavar or (action.dest.upper(),)
            names = [names] if isinstance(names, str) else list(names)
            values = given if isinstance(given, list) else [given]
            if action.type is Path:
                paths.update(zip(map(str, values), names, strict=False))
        kept, skip = [], False
        for word in words:
            name = word.partition("=")[0]
            if not skip and name not in NOT_REPEATED:
                kept.append(paths.get(word, word))
            skip = word in NOT_REPEATED
        given = [f"{name}={os.environ[name]}" for name in OF_THREADS if name in os.environ]
        return " ".join([*given, self._parser.prog, *kept])
