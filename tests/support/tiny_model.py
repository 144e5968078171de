"""A small random checkpoint in the hub's layout, with a real tokenizer and chat template. It speaks garbage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: One sentence or two in each language: what the tokenizer learns its merges from.
SENTENCES = {
    "it": "Scrivi una poesia sul mare: «l'onda è già più alta di così», disse la città.",
    "es": "¿Cuántos años tiene el niño? Escribe una lista de tres ciudades españolas.",
    "fr": "Où est l'élève ? Écrivez « bonjour » à vos collègues, s'il vous plaît ; merci !",
    "de": "Nenne vier große Städte in Österreich, z. B. „Graz“, und erkläre kurz, weshalb.",
    "ru": "Назови три причины, почему вода — это жизнь; объясни каждую из них подробнее.",
    "ar": "اكتب قصيدة قصيرة عن البحر، ثم اشرح معناها في جملتين؟",
    "tr": "Aşağıdaki cümleyi düzelt: «İstanbul'da ağaçlar çok güzel görünüyor».",
    "ja": "次の文章を要約してください。「東京タワーは一九五八年に完成しました。」",
    "ko": "다음 문장을 읽고 요약해 주세요. 서울은 대한민국의 수도입니다.",
    "pt": "Não há nada à vista; você já viu a estação de São João? Explique em três frases.",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy. Vysvětli, proč je to věta.",
    "el": "Γράψε ένα ποίημα για τη θάλασσα· πόσα νησιά έχει η Ελλάδα;",
    "id": "Sebutkan tiga alasan mengapa air penting bagi kehidupan, lalu jelaskan.",
    "th": "เขียนบทกวีสั้น ๆ เกี่ยวกับทะเล แล้วอธิบายความหมายของมัน",
    "vi": "Hãy viết một bài thơ ngắn về biển, rồi giải thích ý nghĩa của nó bằng hai câu.",
    "ms": "Senaraikan tiga sebab mengapa air penting untuk kehidupan, kemudian terangkan.",
    "en": "Write a short poem about the sea, then explain what it means in two sentences.",
}

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_LETTERS = "abcdefghijklmnopqrstuvwxyz "


def make_checkpoint(
    folder: Path, *, merges: int = 400, letters_only: bool = False, seed: int = 1, chat_template: str = CHAT_TEMPLATE,
    **config: Any,
) -> Path:  # fmt: skip
    """Write a random Llama model of some hundred kilobytes, and return its folder.

    :param merges: of the byte-level BPE, at most.
    :param letters_only: it writes nothing but small letters and blanks, one token each if there are no merges: then
        tokenising its text again gives the same ids, which is not so of random tokens.
    :param config: fields of the model's configuration, in place of the small defaults.
    """
    import torch
    import transformers

    tokenizer = make_tokenizer(merges, chat_template)
    tokenizer.save_pretrained(folder)
    size = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 8192, "initializer_range": 0.2,
        "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": None,
        "tie_word_embeddings": False,
    }  # fmt: skip
    torch.manual_seed(seed)
    model: Any = transformers.LlamaForCausalLM(transformers.LlamaConfig(**(size | config)))
    model = model.eval().float()
    if letters_only:
        kept = [tokenizer.convert_tokens_to_ids("Ġ" if letter == " " else letter) for letter in _LETTERS]
        weight = model.lm_head.weight.data
        others = torch.ones(len(weight), dtype=torch.bool)
        others[[*kept, tokenizer.eos_token_id]] = False
        # The first direction has the same value in all hidden states. The head uses it to rule out all other tokens.
        model.model.embed_tokens.weight.data[:, 0] = 5.0
        weight[:, 0] = 0.0
        weight[others] = 0.0
        weight[others, 0] = -20.0
    model.save_pretrained(folder)
    return folder


def make_tokenizer(merges: int, chat_template: str = CHAT_TEMPLATE) -> Any:
    """Train a byte-level BPE on the sentences above: every text has ids, and they give exactly that text."""
    import tokenizers
    import transformers

    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=259 + merges,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator([*SENTENCES.values(), "system user assistant"] * 2, trainer)
    make_fast: Any = transformers.PreTrainedTokenizerFast  # transformers gives it no types
    made = make_fast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.chat_template = chat_template
    return made


def edit_json(path: Path, **changes: Any) -> None:
    """Change some keys of a JSON file; None takes one out."""
    value = json.loads(path.read_text(encoding="utf-8"))
    for key, change in changes.items():
        value.pop(key, None)
        if change is not None:
            value[key] = change
    path.write_text(json.dumps(value), encoding="utf-8")
