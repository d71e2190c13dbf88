"""Keeping secrets out of what is recorded: by name and by shape, with a count of what was hidden.

By name: ``--password hunter2``, ``HF_TOKEN=…``, ``{"api_key": …}``. Names are taken apart into
words, so that ``tokenizer``, ``max_tokens`` and ``monkey`` are what they are; words that are
only sometimes secret (``pad_token``, ``key``) hide a value that looks like a credential.
By shape: private keys, addresses with a password, and the tokens of well-known services.

What is hidden leaves ``[hidden]`` behind; nothing of it, nor a digest of it, is kept.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from notabene.capture.part import words

HIDDEN = "[hidden]"


_ALWAYS = words(
    "password passwd passphrase secret secrets apikey accesskey secretkey privatekey credential "
    "credentials authorization bearer authtoken accesstoken pwd passcode jwt"
)
_BEFORE_KEY = words(
    "api access secret private encryption signing ssh account storage license subscription auth "
    "service master admin deploy session hmac gpg aes rsa consumer client app shared"
)
_BEFORE_TOKEN = words(
    "api auth access refresh bearer hf huggingface hub hugging github gh gitlab wandb slack bot "
    "session csrf xsrf oauth oauth2 jwt personal deploy ci npm pypi aws openai notabene user read "
    "write login id security service admin app client private device neptune comet vault"
)
_SOMETIMES = words("token tokens key auth pass cookie signature sig dsn webhook salt")
_HARMLESS_AFTER = words(
    "file path dir folder env var variable name url uri dim size len length type count num prob "
    "rate field provider policy min max ids idx index hash"
)
_HARMLESS = words(
    "none null true false str int float bool bytes string optional any yes no unset default "
    "auto required empty xxx changeme bearer basic digest negotiate token"
)
_TRIGGERS = words(
    "pass secret token key credential authoriz bearer pwd cookie dsn webhook sig= signature auth "
    "salt :// akia asia abia acca agpa aroa ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- "
    "glrt- glptt- glft- glsoat- glcbt- hf_ api_org_ sk- xox xapp- aiza ya29. gocspx- 1//0 eyj nbt_ "
    "wandb_v npm_ pypi- k_live_ k_test_ sg. dapi _v1_ r8_ gsk_ xai- nvapi- pplx- ntn_ lin_api_ "
    "hvb. hvs. hvr. shp :aa"
)
"""Every name and shape below holds one of these, in lower case. Most lines hold none, and
asking for them costs a tenth of the expressions."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_SHAPES = r"""
      -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | (?<![A-Za-z0-9])(?:
        (?:AKIA|ASIA|ABIA|ACCA|AGPA|AROA)[0-9A-Z]{16}(?![0-9A-Za-z])    # AWS
      | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{22,}       # GitHub
      | gl(?:pat|dt|rt|ptt|ft|soat|cbt)-[A-Za-z0-9_-]{20,}              # GitLab
      | (?:hf|api_org)_[A-Za-z0-9]{30,}                                 # Hugging Face
      | sk-(?:proj|ant|svcacct|admin|or)-[A-Za-z0-9_-]{16,}             # OpenAI, Anthropic …
      | sk-(?=[A-Za-z]*[0-9])[A-Za-z0-9]{20,}
      | xox[abeoprs]-[A-Za-z0-9-]{10,} | xapp-[0-9]-[A-Za-z0-9-]{10,}   # Slack
      | AIza[0-9A-Za-z_-]{35} | ya29\.[0-9A-Za-z_.-]{20,}               # Google
      | GOCSPX-[0-9A-Za-z_-]{20,} | 1//0[0-9A-Za-z_-]{30,}
      | eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*      # JSON web token
      | eyJhcGlfYWRkcmVzcyI6[A-Za-z0-9+/=]{20,}                         # Neptune
      | nbt_[A-Za-z0-9_-]{20,} | wandb_v[0-9]_[A-Za-z0-9_]{20,}         # notabene, W&B
      | npm_[A-Za-z0-9]{36} | pypi-[A-Za-z0-9_-]{50,}
      | [rs]k_(?:live|test)_[0-9a-zA-Z]{20,}                            # Stripe
      | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}                      # SendGrid
      | dapi[0-9a-f]{32} | do[opr]_v1_[0-9a-f]{64}                      # Databricks, DigitalOcean
      | r8_[A-Za-z0-9]{37} | gsk_[A-Za-z0-9]{50,} | xai-[A-Za-z0-9]{40,} | nvapi-[\w-]{40,}
      | pplx-[A-Za-z0-9]{40,} | ntn_[A-Za-z0-9]{40,} | lin_api_[A-Za-z0-9]{30,}
      | hv[bsr]\.[A-Za-z0-9_-]{24,} | tskey-[a-z]+-[A-Za-z0-9-]{16,}    # Vault, Tailscale
      | shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32} | AGE-SECRET-KEY-1[0-9A-Z]{58}
      | [0-9]{8,10}:AA[A-Za-z0-9_-]{33}                                 # Telegram
      )
    | https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}
    | https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}
    """
_USERINFO = r"(?<=://)[^\s/@:'\"<>\\]*(?::[^\s/@'\"<>\\]*)?(?=@[\w\[])"
_QUERY = r"(?<=[?&])([\w.-]{2,40})=([^&\s'\"<>#]+)"
_HEADER = (
    r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)((?:bearer|basic|token|negotiate)\s+)?"
    r"([^\s'\",}]+)|\b(bearer\s+)(?=[\w.~+/=-]*\d)([\w.~+/=-]{16,})"
)
_ASSIGNED = (
    r"(?<!\w)(?P<name>[A-Za-z_][\w.-]{1,80})(?P<middle>['\"]?\s*(?:=>|:=|[:=])\s*)"
    r"(?:(?P<quote>['\"])(?P<quoted>(?:(?!(?P=quote))[^\n\\]|\\.)*)(?P=quote)"
    r"|(?P<bare>[^\s,;'\"(){}\[\]]+)(?P<call>[(\[]?))"
)
_FLAG = re.compile(r"--?(?P<name>[A-Za-z][\w.-]*)\Z")
_SETTING = re.compile(r"(?P<name>-{0,2}[A-Za-z][\w.-]*)=(?P<value>.*)\Z", re.DOTALL)
_SECTION = re.compile(r"(?m)^(?=diff --git )")


@cache
def _expressions() -> tuple[re.Pattern[str], ...]:
    # Compiled when the first suspect text comes along: 10 ms that most starts need not spend.
    shapes = re.compile(_SHAPES, re.VERBOSE | re.DOTALL)
    return (shapes, *(re.compile(e) for e in (_USERINFO, _QUERY, _HEADER, _ASSIGNED)))


class Redactor:
    """Hides secrets and counts them.

    Args:
        names: Further names whose values are secret, beside those known by themselves;
            upper and lower case, ``-`` and ``_`` are alike.

    Attributes:
        hidden: How many values were hidden so far.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.hidden = 0
        self._names = frozenset(_plain(name) for name in names)

    def is_secret(self, name: str, value: Any = "?", *, prose: bool = False) -> bool:
        """Whether a value of this name is not for others.

        Args:
            name: The name as written: ``hf_token``, ``--apiKey``, ``DB_PASSWORD``.
            value: The value; switches, None and empty texts are no secrets.
            prose: Found in running text, where "token: the" is no credential.
        """
        if value is None or isinstance(value, bool) or value in ("", HIDDEN):
            return False
        if _plain(name) in self._names:
            return True
        kind = _kind(name, prose)
        if kind == "always":
            return True
        return kind == "sometimes" and isinstance(value, str) and looks_random(value)

    def suspects(self, text: str) -> bool:
        """Whether a text may hold a secret; False is certain, and cheap for long texts."""
        lower = text.lower()
        return bool(self._names) or any(trigger in lower for trigger in _TRIGGERS)

    def text(self, text: str, *, code: bool = False) -> str:
        """A text without the secrets in it.

        Args:
            text: Any text: a console line, a command, a patch.
            code: The text is source code: then ``token = tokenizer.next()`` is an expression,
                and only literals are hidden, so that the code still says what it does.
        """
        if not self.suspects(text):
            return text
        shapes, userinfo, query, header, assigned = _expressions()
        text = shapes.sub(self._hide, text)
        if "://" in text:
            text = query.sub(self._query, userinfo.sub(self._userinfo, text))
        text = header.sub(lambda m: self._header(m, code), text)
        return assigned.sub(lambda m: self._assigned(m, code), text)

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value without secrets; ``name`` is the name it is found under."""
        if isinstance(value, Mapping):
            return {k: self.value(v, str(k)) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(v, name) for v in value]
        if name and self.is_secret(name, value):
            self.hidden += 1
            return HIDDEN
        return self.text(value) if isinstance(value, str) else value

    def argv(self, argv: Sequence[str]) -> list[str]:
        """A command line without secrets: ``--token x``, ``--token=x``, ``TOKEN=x``."""
        found: list[str] = []
        name = ""
        for word in argv:
            setting, flag = _SETTING.match(word), _FLAG.match(word)
            if name and not flag and self.is_secret(name, word):
                self.hidden += 1
                found.append(HIDDEN)
            elif setting and self.is_secret(setting["name"], setting["value"]):
                self.hidden += 1
                found.append(f"{setting['name']}={HIDDEN}")
            else:
                found.append(self.text(word))
            name = flag["name"] if flag else ""
        return found

    def source(self, content: bytes) -> bytes:
        """The bytes of a source file or patch without secrets; binary parts stay as they are."""
        if b"\0" in content:
            return content
        text = content.decode("utf-8", "surrogateescape")
        return "".join(
            part if "\nGIT binary patch\n" in part else self.text(part, code=True)
            for part in _SECTION.split(text)
        ).encode("utf-8", "surrogateescape")

    def _hide(self, _: re.Match[str]) -> str:
        self.hidden += 1
        return HIDDEN

    def _userinfo(self, match: re.Match[str]) -> str:
        user, colon, password = match[0].partition(":")
        scheme = match.string[max(0, match.start() - 9) : match.start()]
        if user == HIDDEN or password == HIDDEN or not match[0]:
            return match[0]
        if not colon and not scheme.endswith(("http://", "https://")):
            return user  # ssh://git@host: a name, not a secret
        self.hidden += 1
        return HIDDEN

    def _query(self, match: re.Match[str]) -> str:
        name, value = match[1], match[2]
        signed = name.lower().startswith(("x-amz-", "x-goog-", "x-ms-"))
        short = name.lower() in ("sig", "code", "key", "token", "auth", "pass")
        if value == HIDDEN or not (signed or short or self.is_secret(name, value)):
            return match[0]
        self.hidden += 1
        return f"{name}={HIDDEN}"

    def _header(self, match: re.Match[str], code: bool) -> str:
        value = match[3] or match[5]
        expression = code and (value[0] in "{$%<" or not (match[2] or match[4]))
        if expression or value.startswith(HIDDEN):
            return match[0]
        self.hidden += 1
        return f"{match[1] or match[4]}{match[2] or ''}{HIDDEN}"

    def _assigned(self, match: re.Match[str], code: bool) -> str:
        name, quoted = match["name"], match["quoted"]
        value = quoted if quoted is not None else match["bare"]
        if not value or HIDDEN in value or value.lower() in _HARMLESS:
            return match[0]
        if quoted is None and code and not _literal(value, bool(match["call"])):
            return match[0]
        if quoted is not None and code and value[:1] in "{%$<":
            return match[0]
        if not self.is_secret(name, value, prose=True):
            return match[0]
        self.hidden += 1
        quote = match["quote"] or ""
        return f"{name}{match['middle']}{quote}{HIDDEN}{quote}{match['call'] or ''}"


def looks_random(text: str) -> bool:
    """Whether a text looks like a credential: long, without blanks, letters and digits mixed,
    with at least 3 bits of Shannon entropy a character."""
    if len(text) < 16 or not re.fullmatch(r"[\w+/=.~:-]+", text) or text.count("/") > 3:
        return False
    if not (any(c.isdigit() for c in text) and any(c.isalpha() for c in text)):
        return False
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
    return entropy >= 3.0


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _kind(name: str, prose: bool) -> str:
    """``always`` or ``sometimes`` where a name may hold a secret, else nothing."""
    parts = [part.lower() for part in _WORD.findall(name)]
    # In prose "token: the" is a word of a text; as an option or a variable it is a credential.
    plain_token = not prose and (len(parts) == 1 or name.isupper())
    sometimes = bool(parts) and parts[-1] in _SOMETIMES
    for before, part in zip(["", *parts], parts, strict=False):
        sure = part in _ALWAYS
        sure |= part in ("key", "keys") and before in _BEFORE_KEY
        sure |= part == "token" and (before in _BEFORE_TOKEN or plain_token)
        if sure:
            return "sometimes" if parts[-1] in _HARMLESS_AFTER else "always"
    return "sometimes" if sometimes else ""


def _literal(value: str, called: bool) -> bool:
    """Whether an unquoted word in source code is a value rather than an expression."""
    if called or re.fullmatch(r"[A-Za-z_]\w*(?:\.\w+)+", value):
        return False
    return any(c.isdigit() for c in value) and len(value) >= 6
