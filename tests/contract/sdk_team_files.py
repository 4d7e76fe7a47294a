"""Checks of what the SDK does with Team Files."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import requests
import supervisely as sly
from checks import check, ensure, expect

Json = dict[str, Any]


@check
def team_files(api: sly.Api, job: Json) -> None:
    """Upload, list, exists, get_free_name, download, remove, get_info_by_path and by id, sizes, many at once."""
    team, work = job["team_id"], Path(job["work"])
    local, again = work / "a.tar", work / "again.tar"
    local.write_bytes(os.urandom(3000))
    info = api.file.upload(team, str(local), "/x/a.tar")
    expect((info.path, info.sizeb, info.mime, info.ext), ("/x/a.tar", 3000, "application/x-tar", "tar"), "record")
    expect(info.hash, sly.fs.get_file_hash(str(local)), "hash")
    ensure(api.file.exists(team, "/x/a.tar"), "exists")
    ensure(not api.file.exists(team, "/x/a"), "exists, a prefix only")
    expect(api.file.get_free_name(team, "/x/b.tar"), "/x/b.tar", "free name")
    expect(api.file.get_free_name(team, "/x/a.tar"), "/x/a_000.tar", "free name beside a.tar")
    names = [f"{number}.bin" for number in range(5)]
    for name in names:
        (work / name).write_bytes(name.encode() * 10)
    remote = [f"/x/sub/{name}" for name in names]
    infos = api.file.upload_bulk(team, [str(work / name) for name in names], remote)
    expect([item.path for item in infos], remote, "order of a bulk upload")
    expect(sorted(item["path"] for item in api.file.list(team, "/x/")), ["/x/a.tar", *remote], "list")
    expect(sorted(api.file.listdir(team, "/x")), ["/x/a.tar", "/x/sub"], "one level")
    expect(api.file.get_directory_size(team, "/x/"), 3000 + sum(item.sizeb for item in infos), "directory size")
    api.file.download(team, "/x/a.tar", str(again))
    ensure(again.read_bytes() == local.read_bytes(), "downloaded bytes")
    expect(api.file.get_info_by_path(team, "/x/a.tar").id, info.id, "by path")
    expect(api.file.get_info_by_id(info.id).path, "/x/a.tar", "by id")
    try:
        # Unlike the other `get_info_by_id`, this one does not turn 404 into None.
        api.file.get_info_by_id(987_654)
    except requests.HTTPError as error:
        expect(error.response.status_code, 404, "unknown id")
    api.file.upload(team, str(work / "0.bin"), "/x/a.tar")
    expect(api.file.get_info_by_path(team, "/x/a.tar").sizeb, 50, "upload over a file")
    api.file.remove(team, "/x/a.tar")
    ensure(not api.file.exists(team, "/x/a.tar"), "removed")
    api.file.remove_batch(team, remote[:2])
    api.file.remove(team, "/x/sub/")
    ensure(not api.file.dir_exists(team, "/x/"), "removed folder")


@check
def team_files_async(api: sly.Api, job: Json) -> None:
    """`upload_async` streams (several chunks), checks the hash of the answer; `download_async` checks its own."""
    team, work = job["team_id"], Path(job["work"])
    local, again = work / "big.tar", work / "big again.tar"
    local.write_bytes(os.urandom(20 << 20))

    async def both_ways() -> None:
        await api.file.upload_async(team, str(local), "/async/big.tar", raise_check_error=True)
        await api.file.download_async(team, "/async/big.tar", str(again))

    asyncio.run(both_ways())
    ensure(again.read_bytes() == local.read_bytes(), "bytes there and back")
