"""Telephone numbers, handles, wallets and accounts; and numbers that are nothing of the kind."""

from __future__ import annotations

import pytest

from midb.text.smuggling.contacts import KnownContacts, find_contacts

#: A text, and a key that is found in it. The numbers are those of textbooks.
CONTACTS = [
    ("0812 3456 7890", "081234567890"),
    ("+49 123 456 789", "49123456789"),
    ("+49 (0)30 123456", "49030123456"),
    ("0049 30 1234567", "49301234567"),
    ("06 12 34 56 78", "0612345678"),
    ("0171-2345678", "01712345678"),
    ("(030) 123 456 78", "03012345678"),
    ("123-456-7890", "1234567890"),
    ("(555) 123-4567", "5551234567"),
    ("555-1234", "5551234"),
    ("１２３－４５６－７８９０", "1234567890"),
    ("٠٥٠١٢٣٤٥٦٧", "0501234567"),
    ("०८१२ ३४५६ ७८९०", "081234567890"),
    ("0812\u200b3456\u200b7890", "081234567890"),
    ("Tel.: 612 345 678", "612345678"),
    ("電話 03-1234-5678", "0312345678"),
    ("전화번호는 010-1234-5678", "01012345678"),
    ("โทร 081-234-5678", "0812345678"),
    ("WhatsApp 11 91234-5678", "11912345678"),
    ("☎ 123456", "123456"),
    ("Bizi @bedava_bitki takip edin", "@bedava_bitki"),
    ("フォローは@abc_defへ", "@abc_def"),
    ("＠free_plants", "@free_plants"),
    ("name#1234", "name#1234"),
    ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1a1zp1ep5qgefi2dmptftl5slmv7divfna"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886e0f7030069857d2e4169ee7"),
    ("DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
    ("GB82WEST12345698765432", "gb82west12345698765432"),
    ("4111 1111 1111 1111", "4111111111111111"),
    ("4111111111111111", "4111111111111111"),
    ("Konto 1234567890", "1234567890"),
    ("口座番号 12345678", "12345678"),
]

ORDINARY = [
    "1914-1918, 2020, 2021 und 2022; 05.12.2023, 2023-10-05 12:30, 31/12/1999",
    "10 000 000 Menschen, 1.234.567,89 Euro, 1 000 000 000 km, +10 000 000, 2 000-3 000",
    "3,14159265358979 und 0.123456789",
    "ISBN 978-3-16-148410-0",
    "0 1 1 2 3 5 8 13 21 34 55 89",
    "01001000 01100101 01101100",
    "1234567890",
    "x = 12345678901234567890",
    "100-200-3000, 90-60-90, 1000-1500-2000",
    "Das Telefon kostet 1.200.000 Euro. Der Anruf war 2023. Konto 10 000 000",
    "@property\n@Override\n@media print",
    "`@app.route`, 3 @ 4, a@b.example",
    "getElementByIdAndClassName2And3",
    "12:34:56, 1/2, C#, #1234",
    "",
]


@pytest.mark.parametrize(("text", "key"), CONTACTS)
def test_a_contact_is_found(text: str, key: str) -> None:
    assert key in find_contacts(text)


@pytest.mark.parametrize("text", ORDINARY)
def test_other_numbers_and_signs_are_none(text: str) -> None:
    assert find_contacts(text) == []


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ("0812-3456-7890", "+0812 3456 7890"),
        ("+49 123 456 789", "0049 123456789"),
        ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
        ("write to @Free_Plants", "@free_plants"),
        ("٠٥٠١٢٣٤٥٦٧", "050 123 45 67"),
    ],
)
def test_a_contact_is_known_however_it_is_set_apart(known: str, text: str) -> None:
    found = find_contacts(text)
    assert found
    assert all(key in KnownContacts(known) for key in found)
    assert not any(key in KnownContacts("nothing") for key in found)


@pytest.mark.parametrize("piece", ["1 ", "+1", "0 ", "(0", "@a", "a#1234", "tel ", "☎ 1", "1-", "aB3"])
def test_the_time_grows_with_the_text(piece: str) -> None:
    """A pattern that backtracks would not come to an end here."""
    assert len(find_contacts(piece * 20_000)) <= 20_000
