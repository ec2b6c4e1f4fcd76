"""What schedulers answer, read; real ones are asked in tests/cluster."""

from dataclasses import dataclass, field

import pytest

from psweep_nb import RemoteError
from psweep_nb.batch.remote import Done, Shell
from psweep_nb.batch.scheduler import Found, Processes, Slurm


@dataclass(frozen=True)
class Fake(Shell):
    """A shell in which programs give these answers, by their names."""

    answers: dict[str, Done] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def run(self, text: str, timeout: float) -> Done:
        self.asked.append(text)
        return next(done for name, done in self.answers.items() if f"{name} " in f"{text} ")


def line(job: str, state: str, status: str = "0", comment: str = "(null)") -> str:
    fields = (job, state, status, "1795817624", "1-00:00:02", "n1", comment)
    widths = (40, 24, 12, 24, 24, 80, 200)
    return "".join(f"{field:<{width}}" for field, width in zip(fields, widths, strict=True))


def squeue(*lines: str) -> Done:
    return Done(0, "\n".join(lines), "")


def test_squeue_is_read() -> None:
    lines = [
        line("1", "PENDING", comment="psweep:abc"),
        line("2_10", "RUNNING"),
        line("3", "COMPLETED"),
        line("4", "FAILED", "768"),
        line("5", "OUT_OF_MEMORY", "9"),
        "",
    ]
    found = Slurm().ask(Fake(answers={"squeue": squeue(*lines)}), ["1"])
    runtime = 86402.0
    assert found == {
        "1": Found("pending", "PENDING", None, 1795817624.0, runtime, "n1", "abc"),
        "2_10": Found("running", "RUNNING", None, 1795817624.0, runtime, "n1"),
        "3": Found("over", "COMPLETED", 0, 1795817624.0, runtime, "n1"),
        "4": Found("over", "FAILED", 3, 1795817624.0, runtime, "n1"),
        "5": Found("over", "OUT_OF_MEMORY", 9, 1795817624.0, runtime, "n1"),
    }


def test_sacct_is_asked_for_what_squeue_has_forgotten() -> None:
    told = "7|COMPLETED|0:0|100|5|n2\n8_1|CANCELLED by 0|0:15|Unknown|0|None assigned\n"
    shell = Fake(answers={"squeue": squeue(line("1", "RUNNING")), "sacct": Done(0, told, "")})
    found = Slurm().ask(shell, ["1", "7", "8_1", "8_2"])
    assert len(shell.asked) == 2
    assert shell.asked[1].endswith("--jobs=7,8")
    assert found["7"] == Found("over", "COMPLETED", 0, 100.0, 5.0, "n2")
    assert found["8_1"] == Found("over", "CANCELLED", 15, None, 0.0)
    assert "8_2" not in found


def test_without_accounting_what_is_forgotten_is_unknown() -> None:
    no = Done(1, "", "Slurm accounting storage is disabled")
    found = Slurm().ask(Fake(answers={"squeue": squeue(), "sacct": no}), ["7"])
    assert found == {}


def test_a_slurm_that_is_down_is_no_answer() -> None:
    down = Done(1, "", "slurm_load_jobs error: Unable to contact slurm controller")
    with pytest.raises(RemoteError, match=r"squeue failed on this machine: .*Unable to contact"):
        Slurm().ask(Fake(answers={"squeue": down}), [])


def test_an_accounting_that_is_down_is_no_answer() -> None:
    down = Done(1, "", "sacct: error: Problem talking to the database: Connection refused\n")
    with pytest.raises(RemoteError, match=r"sacct failed on this machine: .*Connection refused"):
        Slurm().ask(Fake(answers={"squeue": squeue(), "sacct": down}), ["7"])


@pytest.mark.parametrize(
    ("said", "size"), [("MaxArraySize            = 50\n", 50), ("nothing", 1001)]
)
def test_the_size_of_arrays(said: str, size: int) -> None:
    assert Slurm().max_array_size(Fake(answers={"scontrol": Done(0, said, "")})) == size


def test_processes_are_told_by_their_tokens() -> None:
    table = "node\n  12 sh x.sh psweep:abc\n  13 sh other\n  14 sh y psweep:abc more\n"
    found = Processes().ask(
        Fake(answers={"ps": Done(0, table, "")}), ["12@node", "9@node", "5@other"]
    )
    assert found == {
        "12@node": Found("running", "running", node="node", token="abc"),
        "5@other": Found("running", "unknown", node="other"),
    }
