"""Turkish and Vietnamese letters that were read in the encoding of Western Europe."""

from __future__ import annotations

import pytest

from midb.detectors.translation.orthography.misread import find_in_turkish, find_in_vietnamese


def misread(text: str) -> str:
    """What was made of a Turkish text; what Latin-1 has as well stays."""
    return text.encode("cp1254").decode("latin-1")


@pytest.mark.parametrize(
    "text",
    [
        "Çocuklar dışarıda şarkı söylüyor.",
        "İstanbul büyük bir şehir, dağları yok.",
        "Kapıyı açtım, kızın elbisesi kırmızı.",
        "Hızlı bir kısa yazı öner.",
        "Bu program büyük bir okul için yapan ilk insan olarak onu anlatan bir metin, yol ve tarih ile dolu, ama bir "
        "konu daha var ki o da en az onun kadar ilgi görür; bu nedenle her gün kitabı okur.",
        "ÖĞRETMEN İŞİNİ yaptı, ağır bir yük taşıdı.",
    ],
)
def test_turkish_read_as_latin(text: str) -> None:
    damaged = misread(text)
    for place in reversed(list(find_in_turkish(damaged))):
        assert place.after is not None
        damaged = damaged[: place.start] + place.after + damaged[place.end :]
    assert damaged == text


@pytest.mark.parametrize(
    "text",
    [
        "Guðmundur ve Þórður geldi.",  # names of people
        "Bugün þarký dışarıda dýþarýda.",  # one letter was read rightly, so that others were not misread
        'Sözcükler "þú" ve "það" olur.',
        "nový ve starý olur",
        "bir þey",
        "Nový ve starý",
        "Sigurðsson, Þorgerður ile geldi",
        "güzel",
    ],
)
def test_turkish_that_may_be_something_else(text: str) -> None:
    assert list(find_in_turkish(text)) == []


def test_vietnamese() -> None:
    text = "Ðà Nẵng, ðường ÐƯỢC Ɖại"
    assert [place.after for place in find_in_vietnamese(text)] == ["Đ", "đ", "Đ", "Đ"]


@pytest.mark.parametrize("text", ["Guðmundsdóttir", "/ðə/", "[ði]", "ðæt", "að", "Ðorðe", "ð"])
def test_vietnamese_that_is_something_else(text: str) -> None:
    assert list(find_in_vietnamese(text)) == []
