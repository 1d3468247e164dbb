"""Which template is taken and why, what the model is shown, and where it is to stop."""

import pytest

from coma_cli.catalog.benchmarks import BENCHMARKS
from coma_cli.catalog.benchmarks.protocols import CODEX_STOPS, MBPP_STOPS
from coma_cli.errors import UsageError
from coma_cli.evaluation.sampling import prompts as sampling_prompts
from coma_cli.evaluation.sampling.prompts import TemplateChoice, encode_problems
from coma_cli.prompting import ALPACA, CAPYBARA, RAW
from coma_cli.records import Problem
from tests.requirements import package
from tests.tiny_model import make_tiny_tokenizer

PROBLEMS = BENCHMARKS["humaneval"].load().problems[:3]
COMMENT = Problem(
    task_id="MBPP/11",
    bench="mbpp",
    prompt='"""\nAdd.\n"""\n',
    instruction="Add.",
    tests="assert add(1, 2) == 3\n",
    reference="def add(a, b):\n    return a + b\n",
    cpu_limit_s=10.0,
)


def choose_prompt_template(
    wanted, tokenizer, stored, *, bench="humaneval", protocol="auto", **options
) -> TemplateChoice:
    found = BENCHMARKS[bench].sampling_protocol(protocol)
    return sampling_prompts.choose_prompt_template(wanted, tokenizer, stored, found, **options)


@pytest.fixture
def tokenizer():
    package("transformers", "train")
    return make_tiny_tokenizer()


@pytest.fixture
def plain(tokenizer):
    tokenizer.chat_template = None
    return tokenizer


def test_the_stored_template_wins(tokenizer):
    choice = choose_prompt_template("auto", tokenizer, ALPACA)
    assert (choice.template, choice.form) == (ALPACA, "instruction")
    assert "stored" in choice.reason


def test_without_a_stored_one_the_chat_template_is_taken(tokenizer):
    choice = choose_prompt_template("auto", tokenizer, None)
    assert (choice.template.name, choice.form) == ("chat", "instruction")


def test_a_base_model_goes_on_with_the_prompt(plain):
    choice = choose_prompt_template("auto", plain, None)
    assert (choice.template, choice.form) == (RAW, "continuation")
    assert "no chat template" in choice.reason


def test_another_template_than_the_stored_one_is_refused_unless_allowed(tokenizer):
    with pytest.raises(UsageError, match="tuned with the template alpaca") as caught:
        choose_prompt_template("capybara", tokenizer, ALPACA)
    assert "--allow-template-mismatch" in caught.value.hint
    allowed = choose_prompt_template("capybara", tokenizer, ALPACA, allow_mismatch=True)
    assert allowed.template == CAPYBARA
    assert choose_prompt_template("alpaca", tokenizer, ALPACA).template == ALPACA


def test_an_unknown_template_names_the_nearest(tokenizer):
    with pytest.raises(UsageError, match="Did you mean alpaca"):
        choose_prompt_template("alpacca", tokenizer, None)


def test_a_continuation_is_the_prompt_to_the_last_byte(plain):
    choice = choose_prompt_template("auto", plain, None)
    prompts = encode_problems(choice, plain, PROBLEMS, [7], None)
    for problem in PROBLEMS:
        assert plain.decode(prompts.token_ids[problem.task_id]) == problem.prompt
    assert prompts.stop_ids == (plain.eos_token_id, 7)
    assert prompts.stop_texts == CODEX_STOPS


def test_an_instruction_is_asked_as_a_chat(tokenizer):
    prompts = encode_problems(choose_prompt_template("auto", tokenizer, None), tokenizer, PROBLEMS, [], None)
    text = tokenizer.decode(prompts.token_ids[PROBLEMS[0].task_id])
    assert text == f"<|im_start|>user\n{PROBLEMS[0].instruction}<|im_end|>\n<|im_start|>assistant\n"
    assert prompts.stop_texts == ()


def test_stop_texts_fit_the_benchmark_and_can_be_given(plain):
    choice = choose_prompt_template("raw", plain, None, bench="mbpp")
    assert encode_problems(choice, plain, [COMMENT], [], None).stop_texts == MBPP_STOPS
    assert encode_problems(choice, plain, [COMMENT], [], ("\n\n",)).stop_texts == ("\n\n",)
    assert encode_problems(choice, plain, [COMMENT], [], ()).stop_texts == ()


def test_an_end_text_of_the_chat_template_stops_whatever_else_is_requested(tokenizer):
    tokenizer.chat_template = (
        "{% for m in messages %}## {{ m['role'] }}\n{{ m['content'] }}\n## stop\n{% endfor %}"
        "{% if add_generation_prompt %}## assistant\n{% endif %}"
    )
    choice = choose_prompt_template("auto", tokenizer, None)
    assert encode_problems(choice, tokenizer, PROBLEMS, [], None).stop_texts == ("\n## stop",)
    prompts = encode_problems(choice, tokenizer, PROBLEMS, [], ("\n\n",))
    assert prompts.stop_texts == ("\n## stop", "\n\n")
    assert prompts.stop_ids == (tokenizer.eos_token_id,)


@pytest.mark.parametrize("stored", [ALPACA, None])
def test_a_published_protocol_overrides_the_template_and_says_so(tokenizer, stored):
    choice = choose_prompt_template("auto", tokenizer, stored, protocol="coma-paper")
    assert (choice.template, choice.form, choice.protocol_name) == (RAW, "continuation", "coma-paper")
    assert ("tuned with the template alpaca" in choice.warning) == (stored is ALPACA)
    with pytest.raises(UsageError, match="has its own prompt"):
        choose_prompt_template("alpaca", tokenizer, stored, protocol="coma-paper")


def test_the_model_decides_which_protocol_auto_is(plain):
    assert choose_prompt_template("auto", plain, None).protocol_name == "completion"
    assert choose_prompt_template("auto", plain, CAPYBARA).protocol_name == "instruct"
    assert choose_prompt_template("auto", plain, RAW).protocol_name == "completion"


def test_an_instruction_for_a_model_without_a_template_is_put_into_alpaca(plain):
    choice = choose_prompt_template("auto", plain, None, protocol="instruct")
    assert (choice.template, choice.form) == (ALPACA, "instruction")


def test_variables_of_a_chat_template_need_one(tokenizer):
    with pytest.raises(UsageError, match="alpaca is used"):
        choose_prompt_template("auto", tokenizer, ALPACA, chat_options={"enable_thinking": False})
    choice = choose_prompt_template("auto", tokenizer, None, chat_options={"enable_thinking": False})
    assert choice.template.options == (("enable_thinking", False),)


def test_the_start_of_an_answer_is_part_of_the_prompt(tokenizer):
    choice = choose_prompt_template("auto", tokenizer, None, bench="mbpp", protocol="evalplus")
    problem = COMMENT.model_copy(update={"description": "Add.", "assertions": ("assert add(1, 2) == 3", "assert 0")})
    prompts = encode_problems(choice, tokenizer, [problem], [], None)
    text = tokenizer.decode(prompts.token_ids[problem.task_id])
    assert 'block:\n```\n"""\nAdd.\nassert add(1, 2) == 3\n"""\n```\n<|im_end|>' in text
    assert text.endswith("assistant\n" + choice.protocol.answer_start)
    assert "\n```\n" in prompts.stop_texts
