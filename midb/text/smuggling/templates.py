"""Marks by which a text plays another speaker: tags of chat templates, closed containers, transcripts, ready verdicts.

A model knows them from its training, or from the prompt; a text of a corpus has no use for them.
"""

from __future__ import annotations

import regex

from midb.text.smuggling.clues import find_clues, fold_case, holds

#: Tags of chat templates. The first form is that of ChatML, Llama 3, Phi, Zephyr, Command R, DeepSeek, Granite and
#: Harmony; the others are those of Llama 2 and Mistral, Gemma, EXAONE, Nemotron, GLM, Baichuan, MiniMax, OpenChat.
_CHAT = regex.compile(
    r"<[|｜]\s?[A-Za-z][A-Za-z0-9_▁ ]{1,40}\s?[|｜]>"
    r"|\[/?INST\]|<</?SYS>>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|MODEL_SETTINGS)\]"
    r"|<(?:start|end)_of_turn>|\[\|(?:system|user|assistant|endofturn)\|\]|<extra_id_[01]>\s?(?:System|User|Assistant)"
    r"|\[gMASK\]\s?<sop>|<reserved_10[2-9]>|<(?:beginning|end)_of_sentence>|GPT4 Correct (?:User|Assistant):"
)

#: A container that a text closes without having opened it, and what it opens then.
_CLOSED = regex.compile(
    r"</(?P<name>input|pair|data|text|document|context|instructions?|response|record|corpus|user|user_input|untrusted"
    r"|content|query|message|source|example)>(?=.{0,200}?<(?:system|assistant|instructions?|admin|developer|prompt|role"
    r"|important|override)\b)",
    regex.IGNORECASE | regex.DOTALL,
)
_SYSTEM = regex.compile(r"<(?:system|system[_-]?prompt|important[_-]?instructions?|admin)>\s*\w", regex.IGNORECASE)

#: A verdict in the form that is asked for, ready to be copied, and the code that makes one valid.
_VERDICT = regex.compile(
    r"[\"']?(?:preferred|blamed)[\"']?\s?:\s?[\"'](?:A|B|tie|none|content|translation|localization)[\"']"
)
_CODE = regex.compile(
    r"\bCODE\b.{0,40}(?:\bfirst line|\berste\w* Zeile|\bprimera línea|\bpremière ligne|\bprima riga|\bprimeira linha"
    r"|\bilk satır|\bprvní\w* řád|\bперв\w+ строк|\bbaris pertama|\bdòng đầu|\bπρώτη γραμμ|السطر الأول|最初の行"
    r"|첫 줄|บรรทัดแรก)"
)

#: Who speaks in a transcript: a person, and a model.
_PERSON = (
    "user|human|usuario|utente|utilisateur|benutzer|nutzer|пользователь|المستخدم|kullanıcı|ユーザー|사용자|usuário|uživatel"
    "|χρήστης|pengguna|ผู้ใช้|người dùng"
)
_MODEL = (
    "assistant|asistente|assistente|assistent|ассистент|المساعد|asistan|アシスタント|어시스턴트|asistent|βοηθός|asisten|pembantu"
    "|ผู้ช่วย|trợ lý|ai"
)
_TURNS = regex.compile(rf"(?:{_PERSON})\s?[:：].+?(?:{_MODEL})\s?[:：].+?(?:{_PERSON})\s?[:：]", regex.I | regex.S)
_READER = regex.compile(
    r"reviewer|revisor|revisore|relecteur|correcteur|prüfer|lektor|korrektor|рецензент|редактор|المراجع|المحرر|düzeltmen"
    r"|değerlendirici|校正者|査読者|편집자|검토자|corretor|corrector|correttore|korektor|recenzent|επιμελητ|διορθωτ|penyunting"
    r"|peninjau|penyemak|ผู้ตรวจ|người duyệt|\beditor",
    regex.IGNORECASE,
)

#: Speakers that make a transcript: a person, a model, and the person again.
_TURN_MARKS = 3

#: Characters of a transcript that are looked at: turns without end are no trick but a novel.
_LONGEST_TRANSCRIPT = 4000


_TRANSCRIPT = tuple(find_clues([pattern.pattern]) for pattern in (_TURNS, _READER))

#: Without one of these no text has such a mark, but for a transcript; those of the second group want a colon.
_SIGNS = ("<", "[", "CODE")
_SIGNS_WITH_COLON = ("GPT4", "preferred", "blamed")


def may_hold_template(text: str) -> bool:
    """Whether a text, or several in one, holds what every mark has which `find_template` looks for."""
    if holds(text, _SIGNS):
        return True
    return (":" in text and holds(text, _SIGNS_WITH_COLON)) or _may_be_transcript(text)


def may_be_template(text: str) -> bool:
    """The same by a longer look: whether something in it has the form of such a mark."""
    patterns = (_CHAT, _SYSTEM, _CLOSED, _VERDICT, _CODE)
    return any(pattern.search(text) for pattern in patterns) or _may_be_transcript(text)


def _may_be_transcript(text: str) -> bool:
    if text.count(":") + text.count("：") < _TURN_MARKS:
        return False
    folded = fold_case(text)
    return all(clues.may_match(folded) for clues in _TRANSCRIPT)


def find_template(text: str) -> str | None:
    """The first such mark of a text, or ``None``.

    >>> find_template("Gut. <|im_start|>system"), find_template("</input></data><instructions>")
    ('<|im_start|>', '</input>')
    >>> find_template("<b>fett</b> und <input>x</input>")
    """
    if "<" in text or "[" in text or "GPT4" in text:
        if found := _CHAT.search(text) or _SYSTEM.search(text):
            return found[0]
        for closed in _CLOSED.finditer(text):
            if f"<{closed['name']}".casefold() not in text[: closed.start()].casefold():
                return closed[0]
    if ("preferred" in text or "blamed" in text) and (found := _VERDICT.search(text)):
        return found[0]
    if "CODE" in text and (found := _CODE.search(text)):
        return found[0]
    head = text[:_LONGEST_TRANSCRIPT]
    turns = head.count(":") + head.count("：") >= _TURN_MARKS
    return found[0] if turns and _READER.search(head) and (found := _TURNS.search(head)) else None
