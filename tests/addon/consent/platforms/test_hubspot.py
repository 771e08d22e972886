"""HubSpot, whose numbers are not documented."""

import pytest


@pytest.mark.parametrize(
    ("cookies", "state"),
    [
        ({"__hs_cookie_cat_pref": "1:true_2:true_3:true"}, "accepted"),
        ({"__hs_cookie_cat_pref": "1:true,2:true,3:true"}, "accepted"),
        ({"__hs_cookie_cat_pref": "1:false_2:false_3:false"}, "refused"),
        ({"__hs_cookie_cat_pref": "1:true_2:false_3:true"}, "partly_accepted"),
        ({"__hs_cookie_cat_pref": "1:true_2:true"}, "unknown"),
        ({"__hs_cookie_cat_pref": "1:true_2:true_3:tru"}, "unknown"),
        ({"__hs_cookie_cat_pref": "yes"}, "unknown"),
        ({"__hs_opt_out": "yes"}, "refused"),
        ({"__hs_opt_out": "no"}, "unknown"),
        ({"__hs_opt_out": "yes", "__hs_cookie_cat_pref": "1:true_2:true_3:true"}, "unknown"),
        ({"__hs_opt_out": "yes", "__hs_cookie_cat_pref": "1:false_2:false_3:false"}, "refused"),
    ],
)
def test_states(ask, cookies, state) -> None:
    assert ask(cookies).state == state
