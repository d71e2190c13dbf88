"""Secrets are hidden by name and by shape, and what is none is left alone."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.capture.secrets import HIDDEN, Redactor, looks_random

# Put together from pieces, so that no scanner of repositories takes them for real ones.
A36 = "aB3dE5fG7hI9jK1lM2nO4pQ6rS8tU0vW1xY2"
HEX32 = "0123456789abcdef" * 2
SHAPES = {
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "aws session": "ASIA" + "IOSFODNN7EXAMPLE",
    "github": "ghp_" + A36,
    "github app": "ghs_" + A36,
    "github fine-grained": "github_pat_" + A36,
    "gitlab": "glpat-" + A36[:20],
    "hugging face": "hf_" + A36[:34],
    "openai": "sk-" + A36 + A36[:12],
    "openai project": "sk-proj-" + A36,
    "anthropic": "sk-ant-api03-" + A36,
    "slack": "xoxb-" + "123456789012-" + A36[:24],
    "slack app": "xapp-1-" + A36[:20],
    "slack hook": "https://hooks.slack.com/services/T0000/B0000/" + A36[:24],
    "discord hook": "https://discord.com/api/webhooks/123456/" + A36,
    "google": "AIza" + A36[:35],
    "google login": "ya29." + A36,
    "google client": "GOCSPX-" + A36[:28],
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + A36,
    "neptune": "eyJhcGlfYWRkcmVzcyI6" + A36,
    "notabene": "nbt_" + A36,
    "npm": "npm_" + A36,
    "pypi": "pypi-" + A36 + A36,
    "stripe": "sk_live_" + A36[:24],
    "databricks": "dapi" + HEX32,
    "replicate": "r8_" + A36 + "a",
    "groq": "gsk_" + A36 + A36[:16],
    "nvidia": "nvapi-" + A36 + A36,
    "vault": "hvs." + A36,
    "telegram": "123456789:AA" + A36[:33],
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
    "open private key": "-----BEGIN PRIVATE KEY-----\nMIIEow",
}


@pytest.mark.parametrize("kind", SHAPES)
def test_tokens_are_known_by_their_shape(kind):
    """Each known kind of token is hidden wherever it stands, counted, and never overlooked by
    the quick look that spares most lines the expressions."""
    for around in ("{}", "uses {} to log in", "x = '{}'", "({})", "URL={}/end"):
        redactor = Redactor()
        text = redactor.text(around.format(SHAPES[kind]))
        assert SHAPES[kind] not in text
        assert HIDDEN in text
        assert redactor.hidden >= 1
    assert Redactor().suspects(SHAPES[kind])


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgresql://bob:hunter2@db.example/x", "hunter2"),
        ("https://oauth2:abc@gitlab.com/a/b.git", "abc"),
        ("https://justatoken@github.com/a/b.git", "justatoken"),
        ("redis://:pa55@cache:6379/0", "pa55"),
        ("https://x.s3.amazonaws.com/k?X-Amz-Signature=deadbeef&x=1", "deadbeef"),
        ("https://a.blob.core.windows.net/c?sv=2020&sig=abc%2Bdef", "abc%2Bdef"),
        ("GET /x?api_key=12345&page=2", "12345"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("curl -H 'Proxy-Authorization: token q1w2e3'", "q1w2e3"),
        ("got bearer 0123456789abcdef0123", "0123456789abcdef0123"),
        ("password=hunter2", "hunter2"),
        ("PASSWORD: hunter2", "hunter2"),
        ('{"api_key": "abc"}', "abc"),
        ("{'client-secret': 'abc def'}", "abc def"),
        ("export WANDB_API_KEY=abc", "=abc"),
        ("aws_secret_access_key = wJalrXUtnFEMI", "wJalrXUtnFEMI"),
        ("hf_token: xyz", "xyz"),
        ("apiKey=xyz", "xyz"),
        ("DefaultEndpointsProtocol=https;AccountKey=abc==;x=1", "abc=="),
        ("auth = 0f3a9c8b7d6e5f4a3b2c1d0e", "0f3a9c8b7d6e5f4a3b2c1d0e"),
    ],
)
def test_secrets_are_known_by_what_stands_before_them(text, secret):
    """Passwords in addresses, headers, query strings and assignments are hidden."""
    redactor = Redactor()
    assert secret not in redactor.text(text)
    assert redactor.hidden == 1


HARMLESS = [
    "epoch 3/10 loss 0.1234 lr=3e-4 tokens: 512 tok/s=1e5",
    "max_tokens=512 tokenizer=gpt2 pad_token=<pad> eos_token='</s>'",
    "next token: the, previous token: cat",
    "key: value, primary_key=id, num_keys=4, key_dim=64",
    "monkey=3 keyboard=us turkey: yes",
    "author=bob authors: 3",
    "git@github.com:org/repo.git",
    "ssh://git@github.com/org/repo.git",
    "https://github.com/org/repo.git?ref=main",
    "s3://bucket/path/to/data",
    "commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256:" + HEX32 * 2,
    "passed 12 tests, bypass=False, encompass: x",
    "sk-learn-pipeline-with-a-long-name-of-words",
    "secret_dim=64 secret_file=/run/secrets/x token_type=bearer",
    "password=None token=null api_key=''",
    "compass: north, salt_lake=1",
    "hf_model=bert-base-uncased",
    "design: signal=3",
    "C:\\Users\\me\\data; http://localhost:8080/path",
]


def test_what_is_no_secret_is_left_alone():
    """Ordinary words of machine learning, commits, digests and addresses stay as they are."""
    redactor = Redactor()
    for text in HARMLESS:
        assert redactor.text(text) == text
        assert redactor.text(text, code=True) == text
    assert redactor.hidden == 0


@pytest.mark.parametrize(
    "line",
    [
        "password = getpass()",
        "token = tokenizer.next()",
        "api_key = os.environ['OPENAI_API_KEY']",
        'headers = {"Authorization": f"Bearer {token}"}',
        "def login(password: str, token: str | None = None):",
        "secret = config.secret",
        "login(password=password)",
        'token = "${TOKEN}"',
        "credentials = load_credentials(path)",
    ],
)
def test_expressions_in_code_stay(line):
    """Code that only speaks of secrets is kept as it is: it must still say what it does."""
    assert Redactor().text(line, code=True) == line


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ('password = "hunter2"', "hunter2"),
        ('client = OpenAI(api_key="abc123")', "abc123"),
        ("+API_KEY=abc123def", "abc123def"),
        ('    "db_password": "x y",', "x y"),
    ],
)
def test_literals_in_code_are_hidden(line, secret):
    """Credentials written into code are hidden."""
    assert secret not in Redactor().text(line, code=True)


def test_command_lines_lose_the_word_after_a_secret_option():
    """``--token x``, ``--token=x`` and ``TOKEN=x`` are hidden; switches and numbers are not."""
    redactor = Redactor()
    argv = ["train.py", "--token", "hunter2", "--hf-token=abc", "PASSWORD=x", "--max-tokens",
            "512", "--use-auth-token", "--lr", "0.1", "--password", "--verbose"]  # fmt: skip
    assert redactor.argv(argv) == [
        "train.py", "--token", HIDDEN, f"--hf-token={HIDDEN}", f"PASSWORD={HIDDEN}", "--max-tokens",
        "512", "--use-auth-token", "--lr", "0.1", "--password", "--verbose"]  # fmt: skip
    assert redactor.hidden == 3


def test_values_are_hidden_by_the_name_they_stand_under():
    """Nested configurations keep their form; secrets in them, lists included, are hidden."""
    redactor = Redactor()
    config = {
        "lr": 0.1,
        "db": {"password": "x", "host": "h"},
        "api_keys": ["a", "b"],
        "use_token": True,
        "pin": None,
        "url": "https://u:p@h/",
    }
    assert redactor.value(config) == {
        "lr": 0.1,
        "db": {"password": HIDDEN, "host": "h"},
        "api_keys": [HIDDEN, HIDDEN],
        "use_token": True,
        "pin": None,
        "url": f"https://{HIDDEN}@h/",
    }
    assert redactor.hidden == 4


def test_names_of_ones_own_are_hidden():
    """Names given are secret in any spelling, by value, by option and in text."""
    redactor = Redactor(["patient_id"])
    assert redactor.value({"PatientId": "17", "id": "18"}) == {"PatientId": HIDDEN, "id": "18"}
    assert redactor.argv(["--patient-id", "17"]) == ["--patient-id", HIDDEN]
    assert redactor.text("patient-id=17") == f"patient-id={HIDDEN}"


def test_binary_parts_of_a_patch_stay():
    """Base 85 of a binary file may look like anything; text beside it is still searched."""
    token = SHAPES["github"].encode()
    patch = (
        b"diff --git a/x.png b/x.png\nGIT binary patch\nliteral 3\nzcmZ" + token + b"\n\n"
        b"diff --git a/x.py b/x.py\n+key = '" + token + b"'\n"
    )
    kept = Redactor().source(patch)
    binary, text = kept.split(b"diff --git a/x.py")
    assert token in binary
    assert token not in text


def test_bytes_that_are_no_text_are_not_touched():
    """Latin-1 and NUL bytes come out as they went in."""
    for content in (b"caf\xe9 = 1\n", b"\x00password=hunter2"):
        assert Redactor().source(content) == content


def test_a_hidden_value_is_counted_once():
    """Redacting twice changes nothing and counts nothing."""
    redactor = Redactor()
    once = redactor.text("password=hunter2 https://u:p@h/ Authorization: Bearer abc")
    count = redactor.hidden
    assert redactor.text(once) == once
    assert redactor.hidden == count == 3


@given(st.text(alphabet=string.printable, max_size=300))
def test_any_text_comes_out(text):
    """No text makes it fail, and texts that hold none of the marks are equal."""
    redactor = Redactor()
    out = redactor.text(text)
    if not redactor.suspects(text):
        assert out == text
    assert isinstance(redactor.text(text, code=True), str)


def test_long_lines_take_no_longer_than_they_must():
    """A megabyte without blanks is searched in time that grows with its length alone."""
    for piece in ("password", "a-b.c_d", "x1Y/", "key=", "://", "eyJ"):
        Redactor().text(piece * (100_000 // len(piece)))


def test_randomness_is_seen_by_length_mixture_and_entropy():
    """Paths, words and repeated letters are not random; keys are."""
    assert looks_random("0f3a9c8b7d6e5f4a")
    assert not looks_random("short1")
    assert not looks_random("onlyletterswithoutdigits")
    assert not looks_random("aaaaaaaaaaaaaaa1")
    assert not looks_random("/data/sets/image/net/2012/train")
    assert not looks_random("two words of 16 letters")
