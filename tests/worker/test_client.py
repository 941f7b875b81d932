"""One reply for every job, whatever becomes of the child."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from curated.domain import Reading
from curated.errors import (
    PictureChanged,
    PictureError,
    PictureKillsWorker,
    PictureUnreadable,
    WeightsMissing,
    WorkerBroken,
)
from curated.worker.client import DEPTH
from curated.worker.messages import Reply
from tests.support.clock import ManualClock, wait_until
from tests.support.scripted_models import Misbehaviour
from tests.support.working import Working

Make = Callable[..., Working]
REPOSITORY = Path(__file__).parents[2]


def names(replies: list[Reply]) -> list[str]:
    return sorted(reply.job.path.stem for reply in replies)


def failed(replies: list[Reply]) -> dict[str, PictureError]:
    return {reply.job.path.stem: reply.answer for reply in replies if not isinstance(reply.answer, Reading)}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


# -- in good order ---------------------------------------------------------------------------------------


def test_each_reply_carries_the_findings_of_its_own_picture(working: Working) -> None:
    batches = [tuple(working.job(f"{batch}{item}", red=batch * 40 + item) for item in range(4)) for batch in range(5)]
    replies = []
    for batch in batches:
        wait_until(lambda: replies.extend(working.client.replies()) or working.client.wanted, "room for a batch")
        working.client.submit(batch)
    replies += working.replies(20 - len(replies))
    assert names(replies) == sorted(job.path.stem for batch in batches for job in batch)
    for reply in replies:
        assert isinstance(reply.answer, Reading)
        assert reply.answer.picture.sha256 == reply.answer.findings.sha256 == reply.job.sha256
        red = int(reply.job.path.stem[0]) * 40 + int(reply.job.path.stem[1])
        assert reply.answer.findings.caption == f"a picture of colour {red:02x}6464"
        assert reply.job.thumbnail is not None
        assert reply.job.thumbnail.exists()
        assert not reply.quarantine
    assert working.client.jobs == 0
    assert working.notes("starts") == [str(working.client.info.pid)]
    assert len(working.notes("judged")) == 5
    assert (working.client.info.profile, working.client.info.device) == ("scripted", "cpu")
    assert working.client.info.pictures == 20


def test_no_child_runs_before_there_is_work(working: Working) -> None:
    assert working.client.replies() == []
    assert working.client.info.pid is None
    assert working.client.next_deadline() is None
    working.client.tick()
    working.client.stop(grace=1)


def test_an_answer_wakes_the_daemon(working: Working) -> None:
    working.client.submit((working.job("a"),))
    working.woken.wait(60)
    working.woken.clear()
    working.replies(1)


def test_only_so_many_batches_are_in_hand(make: Make) -> None:
    working = make("slow")
    for number in range(DEPTH):
        assert working.client.wanted
        working.client.submit((working.job(str(number)),))
    assert not working.client.wanted
    assert working.client.jobs == DEPTH
    (working.cache / "go").touch()
    assert names(working.replies(DEPTH)) == ["0", "1", "2"]
    assert working.client.wanted


def test_the_next_batch_is_decoded_while_one_is_judged(working: Working) -> None:
    # The first is judged until the thumbnail that decoding the second one makes is there.
    first = working.bad(Misbehaviour.WAIT_FOR_NEXT)
    replies = working.judge(first, working.job("next"))
    assert failed(replies) == {}
    assert [reply.job.path.stem for reply in replies] == ["wait_for_next", "next"]


def test_a_batch_that_comes_while_one_is_judged_is_decoded_at_once(working: Working) -> None:
    working.client.submit((working.bad(Misbehaviour.WAIT_FOR_NEXT),))
    wait_until(lambda: working.notes("judged"), "the first batch to be in judgement")
    working.client.submit((working.job("next"),))
    assert failed(working.replies(2)) == {}


# -- one bad picture -------------------------------------------------------------------------------------


def test_one_bad_picture_fails_alone_and_says_why(working: Working) -> None:
    jobs = [working.job(f"good{number}", red=130 + number) for number in range(7)]
    jobs.insert(3, working.bad(Misbehaviour.RAISE))
    jobs.insert(5, working.job("broken", b"\x89PNG\r\n\x1a\nnothing more"))
    gone = working.job("gone")
    gone.path.unlink()
    replies = working.judge((*jobs, gone))
    assert names(replies) == sorted(job.path.stem for job in (*jobs, gone))
    trouble = failed(replies)
    assert set(trouble) == {"raise", "broken", "gone"}
    assert trouble["raise"].reason == "the models cannot judge it: RuntimeError: the kernel image is invalid"
    assert isinstance(trouble["broken"], PictureUnreadable)
    assert isinstance(trouble["gone"], PictureChanged)
    assert not any(reply.quarantine for reply in replies)
    assert len(working.notes("starts")) == 1


def test_of_two_files_with_the_same_content_each_is_named_in_its_own_failure(working: Working) -> None:
    one = working.bad(Misbehaviour.RAISE)
    path = one.path.with_name("double.png")
    path.write_bytes(one.path.read_bytes())
    status = path.stat()
    two = replace(
        one, path=path, arrival=replace(one.arrival, path=path, inode=status.st_ino, mtime_ns=status.st_mtime_ns)
    )
    replies = working.judge((one, two))
    assert {reply.job.path: reply.answer.path for reply in replies if isinstance(reply.answer, PictureError)} == {
        one.path: one.path,
        two.path: two.path,
    }


def test_a_batch_of_nothing_but_unreadable_files_is_answered(working: Working) -> None:
    assert len(failed(working.judge(tuple(working.job(str(number), b"no picture") for number in range(3))))) == 3


def test_a_picture_that_kills_the_child_twice_is_quarantined_and_all_others_are_answered(working: Working) -> None:
    # Three batches in hand: the dead child's other two are innocent.
    bad = working.bad(Misbehaviour.SEGFAULT)
    batches = [
        (working.job("a1", red=201), working.job("a2", red=202)),
        (working.job("b1", red=203), bad, working.job("b2", red=204)),
        (working.job("c1", red=205),),
    ]
    replies = working.judge(*batches)
    assert names(replies) == sorted(job.path.stem for batch in batches for job in batch)
    assert set(failed(replies)) == {"segfault"}
    [quarantined] = [reply for reply in replies if reply.quarantine]
    assert quarantined.job == bad
    assert working.client.jobs == 0
    judged_alone = [line for line in working.notes("judged") if line == f"cpu {bad.sha256[:8]}"]
    assert len(judged_alone) == 2


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (Misbehaviour.EXIT, "it ended with code 7"),
        (Misbehaviour.HALF_A_MESSAGE, "it ended with code 0"),
        (Misbehaviour.CLOSE_AND_LINGER, "it closed its connection, but did not end"),
        (Misbehaviour.GARBAGE, "it was killed"),
    ],
)
def test_a_quarantined_picture_says_how_the_child_died(working: Working, how: Misbehaviour, why: str) -> None:
    [reply] = working.judge(working.bad(how))
    assert reply.quarantine
    assert isinstance(reply.answer, PictureKillsWorker)
    assert why in reply.answer.reason
    assert len(working.notes("starts")) == 2
    assert not any(alive(int(pid)) for pid in working.notes("starts"))


def test_two_killers_in_one_batch_are_both_found(working: Working) -> None:
    replies = working.judge((working.bad(Misbehaviour.SEGFAULT), working.bad(Misbehaviour.KILLED)))
    assert len(replies) == 2
    reasons = {reply.job.path.stem: reply.answer.reason for reply in replies if isinstance(reply.answer, PictureError)}
    assert reasons == {
        "segfault": "the model process died while judging it (a segmentation fault)",
        "killed": "the model process died while judging it (it was killed; out of memory?)",
    }


def test_a_child_killed_from_outside_costs_no_picture(working: Working) -> None:
    working.judge(working.job("b"))
    first = working.client.info.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not alive(first), "the child's end")
    replies = working.judge(working.job("c"))
    assert failed(replies) == {}
    assert working.client.info.pid != first


def test_after_trouble_batches_go_ahead_of_each_other_again(working: Working) -> None:
    working.judge((working.bad(Misbehaviour.KILLED),))
    assert failed(working.judge(working.bad(Misbehaviour.WAIT_FOR_NEXT), working.job("next"))) == {}


# -- hanging ---------------------------------------------------------------------------------------------


def test_a_child_that_hangs_is_killed_after_the_timeout_and_the_culprit_found(make: Make) -> None:
    clock = ManualClock()
    working = make(clock=clock, batch_timeout=100.0)
    bad = working.bad(Misbehaviour.HANG)
    working.client.submit((working.job("good"), bad))
    got: list[Reply] = []
    hangs = 0

    def all_there() -> bool:
        nonlocal hangs
        got.extend(working.client.replies())
        if len(working.notes("hangs")) > hangs:
            hangs += 1
            pid = working.client.info.pid
            assert pid is not None
            clock.advance(99.0)
            working.client.tick()
            assert alive(pid), "it is killed too early"
            clock.advance(1.0)
            working.client.tick()
        return len(got) == 2

    wait_until(all_there, "all replies", 60)
    assert names(got) == ["good", "hang"]
    [quarantined] = [reply for reply in got if reply.quarantine]
    assert quarantined.job == bad
    assert "it gave no answer for 100 s" in str(quarantined.answer)
    assert set(failed(got)) == {"hang"}


def test_stopping_does_not_wait_for_a_child_that_hangs(working: Working) -> None:
    working.client.submit((working.bad(Misbehaviour.HANG),))
    wait_until(lambda: working.notes("hangs"), "the child to hang")
    pid = working.client.info.pid
    assert pid is not None
    working.client.stop(grace=0.1)
    assert not alive(pid)
    assert working.client.info.pid is None
    assert working.client.jobs == 1


def test_a_child_that_reads_nothing_does_not_hold_up_the_daemon(make: Make) -> None:
    working = make("deaf")
    job = working.job("a")
    wait_until(lambda: working.client.submit((job,)) or working.notes("starts"), "the child to stop")
    for _ in range(DEPTH):
        working.client.submit((job,) * 5_000)  # far more than a socket holds
    working.client.stop(grace=0.1)


# -- memory ----------------------------------------------------------------------------------------------


def test_out_of_memory_halves_the_batch_until_it_fits(make: Make) -> None:
    working = make("small_gpu")
    replies = working.judge(tuple(working.job(str(number), red=200 + number) for number in range(8)))
    assert failed(replies) == {}
    assert names(replies) == [str(number) for number in range(8)]
    assert [len(line.split()) - 1 for line in working.notes("judged")] == [8, 4, 2, 2, 4, 2, 2]
    assert working.client.info.device == "cuda:0"


def test_a_device_too_small_for_one_picture_is_given_up_for_the_cpu(make: Make) -> None:
    working = make("tiny_gpu")
    replies = working.judge(
        (working.job("a", red=201), working.job("b", red=202)), working.job("c", red=203), working.job("d", red=204)
    )
    assert failed(replies) == {}
    assert names(replies) == ["a", "b", "c", "d"]
    assert working.client.info.device == "cpu"
    assert len(working.notes("starts")) == 2
    assert failed(working.judge(working.job("e", red=205))) == {}
    assert len(working.notes("starts")) == 2


def test_a_picture_for_which_even_the_cpu_has_too_little_memory_fails_alone(working: Working) -> None:
    replies = working.judge((working.bad(Misbehaviour.MEMORY_ERROR), working.job("good")))
    assert set(failed(replies)) == {"memory_error"}


# -- starting and ending ---------------------------------------------------------------------------------


def test_the_reason_why_models_cannot_be_loaded_is_raised_as_it_is(make: Make) -> None:
    working = make("without_weights")
    working.client.submit((working.job("a"),))
    with pytest.raises(WeightsMissing, match="the weights are missing; install them"):
        working.replies(1)
    assert working.client.jobs == 1
    assert working.client.info.pid is None
    working.client._spec = replace(working.spec, factory="tests.support.scripted_models:obedient")
    assert names(working.replies(1)) == ["a"]


def test_a_child_that_cannot_start_is_tried_a_few_times_and_its_last_word_told(make: Make) -> None:
    working = make("broken")
    working.client.submit((working.job("a"),))
    with pytest.raises(WorkerBroken, match=r"cannot start .*libcudart\.so\.12: cannot open shared object file"):
        working.replies(1)
    assert len(working.notes("starts")) == 3
    assert working.client.jobs == 1


def test_a_reason_that_cannot_be_read_is_no_endless_wait(make: Make) -> None:
    working = make("with_an_error_that_cannot_be_read")
    working.client.submit((working.job("a"),))
    with pytest.raises(WorkerBroken):
        working.replies(1)


def test_a_child_that_fails_to_start_once_is_started_again(make: Make) -> None:
    working = make("broken_once")
    assert failed(working.judge(working.job("a"))) == {}
    assert len(working.notes("starts")) == 2


def test_an_idle_child_ends_and_the_next_batch_starts_a_new_one(make: Make) -> None:
    clock = ManualClock()
    working = make(clock=clock, idle_timeout=60.0)
    working.judge(working.job("a"))
    first = working.client.info.pid
    assert first is not None
    deadline = working.client.next_deadline()
    assert deadline == clock() + 60
    clock.advance(59)
    working.client.tick()
    assert alive(first)
    clock.advance(1)
    working.client.tick()
    assert not alive(first)
    assert working.client.info.pid is None
    assert working.client.next_deadline() is None
    assert failed(working.judge(working.job("b"))) == {}
    assert working.client.info.pid not in (None, first)


def test_stopping_lets_the_batch_in_judgement_end_and_leaves_nothing_running(working: Working) -> None:
    working.judge(working.job("a"))
    pid = working.client.info.pid
    assert pid is not None
    working.client.stop(grace=30)
    assert not alive(pid)
    working.client.stop(grace=30)


# -- the child and its parent ----------------------------------------------------------------------------


def parent(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.worker_parent", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY,
        start_new_session=True,
    )  # fmt: skip


def test_no_child_outlives_a_daemon_that_is_killed(tmp_path: Path) -> None:
    with parent(tmp_path) as daemon:
        assert daemon.stdout is not None
        child = int(daemon.stdout.readline())
        assert alive(child)
        daemon.kill()
        wait_until(lambda: not alive(child), "the child's end")


def test_ctrl_c_and_a_service_managers_stop_do_not_reach_the_child(tmp_path: Path) -> None:
    with parent(tmp_path) as daemon:
        assert daemon.stdout is not None
        child = int(daemon.stdout.readline())
        os.killpg(daemon.pid, signal.SIGINT)
        os.kill(child, signal.SIGTERM)
        os.kill(child, signal.SIGINT)
        out, err = daemon.communicate(timeout=60)
        assert out.strip() == "1 True", err
    assert not alive(child)


def test_nothing_the_child_says_reaches_the_terminal(
    working: Working, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert failed(working.judge(working.bad(Misbehaviour.NOISE))) == {}
    working.client.stop(grace=30)
    out, err = capfd.readouterr()
    assert "noise" not in out + err
    assert "noise" not in caplog.text


def test_a_file_named_like_a_module_in_the_working_directory_is_not_run(
    working: Working, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ctypes", "msgspec", "cv2"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('run from the working directory')")
    monkeypatch.chdir(tmp_path)
    assert failed(working.judge(working.job("a"))) == {}


def test_the_models_can_be_known_before_there_is_work(tmp_path: Path) -> None:
    working = Working(tmp_path, idle_timeout=0.001)
    try:
        working.client.start()
        working.client.start()
        wait_until(lambda: not working.client.replies() and working.client.info.models, "the models to be loaded", 90)
        assert working.client.info.models["embedder"] == "scripted-embedder"
        assert len(working.notes("starts")) == 1
    finally:
        working.client.stop(grace=0.0)


def test_models_that_are_loaded_for_no_work_yet_are_given_time(tmp_path: Path) -> None:
    """The time that idle models may stay counts from when they are loaded."""
    working = Working(tmp_path, "slow", idle_timeout=0.001)
    try:
        working.client.start()
        wait_until(lambda: working.notes("starts"), "the child to begin", 90)
        working.client.tick()
        assert working.client.info.pid is not None
        (working.cache / "go").touch()
        wait_until(lambda: not working.client.replies() and working.client.info.models, "the models to be loaded", 90)
    finally:
        working.client.stop(grace=0.0)
