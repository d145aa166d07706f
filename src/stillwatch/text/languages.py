"""The language of a prompt: by script where that settles it, else by its most common words."""

from __future__ import annotations

import re

_MAX_WORDS = 60
_MIN_HITS = 2

_SCRIPTS = (
    ("ja", re.compile("[぀-ヿ]")),
    ("ko", re.compile("[가-힯ᄀ-ᇿ]")),
    ("zh", re.compile("[㐀-䶿一-鿿]")),
    ("ar", re.compile("[؀-ۿ]")),
    ("he", re.compile("[֐-׿]")),
    ("hi", re.compile("[ऀ-ॿ]")),
    ("th", re.compile("[฀-๿]")),
    ("el", re.compile("[Ͱ-Ͽ]")),
)
_CYRILLIC = re.compile("[Ѐ-ӿ]")
_UKRAINIAN = re.compile("[іїєґІЇЄҐ]")
_PERSIAN = re.compile("[پچژگ]")
_VIETNAMESE = re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữự]")
_SCRIPT_SHARE = 0.15  # of the letters: a single foreign name does not change the language

_STOP_WORDS = {
    "en": "the of and to in is that for it with as on are this be you your was what how from or an "
    "by not which have my each at if write please explain answer give can",
    "es": "el la los las de y que en un una es por con para del se su como más qué cómo al lo "
    "este esta escribe explica",
    "de": "der die das und ist nicht ein eine zu den mit von für auf dem des im wie was sich auch "
    "als bitte schreibe erkläre oder einen einer",
    "fr": "le la les des et est un une que qui dans pour sur avec du au ce cette il pas plus par "
    "vous comment quel écris explique ou en",
    "pt": "o os as do da dos das e que em um uma para com não por se no na é como mais ao você "
    "escreva explique qual seu sua",
    "it": "il lo gli di che e è un una per con non del della sono come più nel alla questo scrivi "
    "spiega i",
    "nl": "de het een en van is dat niet op te voor met zijn aan als hoe wat je schrijf deze naar",
    "pl": "i w nie na jest się że do to z jak co dla o napisz oraz czy przez po są",
    "tr": "ve bir bu için ile da de ne nasıl olarak olan gibi daha çok bana mi",
    "id": "yang dan di untuk dengan ini itu dari pada adalah tidak dalam ke bagaimana apa",
    "sv": "och att det som en på är av för med den till inte hur vad ett om jag",
}  # fmt: skip
_LANGUAGES_OF_WORD: dict[str, list[str]] = {}
for _language, _words in _STOP_WORDS.items():
    for _word in _words.split():
        _LANGUAGES_OF_WORD.setdefault(_word, []).append(_language)


def detect_language(text: str, words: list[str]) -> str | None:
    """Return the ISO 639-1 code of the language, or None where there is too little to tell.

    `words` are the text's words in lower case; only the first sixty are looked at.
    """
    if not text.isascii():
        by_script = _detect_script(text[:2000])
        if by_script is not None:
            return by_script
    hits: dict[str, int] = {}
    for word in _LANGUAGES_OF_WORD.keys() & set(words[:_MAX_WORDS]):
        for language in _LANGUAGES_OF_WORD[word]:
            hits[language] = hits.get(language, 0) + 1
    if not hits:
        return None
    best = max(hits, key=lambda language: (hits[language], language == "en", language))
    return best if hits[best] >= _MIN_HITS else None


def _detect_script(text: str) -> str | None:
    letters = sum(map(str.isalpha, text)) or 1
    for language, pattern in _SCRIPTS:
        found = len(pattern.findall(text))
        if found >= _SCRIPT_SHARE * letters or (language == "ja" and found >= 0.05 * letters > 0):
            if language == "ar" and _PERSIAN.search(text):
                return "fa"
            return language
    if len(_CYRILLIC.findall(text)) >= _SCRIPT_SHARE * letters:
        return "uk" if _UKRAINIAN.search(text) else "ru"
    if len(_VIETNAMESE.findall(text.lower())) >= 0.05 * letters:
        return "vi"
    return None
