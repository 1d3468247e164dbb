"""The protocols of MBPP: an instruction, CodeCapybara's, the three examples of the MBPP paper, and EvalPlus's prompt.

Sources: Austin et al. 2021 (arXiv:2108.07732), section 4 and figure 1, and google-research's `mbpp/README.md` for the
prompt with the tasks 2, 3 and 4; AI4Code-Research/CodeCapybara at 9bc7ab4, `main/generate.py`,
`main/utils/evaluation.py` and `main/utils/prompter.py`.
"""

from types import MappingProxyType

from coma_cli.catalog.benchmarks.evalplus_prompt import evalplus_protocol
from coma_cli.catalog.benchmarks.humaneval_protocols import CAPYBARA_SETTINGS
from coma_cli.catalog.benchmarks.protocols import MBPP_STOPS, SamplingProtocol, common_protocols
from coma_cli.records import Problem

_TASK = (
    "You are an expert Python programmer, and here is your task: {text} Your code should pass these tests:\n\n{tests}\n"
)
# The Alpaca frame of `main/utils/prompter.py`: a line break follows the header of the response.
_CAPYBARA_FRAME = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{}\n\n### Response:\n"
)
# MBPP's tasks 2, 3 and 4, which are published for prompting (CC-BY-4.0, Google): text, assertions, code.
EXAMPLES = (
    (
        "Write a function to find the similar elements from the given two tuple lists.",
        (
            "assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)",
            "assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)",
            "assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)",
        ),
        "def similar_elements(test_tup1, test_tup2):\n  res = tuple(set(test_tup1) & set(test_tup2))\n  return (res) ",
    ),
    (
        "Write a python function to identify non-prime numbers.",
        (
            "assert is_not_prime(2) == False",
            "assert is_not_prime(10) == True",
            "assert is_not_prime(35) == True",
        ),
        "import math\n"
        "def is_not_prime(n):\n"
        "    result = False\n"
        "    for i in range(2,int(math.sqrt(n)) + 1):\n"
        "        if n % i == 0:\n"
        "            result = True\n"
        "    return result",
    ),
    (
        "Write a function to find the largest integers from a given list of numbers using heap queue algorithm.",
        (
            "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],3)==[85, 75, 65] ",
            "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],2)==[85, 75] ",
            "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],5)==[85, 75, 65, 58, 35]",
        ),
        "import heapq as hq\n"
        "def heap_queue_largest(nums,n):\n"
        "  largest_nums = hq.nlargest(n, nums)\n"
        "  return largest_nums",
    ),
)
DONE = "[DONE]"


def capybara_prompt(problem: Problem) -> str:
    """The description and all assertions in the Alpaca frame, without an example."""
    return _CAPYBARA_FRAME.format(_task(problem.description, problem.assertions))


def three_shot_prompt(problem: Problem) -> str:
    """Three solved tasks, then the problem."""
    shots = [f"{_task(text, tests)}[BEGIN]\n{code}\n{DONE}\n\n" for text, tests, code in EXAMPLES]
    return "".join(shots) + _task(problem.description, problem.assertions) + "[BEGIN]\n"


def _task(text: str, assertions: tuple[str, ...]) -> str:
    return _TASK.format(text=text, tests="\n".join(assertions))


def evalplus_prompt(problem: Problem) -> str:
    """The description and the first assertion as a docstring; EvalPlus's own problems have this prompt."""
    if problem.bench == "mbpp+":
        return problem.prompt
    return f'"""\n{problem.description.strip()}\n{problem.assertions[0].strip()}\n"""\n'


PROTOCOLS = (
    *common_protocols(MBPP_STOPS),
    SamplingProtocol(
        "capybara-paper",
        "CodeCapybara's published prompt: description and all assertions, no examples, an 8-bit base",
        capybara_prompt,
        settings=CAPYBARA_SETTINGS,
        extraction="capybara-cut",
    ),
    SamplingProtocol(
        "three-shot",
        "the prompt of the MBPP paper, with its tasks 2, 3 and 4 as examples",
        three_shot_prompt,
        stops=(DONE,),
        settings=MappingProxyType({"n": 80, "temperature": (0.5,), "top_p": 1.0, "top_k": 0}),
    ),
    evalplus_protocol(
        "EvalPlus's prompt, with the first assertion alone; for a chat model with the start of its answer",
        evalplus_prompt,
        ('\n"""', "\nassert"),
    ),
)
