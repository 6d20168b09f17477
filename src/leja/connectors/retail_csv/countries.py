"""ISO 3166 codes of countries as retailers write their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_CODES: Final = {
    "australia": "AU", "austria": "AT", "bahrain": "BH", "belgium": "BE", "benin": "BJ", "botswana": "BW",
    "brazil": "BR", "burkina faso": "BF", "cameroon": "CM", "canada": "CA", "channel islands": "GB", "china": "CN",
    "cote d'ivoire": "CI", "ivory coast": "CI", "cyprus": "CY", "czech republic": "CZ", "czechia": "CZ",
    "denmark": "DK", "egypt": "EG", "eire": "IE", "ireland": "IE", "ethiopia": "ET", "finland": "FI", "france": "FR",
    "germany": "DE", "ghana": "GH", "greece": "GR", "hong kong": "HK", "iceland": "IS", "india": "IN", "israel": "IL",
    "italy": "IT", "japan": "JP", "kenya": "KE", "lebanon": "LB", "lithuania": "LT", "luxembourg": "LU",
    "madagascar": "MG", "malawi": "MW", "mali": "ML", "malta": "MT", "mauritius": "MU", "morocco": "MA",
    "mozambique": "MZ", "namibia": "NA", "netherlands": "NL", "new zealand": "NZ", "nigeria": "NG", "norway": "NO",
    "poland": "PL", "portugal": "PT", "rsa": "ZA", "rwanda": "RW", "saudi arabia": "SA", "senegal": "SN",
    "singapore": "SG", "south africa": "ZA", "spain": "ES", "sweden": "SE", "switzerland": "CH", "tanzania": "TZ",
    "togo": "TG", "tunisia": "TN", "turkey": "TR", "uganda": "UG", "united arab emirates": "AE",
    "united kingdom": "GB", "uk": "GB", "united states": "US", "usa": "US", "zambia": "ZM", "zimbabwe": "ZW",
}  # fmt: skip


def iso_code(name: str, stated: Mapping[str, str]) -> str:
    """The code of a country by its name; a code is left as it is, an unknown name gives no code."""
    if name in stated:
        return stated[name]
    if len(name) == 2 and name.isascii() and name.isupper():
        return name
    return _CODES.get(name.casefold(), "")
