"""What instructions this CPU has, according to the kernel; nothing heavy is imported for it."""

from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


def multiplies_bfloat16(path: Path = CPU_INFO) -> bool:
    """Whether the CPU has bfloat16 instructions."""
    try:
        flags = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
