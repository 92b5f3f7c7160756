"""The shipped letters: readable, careful, private, original, and the same in any order."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from campaigns.series_folder import read_series_folder, write_series_folder

BUILTIN = Path(__file__).parents[2] / "templates" / "builtin"
SERIES = BUILTIN / "series" / "massage-benefits"
MAILS = BUILTIN / "mails"
SOURCE_SHINGLES = Path(__file__).parent / "source_shingles.txt"

LETTERS = sorted(path.name for path in SERIES.glob("*.md"))
DOCUMENTS = [SERIES / name for name in LETTERS] + sorted(MAILS.glob("*.md"))

# Anybody near the phone reads a subject, and anybody near the inbox a list's name.
HEALTH_WORDS = re.compile(
    r"\b(?:ache|aching|anxi|blood|bodies|body|bone|chronic|circulat|clinic|clot|depress|doctor|heal"
    r"|hurt|injur|joint|massag|medic|mood|muscle|neck|operation|pain|patient|relief|scar|shoulder"
    r"|sleep|sore|spine|stress|surg|symptom|tension|therap|tissue|treatment|wound)",
    re.IGNORECASE,
)
PROMISES = re.compile(
    r"\b(?:cure|cured|cures|heals? you|guarante\w*|miracle|detox\w*|toxins?|toxic|proven)\b",
    re.IGNORECASE,
)
# A clinic may reorder the steps and a reader may slow them down: no letter may lean on its place.
PLACE_IN_THE_SERIES = re.compile(
    r"\b(?:next (?:week|time|letter|email)|(?:last|previous) (?:week|time|email)|part \d|\d of \d"
    r"|yesterday|tomorrow you|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.IGNORECASE,
)
CAREFUL_WORDS = re.compile(r"\bcan\b|many people find|some studies suggest", re.IGNORECASE)

FULL_CLINIC = {
    "name": "Hillside Practice",
    "booking_url": "https://clinic.example/book",
    "learn_more_url": "https://clinic.example/more",
    "sign_off": "Your team at Hillside",
    "phone": "01 234 567",
}
BARE_CLINIC = dict.fromkeys(FULL_CLINIC, "") | {"name": "Hillside Practice"}
LINKS = {"confirm": "https://s.example/confirm/a", "preferences": "https://s.example/p/a"}


def read_document(path: Path) -> tuple[dict[str, str], str]:
    """Split a document into its front matter and its body."""
    _, front, body = path.read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def fill_in(body: str, *, clinic: dict[str, str], first_name: str = "Ada", part: int = 6) -> str:
    """Run only the Jinja of a body: what is left is the Markdown one reader gets."""
    environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True)
    series = {"title": "Your weekly series", "part": part, "parts": 6}
    return environment.from_string(body).render(
        subscriber={"first_name": first_name}, clinic=clinic, series=series, links=LINKS
    )


def letter(name: str, *, clinic: dict[str, str] = FULL_CLINIC, first_name: str = "Ada") -> str:
    return fill_in(read_document(SERIES / name)[1], clinic=clinic, first_name=first_name)


def plain_text(markdown: str) -> str:
    """Leave what a reader reads: no block marks, no addresses, no Markdown signs."""
    text = re.sub(r"^::: *(?:button .*|tip )?", "", markdown, flags=re.MULTILINE)
    text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text)
    return re.sub(r"^(?:#+|>|-|\d+\.) |[*_]", "", text, flags=re.MULTILINE)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", text.lower().replace("’", "'"))


def count_syllables(word: str) -> int:
    """Count vowel groups, less a silent ending."""
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = re.search(r"(?<![^aeiouy]l)e$|[^aeiouydt]ed$", word) is not None
    return max(1, groups - silent)


def reading_ease(markdown: str) -> float:
    """Measure Flesch reading ease: 100 is very easy, 65 plain English, 30 hard."""
    blocks = re.split(r"\n\s*\n|\n(?=(?:-|\d+\.) |:::)|(?<=\n)(?=:::)", markdown)
    sentences = [
        words(part)
        for block in blocks
        for part in re.split(r"(?<=[.?!])[”*]*\s", plain_text(block))
        if words(part)
    ]
    spoken = [word for sentence in sentences for word in sentence]
    per_sentence = len(spoken) / len(sentences)
    per_word = sum(map(count_syllables, spoken)) / len(spoken)
    return 206.835 - 1.015 * per_sentence - 84.6 * per_word


def shingles(text: str, *, size: int = 6) -> set[str]:
    """Fingerprint every run of `size` words, so that a text can be compared without being kept."""
    spoken = words(text)
    runs = (" ".join(spoken[at : at + size]) for at in range(len(spoken) - size + 1))
    return {hashlib.sha256(run.encode()).hexdigest()[:16] for run in runs}


def repeated_keys(node: yaml.Node | None) -> list[str]:
    """Find mapping keys written twice, which YAML itself lets pass."""
    if isinstance(node, yaml.SequenceNode):
        return [key for item in node.value for key in repeated_keys(item)]
    if not isinstance(node, yaml.MappingNode):
        return []
    counts = Counter(key.value for key, _ in node.value)
    inner = [key for _, value in node.value for key in repeated_keys(value)]
    return [key for key, count in counts.items() if count > 1] + inner


@pytest.fixture(scope="module")
def series() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((SERIES / "series.yaml").read_text("utf-8"))
    return parsed


def test_the_series_has_six_letters_a_week_apart_and_starts_at_once(series: dict[str, Any]) -> None:
    assert [step["wait_days"] for step in series["steps"]] == [0, 7, 7, 7, 7, 7]
    assert (series["send_hour"], series["first_step"]) == (9, "at once")
    assert "theme" not in series  # it follows the site's own choice


def test_every_step_has_its_document_and_every_document_its_step(series: dict[str, Any]) -> None:
    assert [step["file"] for step in series["steps"]] == LETTERS


def test_the_keys_of_the_series_are_unique(series: dict[str, Any]) -> None:
    keys = [step["key"] for step in series["steps"]]

    assert len(set(keys)) == 6
    assert repeated_keys(yaml.compose((SERIES / "series.yaml").read_text("utf-8"))) == []


def test_a_yaml_key_written_twice_would_be_noticed() -> None:
    assert repeated_keys(yaml.compose("a: 1\nb: [{c: 1, c: 2}]\na: 3")) == ["a", "c"]


def test_what_others_may_see_of_the_series_has_no_health_words(series: dict[str, Any]) -> None:
    seen = [series["title"], series["list"], *(step["key"] for step in series["steps"])]

    assert [text for text in seen if HEALTH_WORDS.search(text)] == []


def test_the_description_is_one_sentence_that_says_what_how_often_and_how_long(
    series: dict[str, Any],
) -> None:
    description = series["description"]

    assert description.count(".") == 1
    assert description.startswith("Six short emails, one a week, on what")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
class TestEveryDocument:
    def test_subject_and_preheader_fit_an_inbox_row(self, path: Path) -> None:
        front, _ = read_document(path)

        assert set(front) == {"subject", "preheader"}
        assert 25 <= len(front["subject"]) <= 55
        assert 40 <= len(front["preheader"]) <= 90

    def test_subject_and_preheader_tell_a_stranger_nothing(self, path: Path) -> None:
        front, _ = read_document(path)

        assert [line for line in front.values() if HEALTH_WORDS.search(line) or "{" in line] == []

    def test_there_is_one_heading_of_the_first_rank_and_it_comes_first(self, path: Path) -> None:
        _, body = read_document(path)

        assert len(re.findall(r"^# ", body, re.MULTILINE)) == 1
        assert body.lstrip().startswith("# ")

    def test_there_is_one_button(self, path: Path) -> None:
        _, body = read_document(path)

        assert fill_in(body, clinic=FULL_CLINIC).count("::: button https://") == 1

    def test_it_neither_shouts_nor_promises(self, path: Path) -> None:
        text = path.read_text("utf-8")

        assert "!" not in text
        assert "—" not in text
        assert PROMISES.findall(text) == []

    def test_nothing_in_it_is_copied_from_the_source(self, path: Path) -> None:
        of_source = set(SOURCE_SHINGLES.read_text("ascii").split())

        assert shingles(plain_text(path.read_text("utf-8"))) & of_source == set()


@pytest.mark.parametrize("name", LETTERS)
class TestEveryLetter:
    @pytest.mark.parametrize("clinic", [FULL_CLINIC, BARE_CLINIC], ids=["full", "bare"])
    def test_it_has_150_to_250_words(self, name: str, clinic: dict[str, str]) -> None:
        assert 150 <= len(words(plain_text(letter(name, clinic=clinic)))) <= 250

    def test_it_is_plain_english(self, name: str) -> None:
        assert reading_ease(letter(name)) >= 65

    def test_it_has_one_thing_to_try_tonight(self, name: str) -> None:
        assert re.findall(r"^::: tip (.*)$", letter(name), re.MULTILINE) == ["Try it tonight"]

    def test_it_leaves_out_what_the_clinic_has_not_set(self, name: str) -> None:
        text = letter(name, clinic=BARE_CLINIC)

        assert "::: button" not in text
        assert "](" not in text
        assert text.count(":::") == 2

    def test_it_closes_with_the_sign_off_of_the_clinic(self, name: str) -> None:
        last_lines = letter(name).rstrip().splitlines()[-3:]

        assert FULL_CLINIC["sign_off"] in last_lines

    def test_it_greets_by_name_and_as_naturally_without_one(self, name: str) -> None:
        assert "Hello Ada" in letter(name)
        assert re.search(r"Hello there[.,]", letter(name, first_name=""))

    def test_it_words_benefits_with_care_and_says_when_to_ask_a_doctor(self, name: str) -> None:
        assert CAREFUL_WORDS.search(letter(name))
        assert "doctor" in letter(name)

    def test_it_reads_the_same_wherever_the_clinic_puts_it(self, name: str) -> None:
        assert PLACE_IN_THE_SERIES.findall(letter(name)) == []


def test_no_two_letters_share_a_subject_a_button_or_an_opening() -> None:
    subjects = {read_document(SERIES / name)[0]["subject"] for name in LETTERS}
    labels = {re.findall(r"::: button .*\n(.*)", letter(name))[0] for name in LETTERS}
    openings = {letter(name).strip().splitlines()[0] for name in LETTERS}

    assert len(subjects) == len(labels) == len(openings) == len(LETTERS) == 6


def test_the_closing_letter_takes_its_leave_only_where_the_series_ends() -> None:
    _, body = read_document(SERIES / "06-whole-picture.md")

    assert "last of these letters" in fill_in(body, clinic=FULL_CLINIC, part=6)
    assert "last of these letters" not in fill_in(body, clinic=FULL_CLINIC, part=4)


def test_a_clinic_without_a_booking_page_is_called_instead() -> None:
    clinic = FULL_CLINIC | {"booking_url": ""}
    texts = [letter(name, clinic=clinic) for name in LETTERS]

    assert all("::: button" not in text for text in texts)
    assert all(text.count(FULL_CLINIC["phone"]) == 1 for text in texts)


def test_the_confirmation_says_how_long_its_link_works_and_advertises_nothing() -> None:
    _, body = read_document(MAILS / "confirmation.md")
    text = fill_in(body, clinic=FULL_CLINIC)

    assert f"::: button {LINKS['confirm']}\nYes, send me the series\n:::" in text
    assert "7 days" in text
    assert "do nothing" in text
    assert "clinic.example" not in text


def test_the_notice_to_an_existing_subscriber_offers_the_preferences_only() -> None:
    _, body = read_document(MAILS / "already-subscribed.md")
    text = fill_in(body, clinic=FULL_CLINIC)

    assert re.findall(r"https://\S+", text) == [LINKS["preferences"]]


def test_the_fingerprints_of_the_source_are_whole() -> None:
    lines = SOURCE_SHINGLES.read_text("ascii").split()

    assert len(lines) > 400
    assert all(re.fullmatch(r"[0-9a-f]{16}", line) for line in lines)


@pytest.mark.parametrize(
    ("word", "count"),
    [("pain", 1), ("whole", 1), ("muscle", 2), ("breathe", 1), ("massage", 2), ("rested", 2)],
)
def test_syllables_are_counted_as_spoken(word: str, count: int) -> None:
    assert count_syllables(word) == count


def test_reading_ease_falls_with_long_words_and_long_sentences() -> None:
    easy = "The hand is slow. The breath is long. You feel the warmth."
    hard = (
        "Therapeutic manipulation of musculature facilitates considerable amelioration of comfort"
    )

    assert reading_ease(easy) > 90 > 30 > reading_ease(hard)


def test_the_shipped_folder_is_byte_for_byte_what_an_export_of_it_writes(tmp_path: Path) -> None:
    write_series_folder(read_series_folder(SERIES), tmp_path / "exported")

    shipped = {path.name: path.read_bytes() for path in SERIES.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "exported").iterdir()} == shipped
