"""Every fault, as a plain HTTP client meets it, and the counts of requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.standin.faults import Faults
from tests.standin.records import Project
from tests.standin.samples import Call, ids_of, parts_of
from tests.standin.server import StandIn


def test_a_share_of_requests_fails_and_the_same_ones_in_every_run(
    project: Project, server: StandIn, call: Call
) -> None:
    def run() -> list[int]:
        server.faults.clear()
        server.faults.fail(503, method="projects.*", share=0.3)
        return [call("projects.info", {"id": project.id}).status_code for _ in range(40)]

    first = run()
    assert 5 <= first.count(503) <= 20
    assert run() == first
    assert call("instance.version", {}).status_code == 200


def test_429_says_when_to_come_back_and_401_and_403_have_the_error_body(server: StandIn, call: Call) -> None:
    server.faults.fail(429, retry_after=2, times=1)
    assert call("instance.version", {}).headers["retry-after"] == "2"
    server.faults.revoke_token(after=1, times=1)
    server.faults.forbid(method="instance.*", after=2)
    answers = [call("instance.version", {}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 401, 403]
    assert answers[2].json()["error"] == "Forbidden"


def test_connections_break_without_and_within_the_answer(server: StandIn, project: Project, call: Call) -> None:
    _, images = ids_of(server, project)
    for switch_on in (server.faults.drop, server.faults.lose_answer, server.faults.truncate):
        switch_on(method="images.download", times=1)
        with pytest.raises(httpx.TransportError):
            call("images.download", {"id": images[0]})
    assert call("images.download", {"id": images[0]}).status_code == 200
    assert [exchange.status for exchange in server.traffic.of("images.download")] == [None, None, 200, 200]


def test_a_broken_upload_leaves_the_old_file_and_a_lost_answer_the_new_one(server: StandIn, call: Call) -> None:
    team = server.instance.team.id
    server.instance.storage.write(team, "/a", b"old")
    server.faults.break_upload(at=100_000, times=1)
    server.faults.lose_answer(method="file-storage.upload", after=1, times=1)
    for expected in (b"old", b"new" * 100_000):
        with pytest.raises(httpx.TransportError):
            call("file-storage.upload", params={"teamId": team, "path": "/a"}, content=b"new" * 100_000)
        assert server.instance.storage.read(team, "/a") == expected
    assert server.traffic.statuses("file-storage.upload") == {None: 2}


def test_a_bulk_answer_can_lack_one_item(server: StandIn, project: Project, call: Call) -> None:
    dataset, images = ids_of(server, project)
    server.faults.leave_out(times=1)
    server.faults.leave_out(method="annotations.bulk.info", ids=(images[1],))
    body = {"datasetId": dataset, "imageIds": images, "integerCoords": False}
    assert sorted(parts_of(call("images.bulk.download", body))) == [*images[:2], *images[3:]]
    assert len(parts_of(call("images.bulk.download", body))) == 5
    records = call("annotations.bulk.info", body).json()
    assert sorted(record["imageId"] for record in records) == [images[0], *images[2:]]


def test_an_upload_can_be_answered_with_a_wrong_hash_or_size(server: StandIn, call: Call) -> None:
    team = server.instance.team.id
    server.faults.wrong_hash(times=1)
    server.faults.wrong_size(after=1, times=1)
    answers = [
        call("file-storage.upload", params={"teamId": team, "path": "/a"}, content=b"abc").json() for _ in range(3)
    ]
    assert [(answer["hash"] == answers[2]["hash"], answer["meta"]["size"]) for answer in answers] == [
        (False, 3),
        (True, 2),
        (True, 3),
    ]


def test_slow_answers_overlap_and_the_highest_concurrency_is_counted(server: StandIn, call: Call) -> None:
    for _ in range(3):
        call("instance.version", {})
    assert server.traffic.highest_concurrency() == 1
    server.faults.slow(0.3, method="instance.version")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: call("instance.version", {}), range(4)))
    assert server.traffic.highest_concurrency("instance.version") == 4
    assert server.traffic.counts() == {"instance.version": 7}


def test_faults_count_what_they_met() -> None:
    faults = Faults()
    twice = faults.fail(503, method="images.*", after=1, times=2)
    assert [len(faults.due("images.list")) for _ in range(4)] == [0, 1, 1, 0]
    assert (twice.matched, twice.fired) == (4, 2)
    faults.remove(twice)
    assert faults.due("images.list") == []
