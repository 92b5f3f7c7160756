"""Words that tell something about a person's health: on a lock screen, in a log, on an envelope."""

from __future__ import annotations

import re
from typing import Final

# Beginnings of words, in the languages clinics have written to us in so far; whole words end in $.
_ENGLISH: Final = (
    *("abortion", "addict", "aids$", "alcohol", "allerg", "anorexi", "anxiety", "arthritis"),
    *("asthma", "autis", "blood test", "bulimi", "cancer", "chemo", "cholesterol", "chlamydia"),
    *("clinical", "contracepti", "dementia", "depress", "diabet", "diagnos", "disease"),
    *("disorder", "dialysis", "epilep", "erectile", "fertility", "fibromyalgi", "fracture"),
    *("gonorrh", "herpes", "hiv$", "hormone", "illness", "incontinen", "infection", "infertil"),
    *("insomnia", "ivf$", "medication", "menopaus", "migraine", "miscarriage", "obes", "oncolog"),
    *("osteopor", "overweight", "pain$", "pains$", "painful", "patient", "physiotherap"),
    *("pregnan", "prescription", "psychiatr", "psychotherap", "rehab", "rheumat", "schizophren"),
    *("sciatica", "std$", "stroke$", "suicid", "surgery", "symptom", "syndrome", "test result"),
    *("therapy", "therapist", "thyroid", "treatment", "tumo", "urolog", "vaccin", "weight loss"),
)
_GERMAN: Final = (
    *("abhängigkeit", "abtreibung", "allergi", "angststör", "arthrose", "befund", "behandlung"),
    *("blutdruck", "blutwert", "burnout", "chronisch", "demenz", "depressi", "diagnose"),
    *("entzündung", "erkrankung", "fehlgeburt", "hormon", "impfung", "inkontinen", "krank"),
    *("krebs$", "medikament", "migräne", "patient", "psychotherap", "rezept$", "rheuma"),
    *("schilddrüse", "schmerz", "schwanger", "sucht$", "symptom", "therapie", "unfruchtbar"),
    *("wechseljahre",),
)


def _pattern(beginnings: tuple[str, ...]) -> str:
    return "|".join(
        re.escape(word.removesuffix("$")) + (r"\b" if word.endswith("$") else r"\w*")
        for word in beginnings
    )


_WORDS: Final = re.compile(rf"(?<![^\W_])(?:{_pattern(_ENGLISH + _GERMAN)})", re.IGNORECASE)


def health_word_in(text: str) -> str:
    """Find the first word about health; '' if there is none. Hyphens and underscores are spaces."""
    found = _WORDS.search(re.sub(r"[-_/+.=&?]+", " ", text))
    return found[0] if found else ""
