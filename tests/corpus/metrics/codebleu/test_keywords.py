from coma_cli.corpus.metrics.codebleu.keywords import keywords


def test_published_lists_and_the_grammars_words():
    assert len(keywords("python")) == 35
    assert "foreach" in keywords("csharp")
    assert {"func", "range", "defer"} <= keywords("go")
    assert {"function", "while"} <= keywords("javascript")


def test_no_grammar_no_keywords():
    assert keywords("kotlin") == frozenset()
    assert keywords("unspecified") == frozenset()
