"""A tokenizer out of a GGUF file's metadata: byte-level BPE, cut into words as the file's ``tokenizer.ggml.pre`` says.

transformers reads GGUF vocabularies too, but does not look at ``pre``: of 780 real answers in 13 languages it cut 23 in
another way than llama.cpp does with SmolLM2's, and this none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from midb.domain.errors import UsageError

#: Types of tokens (llama.h): those that structure a chat, and those that somebody added.
_CONTROL, _USER_DEFINED = 3, 4

#: Words of the tokenizers of Llama 3 and Qwen 2, which differ in how many digits stand together. Published in the
#: tokenizer.json of these models.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class _Cut:
    """How a text is cut into words.

    :param words: a pattern of words; empty for that of GPT-2.
    :param single_digits: each digit is a word.
    :param composed: the text is put into composed form (NFC) first.
    :param whole_first: a word that is a token is not cut, whatever the merges say.
    """

    words: str = ""
    single_digits: bool = False
    composed: bool = False
    whole_first: bool = False


#: By ``tokenizer.ggml.pre``.
_CUTS = {
    "gpt-2": _Cut(),
    "smollm": _Cut(single_digits=True),
    "llama-bpe": _Cut(words=_WORDS.replace("DIGITS", "{1,3}"), whole_first=True),
    "llama3": _Cut(words=_WORDS.replace("DIGITS", "{1,3}"), whole_first=True),
    "qwen2": _Cut(words=_WORDS.replace("DIGITS", ""), composed=True),
}

_HINT = "Put tokenizer.json and tokenizer_config.json of the model it was made from beside the file."


def make_tokenizer(metadata: Mapping[str, Any], name: str) -> Any:
    """Make transformers' fast tokenizer; raises UsageError with one sentence."""
    import transformers
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

    kind, pre = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre")
    if kind != "gpt2" or pre not in _CUTS:
        described = f"{str(kind)[:40]}, {str(pre)[:40]}"
        raise UsageError(f"the tokenizer of {name} ({described}) is not read from GGUF files.", hint=_HINT)
    cut = _CUTS[pre]
    tokens = _read_texts(metadata, "tokens", name)
    merges: Any = [tuple(merge.split(" ")) for merge in _read_texts(metadata, "merges", name)]
    types = metadata.get("tokenizer.ggml.token_type", [])
    try:
        made = Tokenizer(
            models.BPE({token: number for number, token in enumerate(tokens)}, merges, ignore_merges=cut.whole_first)
        )
    except Exception as error:  # the library raises plain Exceptions
        raise UsageError(f"the tokenizer of {name} cannot be made: {error}.", hint=_HINT) from error
    if cut.composed:
        made.normalizer = normalizers.NFC()
    if cut.words:
        from tokenizers import Regex

        split = pre_tokenizers.Split(Regex(cut.words), behavior="isolated")
        bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        made.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_])
    else:
        bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        digits = [pre_tokenizers.Digits(individual_digits=True)] if cut.single_digits else []
        made.pre_tokenizer = pre_tokenizers.Sequence([*digits, bytes_])
    made.decoder = decoders.ByteLevel()
    for number, token in enumerate(tokens):
        if number < len(types) and types[number] in (_CONTROL, _USER_DEFINED):
            special = types[number] == _CONTROL
            made.add_tokens([AddedToken(token, special=special, normalized=False)])
    end = metadata.get("tokenizer.ggml.eos_token_id")
    beginning = metadata.get("tokenizer.ggml.bos_token_id")
    fast: Any = transformers.PreTrainedTokenizerFast
    return fast(
        tokenizer_object=made,
        eos_token=_pick(tokens, end),
        bos_token=_pick(tokens, beginning),
        chat_template=metadata.get("tokenizer.chat_template"),
        clean_up_tokenization_spaces=False,
    )


def _read_texts(metadata: Mapping[str, Any], what: str, name: str) -> list[str]:
    found = metadata.get(f"tokenizer.ggml.{what}")
    if not isinstance(found, list) or not found or not all(isinstance(text, str) for text in found):
        raise UsageError(f"{name} holds no {what} of a tokenizer.", hint=_HINT)
    return found


def _pick(tokens: Sequence[str], number: Any) -> str | None:
    return tokens[number] if isinstance(number, int) and 0 <= number < len(tokens) else None
