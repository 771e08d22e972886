from urllib.parse import quote, quote_plus, unquote_plus, unquote_to_bytes

from hypothesis import example, given
from hypothesis import strategies as st

from addon.percent import form_decode, percent_decode

PIECES = st.one_of(
    st.sampled_from(
        ["%", "%%", "+", "=", "==3D", "=\n", "=\r\n", "%0A", "%0d", "%3D", "%3d%3D", "%e2%82%AC", "%E2%82", "%C3",
         "%A9", "%C0%BD", "%ED%A0%80", "%2", "%zz", "%2525", "_", ".", "\t", " ", "é", "€", "\x00"]
    ),
    st.text(max_size=6),
    st.text(max_size=6).map(lambda text: quote(text, safe="", errors="replace")),
    st.text(max_size=6).map(lambda text: quote_plus(text, errors="replace")),
)  # fmt: skip
ESCAPED = st.lists(PIECES, max_size=12).map("".join)
SURROGATES = st.lists(st.one_of(PIECES, st.binary(max_size=4).map(lambda b: b.decode("utf-8", "surrogateescape"))))


def plain(text: str) -> str:
    """Decode the slow and obvious way."""
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


@example("a=b%3Dc+%26")
@example("%=")
@example("=%0A=%0D%0A")
@given(ESCAPED)
def test_escapes_are_decoded_as_the_standard_library_does(text: str) -> None:
    assert percent_decode(text) == plain(text)
    assert form_decode(text) == unquote_plus(text)


@given(SURROGATES.map("".join))
def test_bytes_that_are_no_text_pass_like_in_the_standard_library(text: str) -> None:
    assert form_decode(text) == unquote_plus(text)
