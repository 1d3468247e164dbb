import pytest
from hypothesis import given
from hypothesis import strategies as st

from coma_cli.corpus.cleaning.secrets import masked, secrets_in


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AKIA" + "A1B2C3D4E5F6G7H8", "AWS key"),
        ("ghp_" + "a1B2" * 9, "GitHub token"),
        ("glpat-" + "x1Y2" * 5, "GitLab token"),
        ("xoxb-" + "1234567890-abc", "Slack token"),
        ("AIza" + "a" * 35, "Google key"),
        ("sk_live_" + "a1" * 9, "Stripe key"),
        ("sk-" + "proj-" + "a1" * 20, "API key"),
        ("hf_" + "aB" * 17, "hub token"),
        ("eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + "." + "c" * 12, "JSON web token"),
        ("-----BEGIN RSA PRIVATE " + "KEY-----\n" + "ab12" * 20 + "\n-----END RSA", "private key"),
        ("mail jane.roe+x@mail.corp.io now", "e-mail address"),
    ],
)
def test_what_must_not_be_passed_on(text, kind):
    assert [secret.kind for secret in secrets_in(f"x = '{text}'")] == [kind]
    assert secrets_in(masked(f"x = '{text}'")) == []


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com", "you@yourdomain.com", "git@github.com:a/b.git", "noreply@corp.io", "foo@bar.com",
        "test@test.de", "@Override\npublic", "a @ b", "x@y", "matrix@other.T", "me@localhost", "sk-learn and sk-image",
        "AKIA", "ghp_short", "@app.route('/a')", "name@mail.example.org", "int hf_count = 1;",
    ],
)  # fmt: skip
def test_what_may_stay(text):
    assert secrets_in(text) == []
    assert masked(text) == text


@given(st.text())
def test_masking_is_done_once_and_for_all(text):
    assert masked(masked(text)) == masked(text)
