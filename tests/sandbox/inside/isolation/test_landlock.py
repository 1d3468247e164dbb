"""What each version of Landlock can restrict is asked of the kernel; a newer one is used as far as it is known."""

import struct

import pytest

from coma_cli.sandbox.inside.isolation import landlock, syscalls

# include/uapi/linux/landlock.h, by the version that brought it.
BY_ABI = {
    1: ((1 << 13) - 1, 0, 0),
    2: ((1 << 14) - 1, 0, 0),
    3: ((1 << 15) - 1, 0, 0),
    4: ((1 << 15) - 1, 3, 0),
    5: ((1 << 16) - 1, 3, 0),
    6: ((1 << 16) - 1, 3, 3),
}


class Asked:
    """Stands for the kernel: its version, and the rights of the ruleset that was made."""

    def __init__(self, abi: int) -> None:
        self.abi = abi
        self.rights: tuple[int, ...] = ()

    def call(self, name: str, *arguments: object) -> int:
        if name == "landlock_create_ruleset" and arguments[0] is None:
            return self.abi
        if name == "landlock_create_ruleset":
            attributes = arguments[0]
            assert isinstance(attributes, bytes) and arguments[1] == len(attributes)
            self.rights = struct.unpack(f"={len(attributes) // 8}Q", attributes)
            raise OSError("asked enough")
        raise AssertionError(name)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Asked:
    asked = Asked(request.param)
    monkeypatch.setattr(syscalls, "call", asked.call)
    return asked


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6, 7, 50], indirect=True)
def test_a_ruleset_has_the_rights_that_the_kernel_s_version_knows(kernel: Asked) -> None:
    with pytest.raises(OSError, match="asked enough"):
        landlock.restrict([], [])
    wanted = BY_ABI[min(kernel.abi, 6)]
    # A kernel refuses fields that it does not know unless they are zero; ours are as many as it has.
    fields = 3 if kernel.abi >= 6 else 2 if kernel.abi >= 4 else 1
    assert kernel.rights == wanted[:fields]


@pytest.mark.parametrize("kernel", [6], indirect=True)
def test_signals_to_other_processes_can_be_left_out(kernel: Asked) -> None:
    with pytest.raises(OSError, match="asked enough"):
        landlock.restrict([], [], scope_signals=False)
    assert kernel.rights[2] == 1


def test_a_kernel_without_it_has_version_0(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *arguments: object) -> int:
        raise OSError(38, name)

    monkeypatch.setattr(syscalls, "call", refuse)
    assert landlock.abi_version() == 0
