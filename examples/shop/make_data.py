"""Writes data/orders.csv and data/lines.csv: the same ones every time, with everything that real data is awkward by.

python examples/shop/make_data.py
"""

# ruff: noqa: RUF001, PLR2004 - letters that look like others, and odds, are what this file consists of

import csv
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, it does not belong to a package yet

from shop.order_files import LINES_HEADER, ORDERS_HEADER
from shop.orders import minor_digits

ORDERS = 1264
SEED = 20250330
DATA = Path(__file__).resolve().parent / "data"


class Market(NamedTuple):
    """A country, where its customers' clocks are, what they pay with, and who they are."""

    country: str
    zone: str
    currency: str
    level: int
    """What something for 1 euro costs there, about."""
    customers: Sequence[str]


MARKETS = (
    Market(
        "DE",
        "Europe/Berlin",
        "EUR",
        1,
        ["Jürgen Groß", "Änne Öztürk-Weiß", "Bäckerei Müller & Söhne OHG", "ẞtraßenbau GmbH"],
    ),
    Market(
        "FR",
        "Europe/Paris",
        "EUR",
        1,
        ["Zoé L’Hôpital", "Anaïs D'Aubigné", "Garçon, Cœur & Fils", "Noe\u0308l Me\u0301rime\u0301e"],
    ),
    Market("IE", "Europe/Dublin", "EUR", 1, ["Siobhán O'Brien", "Pádraig Ó Súilleabháin", "O'Reilly, O'Hara & Co."]),
    Market("GR", "Europe/Athens", "EUR", 1, ["Ελένη Παπαδοπούλου", "Γιώργος Νικολαΐδης", "ΑΦΟΙ ΚΑΡΑΓΙΑΝΝΗ Α.Ε."]),
    Market(
        "GB",
        "Europe/London",
        "GBP",
        1,
        ["Nigel Featherstonehaugh-Cholmondeley", 'The "Olde" Shoppe Ltd', "Seán, Smith, and Sons"],
    ),
    Market("CH", "Europe/Zurich", "CHF", 1, ["Hansjörg Zürcher", "Crêperie du Léman Sàrl"]),
    Market("PL", "Europe/Warsaw", "PLN", 4, ["Łukasz Żółć", "Grażyna Brzęczyszczykiewicz"]),
    Market("TR", "Europe/Istanbul", "TRY", 35, ["İrem Işık", "Çağrı Güneş", "ılık & ILIK Ticaret"]),
    Market("IS", "Atlantic/Reykjavik", "ISK", 150, ["Þórdís Ægisdóttir", "Guðmundur Öðruvísi"]),
    Market(
        "US",
        "America/New_York",
        "USD",
        1,
        ["John Q. Public, Jr.", 'Bob "Bobby" Tables', "Renée O’Connor", 'ACME, Inc. ("the Buyer")'],
    ),
    Market("US", "America/Los_Angeles", "USD", 1, ["Null", "O'Neil; DROP TABLE orders;--", "=1+1", "Zoë 🦄 Rainbow"]),
    Market("CA", "America/St_Johns", "CAD", 1, ["Marie-Ève Bélanger", "Tim & Pat's Maple 🍁"]),
    Market("CL", "America/Santiago", "CLP", 950, ["Ñandú Muñoz", "José Ibáñez y Cía."]),
    Market("BR", "America/Sao_Paulo", "BRL", 6, ["João Gonçalves", "Conceição & Irmãos Ltda."]),
    Market("KW", "Asia/Kuwait", "KWD", 1, ["عبد الرحمن الصباح", "مؤسسة النور للتجارة، ذ.م.م", "نُورَة العَلِي"]),
    Market("BH", "Asia/Bahrain", "BHD", 1, ["فاطمة الزهراء", "\u200fمتجر البحرين (B-2)\u200f"]),
    Market("TN", "Africa/Tunis", "TND", 3, ["محمّد بن علي", "Société Générale d'Épices"]),
    Market("IL", "Asia/Jerusalem", "ILS", 4, ["שרה כהן", 'צ׳רלי ומעלה בע"מ']),
    Market("IN", "Asia/Kolkata", "INR", 90, ["प्रिया शर्मा", "தமிழ்ச்செல்வி", "Ravi & Sons, Pvt. Ltd."]),
    Market("NP", "Asia/Kathmandu", "NPR", 145, ["कृष्ण बहादुर", "हिमालय पसल"]),
    Market("TH", "Asia/Bangkok", "THB", 37, ["สมชาย ใจดี", "น้ำผึ้ง"]),
    Market("VN", "Asia/Ho_Chi_Minh", "VND", 27_000, ["Nguyễn Thị Ngọc Ánh", "Tra\u0302\u0300n Đu\u031b\u0301c"]),
    Market("CN", "Asia/Shanghai", "CNY", 8, ["李小龙", "王秀英", "北京“老字号”茶庄", "𠮷野家有限公司"]),
    Market("JP", "Asia/Tokyo", "JPY", 160, ["髙橋 さくら", "株式会社 鈴木商店", "ﾊﾝｶｸ ｶﾅ", "山田、太郎"]),
    Market("KR", "Asia/Seoul", "KRW", 1_500, ["김민준", "\u1112\u1161\u11ab\u1100\u1173\u11af 상점"]),
    Market("AU", "Australia/Lord_Howe", "AUD", 2, ["Bruce O'Dowd", "Sheila 🐨🪃"]),
    Market("NZ", "Pacific/Chatham", "NZD", 2, ["Māia Tāwhiri", "Kōwhai & Co"]),
)

