"""An invented person, and requests that hold their details."""

from collections.abc import Callable
from typing import Any

import pytest

from addon.model import CapturedRequest
from addon.observation import ObservedRequest, Observer
from addon.persona.person import KINDS, Detail, Person

JO = {
    "first_name": "Jo",
    "last_name": "Blöggs-O'Hara",
    "email": "Jo.Bloggs+Clinic@Example.com",
    "phone": "07700 900123",
    "date_of_birth": "14/02/1987",
    "gender": "female",
    "address.street": "12 Invented Lane",
    "address.city": "Exampleton",
    "address.county": "Exampleshire",
    "address.postcode": "ZZ99 3QQ",
    "address.country": "GB",
    "ids.nhs_number": "999 123 4560",
    "ids.patient_number": "PW-602645",
    "ids.facebook_account": "100000000000007",
}


def _person(**fields: str) -> Person:
    return Person(
        label="the test person",
        details=tuple(
            Detail(field=name, kind=KINDS.get(name, "external_id"), text=text)
            for name, text in ((name.replace("__", "."), text) for name, text in fields.items())
        ),
    )


@pytest.fixture(scope="session")
def person_of() -> Callable[..., Person]:
    return _person


@pytest.fixture(scope="session")
def jo() -> Person:
    return _person(**JO)


def _observe(**changes: Any) -> ObservedRequest:
    headers = changes.pop("headers", {})
    observer = Observer("mitm-test")
    observed = observer.observe(
        CapturedRequest(
            **{
                "source_kind": "mitm",
                "position": 0,
                "method": "POST" if changes.get("body") else "GET",
                "url": "https://www.facebook.com/tr/?id=900000000000077&ev=PageView",
                "http_version": "HTTP/2.0",
                "headers": tuple(headers.items()),
                "started_at": 1_795_314_223.7,
                **changes,
            }
        )
    )
    assert observed is not None
    return observed


@pytest.fixture(scope="session")
def observe() -> Callable[..., ObservedRequest]:
    return _observe
