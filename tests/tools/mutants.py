"""Changes the engine in one place at a time and looks whether the tests see it.

    python tests/tools/mutants.py [--sample 300] [--seed 1] [--minutes 40] [--processes 2] [--only engine/plan.py]

A random sample of small changes (a comparison turned, a term or a call dropped, a number off by one ...) is drawn by a
seed from `airflow_savemasks/engine/`, without what needs a server to be tested; coverage chooses the tests of each.
Some dozen hand-made changes of the kernels come on top. What no test sees should stand in mutants_accepted.json with
the reason why it is equivalent or harmless; it counts against the nine in ten that have to be seen all the same. Works
on copies of the tree.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from coverage import CoverageData

ROOT = Path(__file__).resolve().parents[2]
ENGINE = "airflow_savemasks/engine"
WITH_SERVERS = tuple("s3 gcs azure sftp sessions remote retries answers supervisely/".split())  # parts of names