EXCEPTIONAL_CUSTOMERS = (
    "👩‍👩‍👧‍👦 Family Store",
    "Z̸̧a̷̛l̵̨g̶̡o̸ Ltd",
    "e\u0301\u0323\u0308\u0304",
    "\u202eright to left\u202c",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Highland Goods",
    "A\u00a0B\u2009C\u3000D",
    "zero\u200bwidth\u200djoiner",
    "ﷺ ﷽",
    "%s %(name)s {0} ${HOME} \\n \\' \\\"",
    "null",
    "NaN",
    "''",
    '"',
    ",",
    "Line one\nLine two, still the same customer",
    "X Æ A-12 " + "é" * 240,
)

PRODUCTS = (
    ("Espresso beans, 1 kg", "18.90"),
    ("Tea “Darjeeling” 2½ oz", "7.45"),
    ("Brötchen", "0.35"),
    ("Jamón ibérico", "89.5"),
    ("寿司セット 🍣", "24"),
    ("茶叶 (龍井)", "31.2"),
    ("قهوة عربية بالهيل", "4.125"),
    ("חומוס ביתי", "3.9"),
    ("मसाला चाय", "2.75"),
    ('19" rack screw, M6', "0.0425"),
    ("O'ring 12 × 1,5", "0.085"),
    ('Cable, 3 m, "shielded"', "12.999"),
    ("Gift card", "50"),
    ("Free sample 🎁", "0"),
    ("Café crème brûlée torch", "39.95"),
    ("Smørrebrød", "6.5"),
    ("Naïve art print — 50 × 70 cm", "120.00"),
    ("Ω resistor, 4.7 kΩ ±1 %", "0.00375"),
    ("Crème fraîche 30 %", "1.19"),
    ("SSD 2 TB", "149.9"),
    ("Grand piano", "98500"),
    ("Deposit bottle", "0.08"),
    ("Pho\u031b\u0309 bo\u0300", "9.2"),
    ("Sticker\twith a tab", "1"),
    ("Two\nlines", "2.5"),
    ("<b>bold</b> & <script>alert(1)</script>", "5.55"),
    ("Surcharge", "-1.5"),
    ("🧵" * 40, "3.33"),
    ("Very long: " + "ultra-" * 60 + "product", "10.01"),
    ("Sehr langer Name: Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen", "17.3"),
)

