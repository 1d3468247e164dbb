"""A small interpreter for seccomp's classic BPF, so that filters for any architecture can be tested anywhere."""

import struct

_INSTRUCTION = struct.Struct("=HBBI")


def run_filter(program: bytes, number: int, arch: int, arguments: tuple[int, ...] = ()) -> int:
    """A filter's result for one system call."""
    words = [*arguments, *([0] * (6 - len(arguments)))]
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *(word & 0xFFFFFFFFFFFFFFFF for word in words))
    code = list(_INSTRUCTION.iter_unpack(program))
    position, accumulator = 0, 0
    while True:
        operation, if_true, if_false, operand = code[position]
        position += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif operation == 0x06:
            return operand
        else:
            holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}
            position += if_true if holds[operation] else if_false
