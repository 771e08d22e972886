"""What is made without a check is what would be made with one."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from addon.audit import Observations, build_event, decode, witness_of
from addon.capture import read_capture
from addon.derivation import derive
from addon.fold import Sighting, fold
from addon.model import Event, Frozen, Hit
from addon.observation import Observer
from captures import recordings
from rules.engine import Matcher
from rules.unchecked import changed, unchecked


class Example(Frozen):
    number: int
    text: str = "nothing"
    more: tuple[str, ...] = ()


def test_every_hit_and_event_of_a_recording_passes_the_check() -> None:
    for path in recordings():
        observer = Observer("mitm-one")
        for request in read_capture(path):
            observer.observe(request)
        observed = observer.requests
        groups = fold(Sighting(hit, witness_of(item)) for item in observed for hit in decode(item).hits)
        events = [build_event(group, frozenset({"mitm-one"}), None) for group in groups]
        for made in (*events, *(hit for event in events for hit in event.hits)):
            checked = type(made)(**dict(made))
            assert made == checked
            assert made.model_dump_json() == checked.model_dump_json()
            assert type(made).model_validate_json(made.model_dump_json()) == made


def test_every_assessed_event_of_a_recording_passes_the_check(judge: Matcher) -> None:
    for path in recordings():
        observer = Observer("mitm-one")
        for request in read_capture(path):
            observer.observe(request)
        for item in derive(Observations(requests=tuple(observer.requests)), judge).events:
            for made in (item, item.event, item.assessment):
                checked = type(made)(**dict(made))
                assert made == checked
                assert made.model_dump_json() == checked.model_dump_json()


def test_a_changed_copy_is_that_of_the_model() -> None:
    example = Example(number=1)
    made = changed(example, text="else")
    assert made == example.model_copy(update={"text": "else"})
    assert made.model_dump_json(exclude_unset=True) == '{"number":1,"text":"else"}'
    assert example.text == "nothing"
    assert pickle.loads(pickle.dumps(made)) == made


def test_what_is_not_given_has_its_default_and_its_place() -> None:
    make = unchecked(Example)
    assert make(more=("a",), number=1) == Example(number=1, more=("a",))
    assert make(more=("a",), number=1).model_dump_json() == '{"number":1,"text":"nothing","more":["a"]}'


def test_a_copy_and_a_text_read_back_are_ordinary() -> None:
    made = unchecked(Example)(number=1)
    assert made.model_copy(update={"text": "else"}) == Example(number=1, text="else")
    assert made == Example(number=1)
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made) == hash(Example(number=1))
    with pytest.raises(ValidationError):
        made.text = "else"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Example.model_validate_json('{"number": "one"}')


def test_an_event_with_everything(make_event: Callable[..., Event]) -> None:
    event = make_event(parameters={"dl": "https://a.example/"})
    given: dict[str, Any] = dict(event)
    assert unchecked(Event)(**given) == event
    assert unchecked(Hit)(**dict(event.hits[0])) == event.hits[0]