CLOCK_CHANGES = (
    datetime(2025, 3, 30, 1, 0, tzinfo=UTC),
    datetime(2025, 10, 26, 1, 0, tzinfo=UTC),
    datetime(2025, 3, 9, 7, 0, tzinfo=UTC),
    datetime(2025, 11, 2, 6, 0, tzinfo=UTC),
    datetime(2025, 4, 5, 15, 0, tzinfo=UTC),
    datetime(2025, 10, 4, 15, 30, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2024, 12, 31, 23, 59, 59, tzinfo=UTC),
)
"""Moments at which clocks were changed somewhere, a leap day, and the last second of a year."""


def write_files(folder: Path) -> None:
    """Write both files into a folder."""
    chance = random.Random(SEED)  # noqa: S311 - sample data, the same every time
    lines: list[Sequence[str]] = []
    orders: list[Sequence[str]] = []
    for number in range(ORDERS):
        market = chance.choice(MARKETS)
        order_id = _order_id(number, market)
        orders.append(
            (order_id, _customer(chance, number, market), market.country, _moment(chance, market), market.currency)
        )
        lines += [(order_id, *line) for line in _lines(chance, market)]
    lines = _mixed(chance, lines)
    _write(folder / "orders.csv", ORDERS_HEADER, orders)
    _write(folder / "lines.csv", LINES_HEADER, lines)


def _order_id(number: int, market: Market) -> str:
    """Mostly plain; now and then what an older system left behind."""
    odd = {17: "№ 17/ä", 404: "注文-404", 640: "0640", 777: "طلب-777", 999: 'O\'999 "b"'}
    return odd.get(number, f"{market.country}-{10_000 + number}")


def _customer(chance: random.Random, number: int, market: Market) -> str:
    if number % 40 == 7:
        return EXCEPTIONAL_CUSTOMERS[number // 40 % len(EXCEPTIONAL_CUSTOMERS)]
    return chance.choice(market.customers)


def _moment(chance: random.Random, market: Market) -> str:
    """A moment in 2024 or 2025 by the customer's clock, often close to one at which clocks were changed."""
    if chance.random() < 0.2:
        moment = chance.choice(CLOCK_CHANGES) + timedelta(seconds=chance.choice([-1, 0, 1, 1800, -1800, 3600]))
    else:
        moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(2 * 365 * 86_400))
    local = moment.astimezone(ZoneInfo(market.zone))
    return local.isoformat(timespec="milliseconds" if chance.random() < 0.05 else "seconds")


def _lines(chance: random.Random, market: Market) -> Iterator[tuple[str, str, str, str]]:
    for product, euros in chance.sample(PRODUCTS, chance.choice([1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 9])):
        yield product, _quantity(chance), _price(chance, Decimal(euros) * market.level, market), _discount(chance)


def _quantity(chance: random.Random) -> str:
    """Mostly a few; sometimes none, a return, a weight, or a lorry-load."""
    awkward = ["0", "-1", "-3", "-0.5", "0.001", "1.250", "2.5", "12.3456", "10000", "1.0", "+4", "007"]
    return chance.choice(awkward) if chance.random() < 0.15 else str(chance.choice([1, 1, 1, 2, 2, 3, 5, 10, 24]))


def _price(chance: random.Random, price: Decimal, market: Market) -> str:
    """Around what it costs, with as many decimals as the currency has, or more for what is sold by the thousand."""
    digits = minor_digits(market.currency)
    varied = price * Decimal(chance.randrange(80, 125)) / 100
    if abs(varied) < 1:
        digits += 3
    return f"{varied:.{digits}f}"


def _discount(chance: random.Random) -> str:
    awkward = ["100", "0.00", "99.99", "33.333333", "12.5", "0.125", "7.75", "50"]
    return chance.choice(awkward) if chance.random() < 0.3 else chance.choice(["0", "0", "0", "5", "10"])


def _mixed(chance: random.Random, lines: list[Sequence[str]]) -> list[Sequence[str]]:
    """Lines mostly stay together by order, but not always: the importer must not rely on it."""
    return [
        line for _, line in sorted(enumerate(lines), key=lambda one: one[0] + (300 if chance.random() < 0.03 else 0))
    ]


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    write_files(DATA)
