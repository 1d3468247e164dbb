import pytest

from coma_cli.corpus.extraction.markers import PAIRS, clean

CODE = "def f(x):\n    return x\n"
TOKENS = [
    "<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<end_of_turn>", "<|EOT|>",
    "<｜end▁of▁sentence｜>", "<|end|>", "<|return|>", "<|END_OF_TURN_TOKEN|>", "<|fim_pad|>", "<|file_sep|>",
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
def test_an_end_token_ends_the_text_wherever_it_is_glued(token):
    for text in (f"{CODE.rstrip()}{token}", f"{CODE}{token}\nuser: next", f"{CODE}\n{token}<|endoftext|>"):
        cleaned = clean(text)
        assert cleaned.text.strip() == CODE.strip() and cleaned.glued_token
    assert clean(f"{CODE}{token}", tokens=False).text == f"{CODE}{token}"


@pytest.mark.parametrize(
    "code",
    [
        "    return '<s>' + x + '</s>'\n",
        '    """Ends at <|endoftext|>.\n\n    <eos>\n    """\n    return 1\n',
        "    return f'</s>{x}'\n",
        "    x = '[DONE]'\n",
        "    return a[DONE] + 1\n",
    ],
)
def test_tokens_and_marks_within_code_are_code(code):
    assert clean(code) == (code, False, False)


@pytest.mark.parametrize("header", ["<|im_start|>assistant\n", "<start_of_turn>model\n", "<s>", "<|assistant|>\n"])
def test_the_header_of_the_turn_goes(header):
    assert clean(f"{header}{CODE}").text == CODE
    assert clean(f"<|start_header_id|>assistant<|end_header_id|>\n\n{CODE}").text == CODE


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_what_a_pair_of_marks_encloses_is_the_answer(opening, closing):
    for text in (
        f"{opening}\n{CODE}{closing}",
        f"Sure:\n{opening}\n{CODE}{closing}\nand more\n",
        f"{opening}{CODE.rstrip()}{closing}",
        f"{CODE}{closing}\nThe next task\n{opening}\ndef g(): pass\n",
        f"{opening}\n{CODE}",
    ):
        cleaned = clean(text)
        assert cleaned.text.strip() == CODE.strip() and cleaned.marker
        assert clean(text, marks=False).text == text


def test_an_empty_pair_changes_nothing():
    assert clean(f"[BEGIN]\n[DONE]\n{CODE}").text == f"[BEGIN]\n[DONE]\n{CODE}"
