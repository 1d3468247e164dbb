"""`coma gen-instructions`."""

from coma_cli.commands.execute import execute
from coma_cli.commands.shared import Flags, Shared
from coma_cli.commands.stage_command import stage_command


@stage_command("gen-instructions")
def gen_instructions(shared: Shared, flags: Flags) -> None:
    """Have a language model write an instruction for each code function, then a complete program for each instruction.

    Any OpenAI-compatible server works; the key is read from OPENAI_API_KEY. Answers are stored as they arrive and are
    never paid for twice. With --dry-run nothing is sent: calls, tokens and dollars are estimated. With --engine
    transformers or vllm a model on this machine writes, without key and server, and nothing is paid.

    Example: coma gen-instructions --model gpt-5.6-terra --num 500 --max-usd 2
    """
    execute("gen-instructions", shared, flags)
