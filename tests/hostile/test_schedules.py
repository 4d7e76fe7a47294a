"""Schedules: exports of a project that is edited between them, over a storage that fails, lies and kills, by seed.

Whatever happened before, the last undisturbed export ends with the bytes of one made from nothing. SCHEDULES=1000 (or
`make schedules`) runs more of them; SCHEDULE=17 runs that one alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.index import parse_line
from airflow_savemasks.engine.archive.naming import bad_items_path, index_path
from airflow_savemasks.engine.archive.proof import Chunks, differences
from airflow_savemasks.engine.archive.published import is_current, parse_manifest, read_manifest
from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError, SaveMasksError, StorageError
from airflow_savemasks.engine.export import render_batch
from airflow_savemasks.engine.log import log as engine_log
from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.parts.receipts import find_receipts, lines_of
from airflow_savemasks.engine.parts.seen import work_files
from airflow_savemasks.engine.parts.work_names import without_others
from airflow_savemasks.engine.planning.plans import load_plan
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.publish import lease
from airflow_savemasks.engine.publish.assemble import Rendered, assemble
from airflow_savemasks.engine.publish.publishing import next_manifest
from airflow_savemasks.engine.storage.base import Entry, Storage
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.option_samples import HALVES
from tests.engine.samples import WORK, add_item, annotation, job_of, make_project, picture, plan_of, run
from tests.hostile.faulty import Bucket, Faults, Faulty, Killed, ObjectStorage, Stored, kind_of

FIRST = int(os.environ.get("FIRST_SCHEDULE", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("SCHEDULES", "120")))
LONGEST = 30.0  # seconds of one run: it takes a fraction of one
DST = "export"
STEPS = [
    ("compose", "export.tar"), ("compose", "export-00001.tar"), ("compose", "export-00002.tar"),
    ("compose", "export.index.jsonl"), ("open", "export.manifest.json"), ("put", "export.manifest.json"),
    ("put", ".parts/export-*/next.manifest.json"), ("put", ".parts/export-*/next.index.jsonl"),
    ("stat", "export.manifest.json"), ("read", "export.manifest.json"), ("list", ".parts/export-*"),
    ("put", ".parts/export-*/*..receipt"), ("put", ".parts/export-*/*.tar"), ("stat", "export.tar"),
    ("stat", "export.bad_items.jsonl"), ("put", "export.bad_items.jsonl"), ("delete", "export.bad_items.jsonl"),
    ("delete", "export.tar"), ("delete", "export-00002.tar"), ("delete", ".parts/export-*/*.tar"),
    ("delete", ".parts/export-*/next.manifest.json"), ("delete", ".parts/export-*/next.index.jsonl"),
    ("delete", ".parts/export-*/*..receipt"), ("grow", ".parts/export-*/*.growing"),
    ("append", ".parts/export-*/*.growing"), ("delete", ".parts/export-*/*.growing"),
]  # fmt: skip
OTHERS: list[dict[str, Any]] = [  # what exports of one archive may ask for after each other
    {}, {"machine_png": "palette"}, {"instances": "ids", "class_maps": True}, {"layout": "webdataset"},
    {"layout": "webdataset", "split": HALVES, "volume_size": 15_000}, {"split": HALVES}, {"volume_size": 15_000},
    {"split": HALVES | {"seed": "3"}, "volume_size": 25_000},
]  # fmt: skip
HARMS = ("fail", "lose", "kill", "die", "stall", "cut", "late", "mixed", "back")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_ITEMS", 2)
    for module in ("folder", "folder_compose"):
        monkeypatch.setattr(f"airflow_savemasks.engine.storage.{module}.sync", lambda *_: None)  # no power is lost here


@pytest.fixture(autouse=True)
def each_client_is_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds a lease is gone once its client is dead; nobody waits long for one who is not."""
    clients: dict[str, Storage] = {}
    init, keep = lease.Lease.__init__, lease.Lease._keep

    def registered(self: lease.Lease, team_files: Storage, *more: Any) -> None:
        init(self, team_files, *more)
        clients[self._holder.token] = team_files

    def is_over(_: lease.Lease, other: lease.Holder, __: Entry) -> bool:
        client = clients.get(other.token)
        return other.token not in lease.HELD or (isinstance(client, Faulty) and client.faults.dead)

    def kept(self: lease.Lease) -> None:
        with contextlib.suppress(Killed):
            keep(self)

    monkeypatch.setattr(lease.Lease, "__init__", registered)
    monkeypatch.setattr(lease.Lease, "_is_over", is_over)
    monkeypatch.setattr(lease.Lease, "_keep", kept)
    monkeypatch.setattr(lease, "WAIT", 0.5)


