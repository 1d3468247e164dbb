"""Our own descriptors leave the low numbers to programs."""

import os

from coma_cli.sandbox.inside.isolation import descriptors


def test_a_descriptor_moves_to_the_first_free_number_above_and_keeps_its_file() -> None:
    read_end, write_end = os.pipe()
    low = os.dup(write_end)
    places = [descriptors.move_up(read_end), descriptors.move_up(write_end)]
    try:
        assert min(places) >= descriptors.FIRST
        assert places[0] != places[1]
        assert not any(map(os.get_inheritable, places))
        os.write(places[1], b"through")
        assert os.read(places[0], 10) == b"through"
    finally:
        for fd in (*places, low):
            os.close(fd)


def test_the_old_number_is_free_again() -> None:
    fd = os.open(os.devnull, os.O_RDONLY)
    moved = descriptors.move_up(fd)
    try:
        again = os.open(os.devnull, os.O_RDONLY)
        os.close(again)
        assert again == fd
    finally:
        os.close(moved)
