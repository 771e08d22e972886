from rules.phrases import PhraseIndex, Role, phrase_table, spellings


def found(rule, text, **options):
    return [(hit.role, text[hit.start : hit.end]) for hit in PhraseIndex(phrase_table([rule])).hits(text, **options)]


def test_possessives_in_all_spellings():
    words = {" ".join(words) for words in spellings("Crohn's disease")}
    assert words == {"crohn disease", "crohns disease", "crohn s disease"}
    assert spellings("---") == frozenset()


def test_many_possessives_do_not_explode():
    assert len(spellings("a's " * 50)) <= 27


def test_the_longer_of_two_hits_of_a_rule(make_rule):
    rule = make_rule("en/a/a", "topic", terms=("hiv", "hiv test", "test"))
    assert found(rule, "an HIV test, HIV") == [(Role.SURE, "HIV test"), (Role.SURE, "HIV")]


def test_exceptions_take_what_they_overlap(make_rule):
    rule = make_rule("en/a/a", "topic", terms=("aids clinic",), ambiguous=("aids",), unless=("hearing aids",))
    assert found(rule, "hearing aids clinic, aids") == [
        (Role.EXCEPTED, "aids clinic"),
        (Role.EXCEPTED, "aids"),
        (Role.AMBIGUOUS, "aids"),
    ]


def test_a_term_that_holds_an_exception_counts(make_rule):
    rule = make_rule("en/a/a", "topic", terms=("shampoo", "medicated shampoo set"), unless=("shampoo set", "shampoo"))
    assert found(rule, "medicated shampoo set") == [
        (Role.SURE, "medicated shampoo set"),
        (Role.EXCEPTED, "shampoo"),
    ]
    assert found(rule, "shampoo") == [(Role.EXCEPTED, "shampoo")]


def test_path_words_are_whole_segments(make_rule):
    rule = make_rule("en/a/a", "suppressor", path_words=("board papers",))
    assert found(rule, "Board-Papers", segment=True) == [(Role.SURE, "Board-Papers")]
    assert found(rule, "board-papers") == []
    assert found(rule, "board-papers-2024", segment=True) == []


def test_a_phrase_at_the_end_is_not_cut(make_rule):
    rule = make_rule("en/a/a", "topic", terms=("sexual", "sexual health clinic"))
    assert found(rule, "sexual health") == [(Role.SURE, "sexual")]