@dataclass
class Project:
    """A small project that is edited by a seed. state: tells of its content."""

    root: Path
    dice: random.Random
    items: dict[str, int | None] = field(default_factory=dict)  # None: broken
    edits: int = 0

    def __post_init__(self) -> None:
        make_project(self.root, items=0)
        for number in range(self.dice.randint(6, 10)):
            self._put(f"{number:04d}.png", number)

    def _put(self, name: str, seed: int | None) -> None:
        self.items[name] = seed
        add_item(self.root, name, seed or 0)
        if seed is None:
            (self.root / "ds0/img" / name).write_bytes(b"no picture")

    def edit(self, *, broken: bool) -> None:
        self.edits += 1
        for _ in range(self.dice.randint(1, 2)):
            what = self.dice.choice(["change", "add", "remove", "break" if broken else "change"])
            name = self.dice.choice(sorted(self.items))
            if what == "add":
                self._put(f"{self.dice.randrange(10_000):04d}.png", self.dice.randrange(1000))
            elif what == "remove" and len(self.items) > 3:
                del self.items[name]
                (self.root / "ds0/img" / name).unlink()
                (self.root / "ds0/ann" / f"{name}.json").unlink()
            else:
                self._put(name, None if what == "break" else self.dice.randrange(1000))


@dataclass
class Run:
    """What became of one run. calls: its faults with their logs, one for each client."""

    options: dict[str, Any]
    result: dict[str, Any] | None = None
    error: BaseException | None = None
    calls: list[Faults] = field(default_factory=list)
    alone: bool = True


