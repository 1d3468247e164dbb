"""What the processes of a team tell each other, and how they end."""

import os
import subprocess
import sys

import pytest

from tests.requirements import ROOT, package

package("torch", "train")
from coma_cli.errors import CliError, UsageError  # noqa: E402
from coma_cli.parallel.ranks import ProcessRank  # noqa: E402
from coma_cli.training.distributed.team import ALONE, ending_together  # noqa: E402

TEAM = """
from coma_cli.parallel.ranks import ProcessRank
from coma_cli.training.distributed.team import join, leave
rank = ProcessRank.of_environment()
team = join(rank, "cpu")
told = team.share({"rows": list(range(100_000))}) if team.leads else team.told()
assert told == {"rows": list(range(100_000))}
assert team.largest([3, 15][team.number]) == 15
assert team.sums(0.5 + team.number, 2.0) == [2.0, 4.0]
team.wait()
leave()
print("fine", team.number)
"""


def test_one_process_alone_is_a_team():
    assert ALONE.leads and ALONE.share("x") == "x" and ALONE.largest(3) == 3 and ALONE.sums(1.5, 2) == [1.5, 2]
    ALONE.wait()


@pytest.mark.slow
def test_two_processes_share_values_maxima_and_sums(tmp_path):
    script = tmp_path / "team.py"
    script.write_text(TEAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("fine") == 2


class RankWithStore(ProcessRank):
    """A rank whose launcher's store is in this process."""

    def store(self):
        return STORE["store"]


STORE: dict = {}


@pytest.fixture
def ranks():
    from torch.distributed import HashStore

    STORE["store"] = HashStore()
    return [RankWithStore(number, 2, number, 2) for number in (0, 1)]


def test_the_first_error_is_shown_and_the_others_only_end(ranks):
    with pytest.raises(UsageError, match="wrong"), ending_together(ranks[1]):
        raise UsageError("wrong", "right")
    with pytest.raises(SystemExit) as ended, ending_together(ranks[0]):
        raise RuntimeError("[gloo] Connection closed by peer [127.0.0.1]:4242")
    assert ended.value.code == 1


def test_a_process_that_was_killed_is_missed_by_the_others(ranks):
    with pytest.raises(CliError, match="Another of the 2 processes has ended") as caught, ending_together(ranks[0]):
        raise RuntimeError("[gloo] Connection closed by peer [127.0.0.1]:4242")
    assert "continues from the last checkpoint" in caught.value.hint


def test_a_bug_keeps_its_traceback(ranks):
    with pytest.raises(ZeroDivisionError), ending_together(ranks[0]):
        raise ZeroDivisionError
