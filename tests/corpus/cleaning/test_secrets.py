import pytest

from coma_cli.corpus.cleaning.secrets import entropy, secret_rules, secrets_in

MIXED = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
HEX = "3f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AKIA" + "A1B2C3D4E5F6G7H8", "AWS key"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzT9q2Kd81", "AWS secret key"),
        ('{"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzT9q2Kd81"}', "AWS secret key"),
        ("ghp_" + MIXED, "GitHub token"),
        ("github_pat_11ABCDEFG0" + MIXED, "GitHub token"),
        ("glpat-" + MIXED[:20], "GitLab token"),
        ("xoxb-" + "123456789012-1234567890123-" + MIXED[:24], "Slack token"),
        ("https://hooks.slack.com/services/T0AB1CD2E/B3FG4HI5J/" + MIXED[:24], "Slack webhook"),
        ("AIza" + MIXED[:35], "Google key"),
        ("sk_live_" + MIXED[:24], "Stripe key"),
        ("sk-" + "proj-" + MIXED, "API key"),
        ("hf_" + MIXED[:34], "hub token"),
        ("eyJ" + MIXED + ".eyJ" + MIXED + "." + MIXED, "JSON web token"),
        ("-----BEGIN RSA PRIVATE " + "KEY-----\n" + "ab12" * 20 + "\n-----END RSA", "private key"),
        ("-----BEGIN OPENSSH PRIVATE " + "KEY-----\\n" + "ab12" * 20, "private key"),
        ("npm_" + MIXED[:36], "npm token"),
        ("//registry.npmjs.org/:_authToken=" + HEX, "npm token"),
        ("pypi-AgEIcHlwaS5vcmc" + MIXED, "PyPI token"),
        ("SG." + MIXED[:22] + "." + (MIXED + MIXED)[:43], "SendGrid key"),
        ("Authorization: Bearer " + MIXED[:24], "bearer token"),
        ("AccountKey=" + (MIXED * 3)[:86] + "==;", "Azure storage key"),
        ("dckr_pat_" + MIXED[:27], "cloud token"),
        ("postgres://joe:Zk8mQ2pw@db.corp.io/x", "password in a URL"),
        ('password = "Tr0ub4dor&3"', "password"),
        ("connect(user='joe', passwd='zk8mQ2p')", "password"),
        ('"DB_PASSWORD": "q9Z2k#Lm"', "password"),
        ('$config["password"] = "q9Z2kLm3";', "password"),
        ('setPassword("q9Z2kLm3")', "password"),
        (f'api_key = "{MIXED[:24]}"', "secret"),
        (f"SECRET_KEY: '{HEX}'", "secret"),
        (f'const authToken = "{MIXED}";', "secret"),
    ],
)
def test_what_must_not_be_passed_on(text, kind):
    assert [secret.kind for secret in secrets_in(f"x; {text}\n")] == [kind]


def test_only_the_value_of_an_assignment_is_a_secret():
    text = 'İ password = "Tr0ub4dor&3"'  # a letter whose lower case is longer
    (secret,) = secrets_in(text)
    assert text[secret.start : secret.end] == "Tr0ub4dor&3"


@pytest.mark.parametrize(
    "text",
    [
        'password = "password"', 'password = "<your-key>"', 'password = "xxxx"', 'password = "password123"',
        'password = "changeme1"', 'password = "test1234"', 'password = ""', 'password = "${DB_PASSWORD}"',
        'password = "{}"', 'password = "%s"', 'password: "required|min:8"', 'password = getpass("Password: ")',
        'pwd = "/home/user1"', 'print("password:", "Wrong password.")', 'passwordField = "input_password_2"',
        'append("&password=").append(passwordAsText).append("&email=")', 'token = "access_token"',
        'token = "NUMBER_LITERAL"', 'api_key = "YOUR_API_KEY_1234567890"', 'secret = "projects/x/secrets/y/versions/1"',
        "Bearer YOUR_TOKEN_GOES_HERE1", "Authorization: Bearer <token>", "postgres://user:password@localhost/x",
        "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AKIA", "ghp_short",
        "ghp_" + "x" * 36, "int hf_count = 1;", "sk-learn and sk-image", "sk-fading-circle-delay-animation-container",
        "-----BEGIN PUBLIC KEY-----\n" + "ab12" * 20, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    ],
)  # fmt: skip
def test_placeholders_and_code_are_no_secrets(text):
    assert secrets_in(text) == []


def test_each_rule_is_looked_for_by_words_that_its_matches_have():
    for rule in secret_rules():
        assert bool(rule.keywords) != bool(rule.anchors), rule.kind
        assert all(anchor == anchor.lower() for anchor in rule.anchors)


def test_entropy_is_in_bits_per_character():
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2