class Schedule:
    """One seed: a project, a storage, runs over it, and what has to hold after each."""

    def __init__(self, seed: int, tmp_path: Path, *, folder: bool) -> None:
        self.seed = seed
        self.dice = random.Random(seed)
        self.tmp_path = tmp_path
        self.project = Project(tmp_path / "project", self.dice)
        self.folder = tmp_path / "out" if folder else None
        if self.folder:
            self.folder.mkdir()
        self.bucket = Bucket(etags=self.dice.random() < 0.5)
        self.broken = self.dice.random() < 0.3
        self.options: dict[str, Any] = {"workers": 1}
        if self.broken:
            self.options["on_bad_item"] = "skip"
        if self.dice.random() < 0.25:
            self.options["volume_size"] = self.dice.choice([15_000, 40_000])
        if self.dice.random() < 0.15:
            self.options["if_exists"] = "rename"
        if self.dice.random() < 0.25:
            self.options["split"] = HALVES
        if self.dice.random() < 0.15:
            self.options["layout"] = "webdataset"
        self.given = self.options  # whatever else is asked for
        self.varies = self.dice.random() < 0.4
        self.story: list[str] = []
        self.runs = 0
        self.raced = False
        self._fresh: dict[str, tuple[dict[str, Any], dict[str, bytes]]] = {}

    # the storage

    def client(self) -> Storage:
        return FolderStorage(self.folder) if self.folder else ObjectStorage(self.bucket)

    def published(self) -> dict[str, bytes]:
        """All files but those of the work folder."""
        if self.folder:
            return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        return {path: self.bucket.files[path].content for path in self.bucket.paths() if not path.startswith(".parts")}

    def work(self) -> dict[str, bytes]:
        if self.folder:
            return {path.name: path.read_bytes() for path in (self.folder / WORK).glob("*")}
        return {path.rpartition("/")[2]: self.bucket.files[path].content for path in self.bucket.paths(".parts/")}

    def fresh(self, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Result and files of an export made from nothing, of the project as it is now."""
        wanted = {**options, "if_exists": "replace", "keep_parts_days": 7}
        key = json.dumps([self.project.edits, wanted])
        if key not in self._fresh:
            bucket = Bucket()
            result = run(self.project.root, ObjectStorage(bucket), **wanted)
            self._fresh[key] = result, {path: stored.content for path, stored in bucket.files.items()}
        return self._fresh[key]

    # runs

    def faults(self, harms: tuple[str, ...] = HARMS) -> Faults:
        self.runs += 1
        picked = self.dice.sample(harms, self.dice.randint(1, 3))
        return Faults(f"{self.seed}.{self.runs}", {harm: self.dice.choice([0.01, 0.03, 0.2]) for harm in picked})

    def work_of(self, made: Run, faults: Callable[[], Faults], *, group: bool) -> Callable[[], dict[str, Any]]:
        """One export, as one task or as a group's; each task of a group is tried twice, by clients of their own."""

        def storage() -> Storage:
            made.calls.append(faults())
            return Faulty(self.client(), made.calls[-1])

        def job() -> Any:
            return job_of(self.project.root, **made.options)

        def tried(task: Callable[[Storage], Any]) -> Any:
            try:
                return task(storage())
            except (SaveMasksError, Killed):
                return task(storage())

        def alone() -> dict[str, Any]:
            return run(self.project.root, storage(), **made.options)

        def as_group() -> dict[str, Any]:
            def plan(storage: Storage) -> list[dict[str, Any]]:
                return make_batches(plan_of(job(), storage), 3)

            def rendering(batch: dict[str, Any], storage: Storage) -> int:
                one = job()
                files = load_plan(one, storage, batch["plan"])
                return render_batch(one, storage, files, batch, threading.Event(), Progress()).rendered

            def publishing(storage: Storage) -> dict[str, Any]:
                one = job()
                return assemble(one, storage, load_plan(one, storage, batches[0]["plan"]), Rendered(rendered))

            batches = tried(plan)
            rendered = sum(tried(lambda client, batch=batch: rendering(batch, client)) for batch in batches)
            return tried(publishing)

        return as_group if group else alone

    def do(self, made: Run, work: Callable[[], dict[str, Any]]) -> None:
        """Run to a result, an error of ours, or death: nothing else, and soon."""

        def target() -> None:
            try:
                made.result = work()
            except (SaveMasksError, Killed) as error:
                made.error = error
            except BaseException as error:
                made.error = error
                raise

        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        thread.join(LONGEST)
        assert not thread.is_alive(), "it hangs"
        told = f"{made.result['items']} {made.result['unchanged']}" if made.result else repr(made.error)
        self.story.append(f"run {made.options} alone={made.alone}: {told}")
        assert made.result or isinstance(made.error, SaveMasksError | Killed), repr(made.error)

    def vary(self) -> None:
        """Ask for something else from now on, if this seed does so."""
        if self.varies and self.dice.random() < 0.6:
            self.options = self.given | self.dice.choice(OTHERS)

    def disturbed(self) -> None:
        """One run with faults; sometimes another one runs between two calls of it, or beside it."""
        options = dict(self.options)
        if self.dice.random() < 0.1:
            options["if_exists"] = "fail"
        if self.dice.random() < 0.1:
            options["reuse"] = False
        made = Run(options)
        faults = self.faults()
        group = self.dice.random() < 0.4
        kind = self.dice.choices(["alone", "between", "beside"], [6, 3, 1])[0]
        if self.dice.random() < 0.5:
            faults.at[*self.dice.choice(STEPS), self.dice.randrange(3)] = faults.kill
        fault_of = (lambda: faults) if not group else self.faults
        if kind == "alone":
            self.do(made, self.work_of(made, fault_of, group=group))
            self.check(made)
            return
        self.vary()
        other = Run(dict(self.options), alone=False)
        quiet = self.dice.random() < 0.5
        others = (lambda: Faults()) if quiet else self.faults
        second = self.work_of(other, others, group=self.dice.random() < 0.3)
        made.alone = False
        if kind == "between":
            operation, path = self.dice.choice(STEPS)
            edited = self.dice.random() < 0.3

            def act() -> None:
                if edited:
                    self.project.edit(broken=self.broken)
                self.do(other, second)

            faults.at[operation, path, self.dice.randrange(3)] = act
            self.story.append(f"between, before {operation} {path}, edited={edited}")
            self.do(made, self.work_of(made, lambda: faults, group=group))
        else:
            faults.rates["stall"] = 0.3
            thread = threading.Thread(target=self.do, args=(other, second), daemon=True)
            thread.start()
            self.do(made, self.work_of(made, fault_of, group=group))
            thread.join(LONGEST)
            assert other.result or isinstance(other.error, SaveMasksError | Killed), repr(other.error)
        self.check(made)

    # what has to hold

    def check(self, made: Run) -> None:
        """After any run: what fits its manifest is whole; what succeeded is right."""
        self.check_whole()
        self.raced = not made.alone or (self.raced and made.result is None)
        if made.result is None or not made.alone:
            return
        wanted, files = self.fresh(made.options)
        name = made.result["archive"].rpartition("/")[2].removesuffix(".tar")
        name = name.removesuffix("-00001") if "volumes" in made.result else name
        now = self.published()
        for file, content in files.items():
            if not file.endswith((".manifest.json", ".bad_items.jsonl")):
                ours = file.replace(DST, name, 1)
                assert ours in now, f"{ours} is missing"
                assert now[ours] == content, f"{ours} is another"
        assert made.result["skipped"] == wanted["skipped"], "what was left out"
        assert json.loads(now[f"{name}.manifest.json"])["skipped"] is not None
        told = [one["item"] for one in json.loads(now[f"{name}.manifest.json"])["skipped"]]
        assert told == [one["item"] for one in wanted["skipped"]], "what the manifest tells of what was left out"

    def check_whole(self) -> None:
        storage = self.client()
        for file in self.published():
            if file.endswith(".manifest.json"):
                name = file.removesuffix(".manifest.json")
                published = read_manifest(storage, name)
                assert published is not None, f"the manifest of {name} is damaged"
                if is_current(storage, published):
                    verify(storage, name)

    def finished(self, name: str) -> set[str]:
        """Keys of items that are finished: in receipts whose part is there, and in the archive."""
        work, keys = self.work(), set()
        for file, content in work.items():
            if file.endswith(".receipt"):
                head, *lines = content.splitlines()
                if json.loads(head)["file"] in work:
                    keys |= {json.loads(line)["key"] for line in lines if not line.startswith(b'{"skipped"')}
        storage = self.client()
        now = self.published()
        try:
            published = parse_manifest(now[f"{name}.manifest.json"], name)
        except KeyError:
            return keys
        if is_current(storage, published):
            keys |= {json.loads(line)["key"] for line in now[index_path(name)].splitlines()}
        return keys

    def good(self) -> None:
        """An undisturbed run goes on where the last try stopped, and ends right whatever was before."""
        made = Run(dict(self.options))
        _, files = self.fresh(made.options)
        keys = [json.loads(line)["key"] for line in files[index_path(DST)].splitlines()]
        before, renames = self.published(), self.options.get("if_exists") == "rename"
        tars = {file: content for file, content in files.items() if file.endswith(".tar")}
        there = not renames and all(before.get(file) == content for file, content in tars.items())
        there = there and not (self.varies and before.get(index_path(DST)) != files[index_path(DST)])
        finished = self.finished(DST)
        group = self.dice.random() < 0.3
        self.do(made, self.work_of(made, Faults, group=group))
        assert made.result is not None, f"an undisturbed run failed: {made.error!r}"
        self.check(made)
        rendered = made.result["items"]["rendered"]
        if there:
            assert rendered == 0, f"{rendered} items were rendered, and the archive lay there already"
        if not renames:
            wanted = sum(key not in finished for key in keys)
            assert rendered <= wanted, f"{rendered} items were rendered where {wanted} were not finished"
            self.check_beside(files)
        left = without_others(
            dict.fromkeys(self.work(), Entry(0, "", 0.0)), job_of(self.project.root, **made.options).digest
        )
        assert not left, f"left in the work folder: {sorted(left)}"
        if self.work():
            made = Run(self.options | {"keep_parts_days": 0})
            self.do(made, self.work_of(made, Faults, group=group))
            assert made.result is not None, f"an undisturbed run failed: {made.error!r}"
            assert made.result["unchanged"], "it is the same already"
            assert not self.work(), f"outlives its days: {sorted(self.work())}"

    def check_beside(self, files: dict[str, bytes]) -> None:
        """Nothing else lies there."""
        now = self.published()
        assert now.keys() == files.keys(), "files that are no part of the archive, or are missing"
        listed, wanted = (
            [json.loads(line)["item"] for line in one.get(bad_items_path(DST), b"").splitlines()]
            for one in (now, files)
        )
        assert listed == wanted, "the list of what was left out"

    def play(self) -> None:
        for _ in range(self.dice.randint(2, 5)):
            self.disturbed()
            if self.dice.random() < 0.5:
                self.project.edit(broken=self.broken)
                self.story.append("edited")
            self.vary()
            if "volume_size" in self.options and self.dice.random() < 0.3:
                self.options = self.options | {"volume_size": self.dice.choice([15_000, 25_000, 40_000, None])}
        self.good()


def play(seed: int, tmp_path: Path, *, folder: bool) -> None:
    engine_log.disabled = True
    schedule = Schedule(seed, tmp_path, folder=folder)
    logs: list[Run] = []
    schedule_do = schedule.do

    def noted(made: Run, work: Callable[[], dict[str, Any]]) -> None:
        logs.append(made)
        schedule_do(made, work)

    schedule.do = noted  # type: ignore[method-assign]
    try:
        schedule.play()
    except BaseException as error:
        calls = [line for made in logs for faults in made.calls for line in ("-- a client", *faults.log)]
        file = Path(os.environ.get("SCHEDULE_LOGS", str(tmp_path))) / f"schedule-{seed}{'-folder' * folder}.log"
        file.write_text("\n".join([*schedule.story, *calls]))
        story = "\n  ".join(schedule.story)
        raise AssertionError(f"seed {seed} (calls: {file}): {error}\n  {story}") from error
    finally:
        engine_log.disabled = False


@pytest.mark.parametrize("folder", [False, True], ids=["objects", "folder"])
def test_schedules(tmp_path: Path, *, folder: bool) -> None:
    only = os.environ.get("SCHEDULE")
    failed = []
    for seed in [int(only)] if only else SEEDS[folder::2]:
        place = tmp_path / str(seed)
        place.mkdir()
        try:
            play(seed, place, folder=folder)
        except AssertionError as error:
            failed.append(str(error))
        else:
            shutil.rmtree(place)
    assert not failed, f"{len(failed)} schedules failed:\n" + "\n".join(failed)


# what was found, each by itself


def killed(project: Path, bucket: Bucket, operation: str, path: str, **options: Any) -> None:
    """An export that dies before a call."""
    faults = Faults()
    faults.at[operation, kind_of(path), 0] = faults.kill
    with pytest.raises(Killed):
        run(project, Faulty(ObjectStorage(bucket), faults), **options)


@pytest.mark.parametrize("moment", ["export-00001.tar", "export-00003.tar"])
def test_volumes_of_before_are_gone_after_a_kill_in_the_middle_of_their_removal(tmp_path: Path, moment: str) -> None:
    """Seed 1109."""
    project, bucket = make_project(tmp_path / "project", items=6), Bucket()
    run(project, ObjectStorage(bucket), volume_size=15_000)
    killed(project, bucket, "delete", moment)
    run(project, ObjectStorage(bucket))
    assert [path for path in bucket.paths() if path.endswith(".tar")] == ["export.tar"]


@pytest.mark.parametrize(
    ("operation", "path"), [("put", "export.manifest.json"), ("put", "export.bad_items.jsonl")], ids=["before", "after"]
)
def test_the_list_of_what_was_left_out_is_there_after_a_kill_around_the_manifest(
    tmp_path: Path, operation: str, path: str
) -> None:
    """Seeds 174 and 1135."""
    project, bucket = make_project(tmp_path / "project"), Bucket()
    (project / "ds0/img/0001.png").write_bytes(b"no picture")
    killed(project, bucket, operation, path, on_bad_item="skip")
    result = run(project, ObjectStorage(bucket), on_bad_item="skip")
    assert [one["item"] for one in result["skipped"]] == ["ds0/0001.png"]
    assert bad_items_path(DST) in bucket.files


def test_a_list_of_what_was_left_out_before_is_gone_after_a_kill_behind_the_manifest(tmp_path: Path) -> None:
    project, bucket = make_project(tmp_path / "project"), Bucket()
    (project / "ds0/img/0001.png").write_bytes(b"no picture")
    run(project, ObjectStorage(bucket), on_bad_item="skip")
    add_item(project, "0001.png", 1)
    killed(project, bucket, "delete", bad_items_path(DST), on_bad_item="skip")
    assert run(project, ObjectStorage(bucket), on_bad_item="skip")["skipped"] == []
    assert bad_items_path(DST) not in bucket.files


def test_of_two_exports_at_once_only_one_says_that_its_archive_is_there(tmp_path: Path) -> None:
    """Seed 1270. One ran wholly between the index and the manifest of the other, which then vouched for nothing."""
    project, bucket = make_project(tmp_path / "project"), Bucket()
    faults = Faults()

    def another() -> None:
        with pytest.raises(ArchiveError, match="publishes this archive since"):
            run(project, ObjectStorage(bucket), reuse=False)

    faults.at["open", "export.manifest.json", 0] = another
    try:
        run(project, Faulty(ObjectStorage(bucket), faults))
    except SaveMasksError:
        return
    published = read_manifest(ObjectStorage(bucket), DST)
    assert published is not None
    assert is_current(ObjectStorage(bucket), published)


def test_a_plan_outlives_its_own_clean_up_where_nothing_unfinished_is_kept(tmp_path: Path) -> None:
    storage = ObjectStorage(Bucket())
    job = job_of(make_project(tmp_path / "project"), keep_parts_days=0)
    files = plan_of(job, storage)
    assert len(list(load_plan(job, storage, files.plan.name).items())) == 4
    assert len(list(load_plan(job, storage, files.plan.name).todo())) == 4


def test_a_growing_archive_is_not_cut_where_a_receipt_that_could_not_be_read_names_its_bytes(tmp_path: Path) -> None:
    """Otherwise that receipt, once it is read again, tells of items where others have been written meanwhile."""
    project, out = make_project(tmp_path / "project", items=8), FolderStorage(tmp_path / "out")

    def dies(last: int, **refused: int) -> None:
        """A try that dies before its receipt of this number. refused: reads of that many receipts fail before."""
        faults = Faults()
        receipt = f"{kind_of(WORK)}/*..receipt"
        faults.at["open", receipt, last] = faults.kill
        storage = Faulty(out, faults)
        stream, names = storage.stream, sorted(path.name for path in (out.root / WORK).glob("*.receipt"))
        by_place = sorted(
            names, key=lambda name: json.loads((out.root / WORK / name).read_bytes().splitlines()[0])["end"]
        )
        hidden = by_place[len(by_place) - refused.get("refused", 0) :]

        def refusing(path: str, *given: Any) -> Any:
            if path.rpartition("/")[2] in hidden:
                raise StorageError(path, "cannot be read for a moment", "Try again")
            return stream(path, *given)

        storage.stream = refusing  # type: ignore[method-assign]
        with pytest.raises(Killed):
            run(project, storage, workers=1)

    dies(2)  # two parts of two items are finished
    (project / "ds0/img/0002.png").write_bytes(picture(99, 60, 50))  # in the second part; it is longer now
    (project / "ds0/ann/0002.png.json").write_text(json.dumps(annotation(99, 60, 50)))
    dies(1, refused=1)
    for receipt in find_receipts(out, DST, work_files(out, DST)):
        for line in map(parse_line, lines_of(out, receipt)):
            found = list(differences(line, Chunks(out.stream(receipt.file, line.offset, line.size))))
            assert not found, f"{receipt.path}: {found}"
    result = run(project, out, workers=1)
    verify(out, DST)
    run(project, tmp_path / "fresh")
    assert Path(result["archive"]).read_bytes() == (tmp_path / "fresh/export.tar").read_bytes()


def test_reuse_false_publishes_nothing_that_an_earlier_try_left(tmp_path: Path) -> None:
    """Its point is that nothing of before is trusted, such as a part of which a byte has changed."""
    project, bucket = make_project(tmp_path / "project", items=8), Bucket()
    killed(project, bucket, "open", next_manifest(DST), workers=1)
    for path in bucket.paths(".parts/"):
        if path.endswith(".tar"):
            stored = bucket.files[path]
            bucket.files[path] = Stored(stored.content[:-1200] + b"?" + stored.content[-1199:], stored.entry)
    run(project, ObjectStorage(bucket), reuse=False)
    verify(ObjectStorage(bucket), DST)
