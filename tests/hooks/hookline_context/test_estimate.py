"""How far the estimate is off; the samples are the first sentences of the Universal Declaration and data."""

# ruff: noqa: RUF001 -- texts in other scripts are what is tested here

from __future__ import annotations

import base64
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline_context.estimate import AT_LEAST_SHARE, estimate_tokens
from hookline_context.text_counter import counter_for

_DATA = random.Random(1)
PROSE = {
    "english": "All human beings are born free and equal in dignity and rights. They are endowed with reason "
    "and conscience and should act towards one another in a spirit of brotherhood.",
    "german": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und "
    "Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
    "french": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de "
    "raison et de conscience.",
    "spanish": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están "
    "de razón y conciencia.",
    "polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "finnish": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.",
    "russian": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "tamil": "மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்",
    "lao": "ມະນຸດເກີດມາມີສິດເສລີພາບ ແລະ ສະເໝີໜ້າກັນໃນທາງກຽດຕິສັກ",
    "amharic": "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
    "tibetan": "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས་དང་།",
    "chinese": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "korean": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "emoji": "😀👍🎉🚀🔥✨😂🙏",
}
DATA = {
    "base64": base64.b64encode(_DATA.randbytes(3000)).decode(),
    "hex": _DATA.randbytes(3000).hex(),
    "numbers": "\n".join(",".join(f"{_DATA.random() * 1000:.2f}" for _ in range(8)) for _ in range(50)),
    "json": json.dumps([{"name": "Ada", "city": "London", "age": 36, "tags": ["a", "b"]}] * 30),
    "html": '<div class="card"><h2 class="title">Hello</h2><p>Some <a href="/x?y=1">text</a>.</p></div>\n'
    * 20,
    "code": "def add(first: int, second: int) -> int:\n    return first + second  # as told\n\n\n" * 20,
    "letters": "".join(_DATA.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(3000)),
    "one letter": "a" * 3000,
    "digits": "".join(_DATA.choice("0123456789") for _ in range(3000)),
}


@pytest.mark.parametrize("encoding", ["cl100k_base", "o200k_base"])
@pytest.mark.parametrize("name", [*PROSE, *DATA])
def test_the_estimate_is_not_far_below_the_truth_nor_endlessly_above(name: str, encoding: str) -> None:
    text = (PROSE[name] + " ") * 20 if name in PROSE else DATA[name]
    truth = counter_for(encoding, "auto").count(text).tokens
    assert 0.7 <= estimate_tokens(text, encoding=encoding) / truth <= 2.0


@pytest.mark.parametrize("encoding", ["cl100k_base", "o200k_base"])
def test_english_is_estimated_at_its_tokens_and_up_to_half_more(encoding: str) -> None:
    text = PROSE["english"] * 20
    truth = counter_for(encoding, "auto").count(text).tokens
    assert 0.95 <= estimate_tokens(text, encoding=encoding) / truth <= 1.5


@pytest.mark.parametrize("name", [*PROSE, *DATA])
def test_what_is_held_for_certain_is_never_above_the_truth(name: str) -> None:
    text = (PROSE[name] + " ") * 20 if name in PROSE else DATA[name]
    for encoding in ("cl100k_base", "o200k_base"):
        sure = counter_for(encoding, "estimate").count(text)
        assert sure.at_least == int(sure.tokens * AT_LEAST_SHARE)
        assert sure.at_least <= counter_for(encoding, "auto").count(text).tokens


@given(st.text(alphabet=st.characters(), max_size=3000))
def test_the_estimate_is_never_more_than_the_bytes(text: str) -> None:
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    assert min(1, size_bytes) <= estimate_tokens(text) <= size_bytes
    assert min(1, size_bytes) <= estimate_tokens(text, encoding="o200k_base") <= size_bytes
