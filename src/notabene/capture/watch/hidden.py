"""Values that look like secrets do not leave the process. What records them looks closer."""

from __future__ import annotations

HIDDEN = "[hidden]"
_NAMES = (
    "key token secret passw passphrase passcode pwd credential auth cookie dsn bearer jwt webhook "
    "signature sig salt"
).split()
_SHAPES = (
    "-----BEGIN AKIA ASIA ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- hf_ sk-proj sk-ant xoxb- "
    "xoxp- AIza eyJ npm_ pypi- nbt_ wandb_v dapi r8_ gsk_ nvapi-"
).split()
_HARMLESS = frozenset(
    "tokenizer tokenizers num_tokens max_tokens max_new_tokens n_tokens sigma keys n_keys key_dim "
    "num_key_value_heads tokens author authors keyboard monkey tokenizers_parallelism "
    "max_token min_tokens token_count sigmoid".split()
)
_WORD = 20


def is_secret(name: str) -> bool:
    """Whether a name says that its value is one."""
    low = name.lower().strip("-").replace("-", "_")
    if low in _HARMLESS or "tokenizer" in low or "sigm" in low:
        return False
    for part in _NAMES:
        if part in low:
            return not (part in ("sig", "salt", "dsn", "pwd", "auth") and _inside(low, part))
    return False


def _inside(low: str, part: str) -> bool:
    """Whether the short word is only a piece of another: ``design``, ``author``."""
    if part == "auth":
        return "author" in low and "authori" not in low
    return part not in low.split("_") or low == "pwd"


def text(value: str) -> str:
    """A text without what looks like a credential in it."""
    if "://" in value and "@" in value:
        scheme, _, rest = value.partition("://")
        user, found, host = rest.partition("@")
        if found and "/" not in user:
            value = f"{scheme}://{HIDDEN}@{host}"
    for shape in _SHAPES:
        at = value.find(shape)
        if at >= 0 and len(value) - at >= _WORD and (at == 0 or not value[at - 1].isalnum()):
            return HIDDEN
    return value


def words(command: list[str]) -> list[str]:
    """A command line without the values of secret options."""
    if len(command) == 1 and " " in command[0]:  # for a shell
        return [" ".join(words(command[0].split(" ")))]
    found: list[str] = []
    hide = False
    for word in command:
        name, equals, _ = word.partition("=")
        if hide and not word.startswith("-"):
            found.append(HIDDEN)
            hide = False
            continue
        hide = False
        if equals and is_secret(name) and len(name) < 64 and " " not in name:
            found.append(f"{name}={HIDDEN}")
            continue
        hide = word.startswith("-") and not equals and is_secret(word)
        found.append(text(word))
    return found


def url(address: str) -> str:
    """An address without user, fragment, and the values of secret parameters."""
    address = text(address.partition("#")[0])
    path, mark, query = address.partition("?")
    if not mark:
        return path
    pairs = []
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        secret = equals and (
            is_secret(name) or name.lower() in ("code", "session", "x-amz-expires")
        )
        pairs.append(f"{name}={HIDDEN}" if secret else f"{name}{equals}{text(value)}")
    return f"{path}?{'&'.join(pairs)}"
