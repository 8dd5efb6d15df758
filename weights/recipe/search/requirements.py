# SPDX-License-Identifier: Apache-2.0
"""What a person asks for: data set, bounds, what to maximise, search space, lengths. Read from a TOML file."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import tomllib

from description import Description
from pictures import is_test
from search.space import Space
from search.space_table import read_space
from search.table import RequirementsError, Table, wrong

BOUNDS = ("parameters", "int8_bytes", "macs", "peak_memory_bytes", "latency_ms")
MEASURES = ("miou", "pixel_accuracy")
RECIPE = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Bound:
    """At most `value`; with `factor`, at most that many times what the prototype has."""

    value: float | None = None
    factor: float | None = None


@dataclasses.dataclass(frozen=True)
class Schedule:
    """One kind of training. `crop` None: chosen from the pictures; the rest follows the prototype's configuration."""

    pictures: int
    crop: tuple[int, int] | None
    batch: int
    rate: float
    reports: int = 1


@dataclasses.dataclass(frozen=True)
class Requirements:
    base: dict  # the prototype's training configuration, as it was when the search began
    config: dict  # ... and as it is now: what the winner is to be trained by
    space: Space
    set: str
    train: list[str]
    validation: list[str] | float  # splits, or a share of the training pictures
    validation_pictures: int
    height: int
    width: int
    threads: int
    bounds: dict[str, Bound]
    maximise: str
    survey: int
    proxies: int
    unscreened: float
    prune_peers: int
    prune_margin: float
    seed: int
    augment: dict
    distil: float
    proxy: Schedule
    teacher: Schedule
    final: Schedule
    final_networks: int
    final_seeds: int
    text: str = dataclasses.field(repr=False, compare=False)


def read_bounds(t: Table) -> dict[str, Bound]:
    bounds = {}
    for name in BOUNDS:
        value = t.raw(name)
        if value is None:
            continue
        factor = isinstance(value, dict) and set(value) == {"factor"}
        number = value["factor"] if factor else value
        if type(number) not in (int, float) or not number > 0:
            raise wrong(t.name(name), value, "a number above 0, or { factor = 1.0 } of what the prototype has")
        bounds[name] = Bound(factor=float(number)) if factor else Bound(value=float(number))
    t.done()
    return bounds


def check_splits(where: str, splits: list[str], root: pathlib.Path) -> None:
    for split in splits:
        if is_test(split):
            raise wrong(where, split, "a split that is not for the final measure")
        if not (root / split / "images").is_dir():
            raise wrong(where, split, f"a split of {root}")


def read_validation(t: Table, root: pathlib.Path, train: list[str]) -> list[str] | float:
    """The validation split; a share of the training pictures where the set has none. Never a test split."""
    check_splits(t.name("train"), train, root)
    value = t.raw("validation", ["val"] if (root / "val" / "images").is_dir() else 0.2)
    if type(value) is float and 0.02 <= value <= 0.5:
        return value
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise wrong(
            t.name("validation"), value, 'splits as ["val"], or a share of the training pictures from 0.02 to 0.5'
        )
    check_splits(t.name("validation"), value, root)
    if set(value) & set(train):
        raise wrong(t.name("validation"), value, f"splits that are not trained on ({train})")
    return value


def read_schedule(
    t: Table, base: dict, pictures: int, least: int, reports: int, crop: tuple[int, int] | None = None
) -> Schedule:
    schedule = Schedule(
        t.number("pictures", pictures, least, 10**9),
        t.size("crop", crop),
        t.number("batch", base["batch"], 1, 1024),
        t.number("rate", base["rate"], 1e-6, 1.0, float),
        t.number("reports", reports, 1, 50),
    )
    if schedule.pictures and schedule.pictures < schedule.batch * schedule.reports:
        raise wrong(
            t.name("pictures"), schedule.pictures, f"at least batch * reports = {schedule.batch * schedule.reports}"
        )
    return schedule


def data_root(data: pathlib.Path | None, name: str) -> pathlib.Path:
    """The folder of the data set: below --data, or a path of its own."""
    root = pathlib.Path(name) if pathlib.Path(name).is_absolute() or data is None else data / name
    if not (root / "dataset.json").is_file():
        raise wrong(
            "data.set",
            name,
            f"a folder with dataset.json (looked at {root}; --data or ATTENDSEG_DATA names where sets are)",
        )
    return root


def read(path: pathlib.Path, data: pathlib.Path | None, begun_with: dict | None = None) -> Requirements:
    """@param data  the folder that holds the data sets
    @param begun_with  `base` of a search under way: its trainings stay alike although the file changed
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise RequirementsError(f"{path}: {error}, expected a TOML file") from None
    try:
        t = Table(tomllib.loads(text), "")
    except tomllib.TOMLDecodeError as error:
        raise RequirementsError(f"{path}: {error}") from None
    prototype = t.text("prototype", "person.json")
    config = next((p for p in (path.parent / prototype, RECIPE / prototype) if p.is_file()), None)
    if config is None:
        raise wrong("prototype", prototype, f"a training configuration beside {path} or in {RECIPE}")
    now = json.loads(config.read_text())
    d = t.table("data")
    name, train = d.text("set", None), d.texts("train", ["train"])
    root = data_root(data, name)
    info = json.loads((root / "dataset.json").read_text())
    now["description"] |= {"classes": len(info["classes"]), "name": f"attendseg-{root.name}"[:48]}
    base = begun_with or now
    if base["description"] != now["description"]:
        raise RequirementsError(
            f"prototype: {prototype} describes another network than this search began with; choose another --out"
        )
    description = Description.from_json(base["description"])
    m, s, p, f = t.table("measure"), t.table("search"), t.table("proxy"), t.table("finals")
    side = base["working_size"]
    proxy = read_schedule(p, base, 4000, 1, 3)
    teacher = t.table("teacher")
    low, high = p.pair("scale", tuple(base["augment"]["scale"]), 0.1, 10.0)
    r = Requirements(
        base=base,
        config=now,
        space=read_space(t.raw("space"), description),
        set=name,
        train=train,
        validation=read_validation(d, root, train),
        validation_pictures=d.number("validation_pictures", 128, 8, 10**6),
        height=m.number("height", side, 1, 8192),
        width=m.number("width", side, 1, 8192),
        threads=m.number("threads", 1, 1, 256),
        bounds=read_bounds(t.table("bounds")),
        maximise=t.text("maximise", "miou", MEASURES),
        survey=s.number("survey", 300, 1, 10**6),
        proxies=s.number("proxies", 24, 1, 10**5),
        unscreened=s.number("unscreened", 0.2, 0.0, 1.0, float),
        prune_peers=s.number("prune_peers", 3, 1, 1000),
        prune_margin=s.number("prune_margin", 1.0, 0.0, 100.0, float),
        seed=s.number("seed", 1, 0, 2**31 - 1),
        augment=base["augment"] | {"scale": [low, high]},
        distil=p.number("distil", 0.5, 0.0, 1.0, float),
        proxy=proxy,
        teacher=read_schedule(teacher, base | {"batch": 12, "rate": 1e-3}, 6000, 0, 1),
        final=read_schedule(f, base | {"batch": proxy.batch, "rate": proxy.rate}, 3 * proxy.pictures, 1, 1, proxy.crop),
        final_networks=f.number("networks", 6, 2, 1000),
        final_seeds=f.number("seeds", 2, 1, 100),
        text=text,
    )
    for table in (d, m, s, p, teacher, f):
        table.done()
    t.done()
    return r
