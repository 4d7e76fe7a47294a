"""The step `wire`: what an export costs whose source, or whose Team Files, lie behind a network.

The S3 is slow_s3.py, on the same cores: `server` are the CPU seconds that it took meanwhile, which a real one has of
its own. The export's clock runs from reading the layer to the published archive, as everywhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from measure import HERE, SCRATCH, Json, Project, middle, run, say, warm

NETWORKS = {"20 ms, 80 MB/s a connection": (20.0, 80.0), "no latency": (0.0, 0.0)}
WAYS = {
    "folder to folder": (False, False),
    "folder to S3": (False, True),
    "S3 to folder": (True, False),
    "S3 to S3": (True, True),
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A slow S3 that runs. port: on 127.0.0.1."""

    port: int
    process: subprocess.Popen[str]

    def cpu_seconds(self) -> float:
        """That it has taken so far."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def put(self, folder: Path) -> None:
        """A project under its name."""
        client = boto3.client("s3", config=Config(max_pool_connections=16))
        files = [path for path in folder.rglob("*") if path.is_file()]
        with ThreadPoolExecutor(16) as pool:
            for _ in pool.map(
                lambda path: client.put_object(
                    Bucket="bench", Key=str(path.relative_to(folder.parent)), Body=path.read_bytes()
                ),
                files,
            ):
                pass


def measure(photos: Project, tiny: Project, rounds: int) -> Json:
    """Both projects, each way in turn, over each network. Medians, and how much slower than from folder to folder."""
    out: Json = {}
    for network, (latency, speed) in NETWORKS.items():
        with running(latency, speed) as bucket:
            for name, target in (("photos", photos), ("tiny", tiny)):
                bucket.put(target.folder)
                warm(target)
                out[f"{name}, {network}"] = {"facts": target.facts, **compare(target, bucket, rounds)}
                say(f"  {name}, {network}: {out[f'{name}, {network}']['slower']}")
    return out


def compare(target: Project, bucket: Bucket, rounds: int) -> Json:
    found: dict[str, list[Json]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way, (from_s3, to_s3) in WAYS.items():
            source = f"s3://bench/{target.folder.name}" if from_s3 else str(target.folder)
            out = f"s3://bench/out-{number}-{from_s3}" if to_s3 else str(SCRATCH / "ours")
            before = bucket.cpu_seconds()
            words = [sys.executable, str(HERE / "ours.py"), source, out, "--config", str(target.config)]
            found[way].append(run(words) | {"server": bucket.cpu_seconds() - before})
    seconds = {way: middle(runs, "seconds") for way, runs in found.items()}
    slower = {way: round(took / seconds["folder to folder"], 2) for way, took in seconds.items()}
    server = {way: middle(runs, "server") for way, runs in found.items()}
    return {"rounds": found, "seconds": seconds, "slower": slower, "server": server}


@contextmanager
def running(latency: float, speed: float) -> Iterator[Bucket]:
    """A slow S3 with an empty bucket, which this process and those that it starts are pointed to."""
    words = [sys.executable, str(HERE / "slow_s3.py"), str(latency), str(speed)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    before = dict(os.environ)
    try:
        assert process.stdout
        port = int(process.stdout.readline())
        os.environ |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
        os.environ |= {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
        yield Bucket(port, process)
    finally:
        os.environ.clear()
        os.environ.update(before)
        process.terminate()
        process.wait()
