"""Units in one form: "square centimeters" and "cm^2" are cm^2, "miles per hour" and "mph" mi/h."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

UNITS: Final = {
    same: unit
    for unit, names in {
        "$": "$ dollar dollars usd",
        "¢": "¢ cent cents",
        "€": "€ euro euros eur",
        "£": "£ gbp",
        "₹": "₹ rupee rupees rs inr",
        "¥": "¥ yen yuan cny jpy rmb",
        "%": "% percent pct percents percentage",
        "°": "° degree degrees deg degs",
        "°C": "°c celsius",
        "°F": "°f fahrenheit",
        "rad": "rad radian radians rads",
        "mm": "mm millimeter millimeters millimetre millimetres",
        "cm": "cm cms centimeter centimeters centimetre centimetres",
        "dm": "dm decimeter decimeters decimetre decimetres",
        "m": "m meter meters metre metres",
        "km": "km kms kilometer kilometers kilometre kilometres",
        "in": "in inch inches",
        "ft": "ft foot feet",
        "yd": "yd yds yard yards",
        "mi": "mi mile miles",
        "g": "g gram grams gm",
        "mg": "mg milligram milligrams",
        "kg": "kg kgs kilo kilos kilogram kilograms",
        "lb": "lb lbs pound pounds",
        "oz": "oz ounce ounces",
        "t": "ton tons tonne tonnes",
        "ml": "ml milliliter milliliters millilitre millilitres",
        "l": "l liter liters litre litres",
        "gal": "gal gals gallon gallons",
        "ms": "ms millisecond milliseconds",
        "s": "s sec secs second seconds",
        "min": "min mins minute minutes",
        "h": "h hr hrs hour hours",
        "day": "day days",
        "week": "week weeks wk wks",
        "month": "month months",
        "year": "year years yr yrs",
        "unit": "unit units",
        "person": "person persons people",
        "child": "child children",
        "man": "man men",
        "woman": "woman women",
        "mouse": "mouse mice",
        "N": "newton newtons",
        "J": "joule joules",
        "kJ": "kilojoule kilojoules",
        "W": "watt watts",
        "kW": "kilowatt kilowatts",
        "V": "volt volts",
        "A": "ampere amperes amp amps",
        "Pa": "pascal pascals",
        "K": "kelvin kelvins",
        "Hz": "hertz hz",
        "mol": "mol mole moles",
    }.items()
    for same in names.split()
}
COMPOUND: Final = {
    "mph": "mi/h",
    "kph": "km/h",
    "kmh": "km/h",
    "kmph": "km/h",
    "mps": "m/s",
    "fps": "ft/s",
    "sqft": "ft^2",
}
_IRREGULAR: Final = re.compile(r"(?:ss|us|is)$")
_UNIT_PART: Final = re.compile(r"(.*?)(?:\^\{?(-?\d)\}?)?$")


@lru_cache(maxsize=4096)
def canonical_unit(text: str) -> str:
    """A unit in one form: "square centimeters" and "cm^2" are cm^2, "miles per hour" and "mph" mi/h."""
    text = text.replace("\\cdot", "*").replace("\\", " ").strip(" .")
    text = re.sub(r"\s+of\b.*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(?:per|an?)\b(?=\s)|\bper\b", "/", text) if "per" in text.split() else text
    text = re.sub(r"\bp\.h\.|(?<=\w)\.(?=\w?)", "", text)
    text = re.sub(r"\s*\^\s*", "^", text)
    over = [_product(part) for part in text.split("/")]
    named = "/".join(part for part in over if part)
    return COMPOUND.get(named.lower(), named)


def _product(text: str) -> str:
    """Units side by side, with their powers."""
    power = ""
    factors: list[str] = []
    for word in text.replace("*", " ").replace("-", " ").split():
        lowered = word.lower()
        if lowered in ("square", "sq", "squared", "cubic", "cu", "cubed"):
            digit = "^2" if lowered.startswith("sq") else "^3"
            if lowered in ("squared", "cubed") and factors:
                factors[-1] += digit
            else:
                power = digit
            continue
        match = _UNIT_PART.match(word)
        base, digit = (match[1], f"^{match[2]}" if match[2] else "") if match else (word, "")
        factors.append(_singular(base) + (digit or power))
        power = ""
    if power:  # "square units" without a unit
        factors.append("unit" + power)
    if factors[:1] == ["°"] and factors[1:] in (["°C"], ["°F"], ["C"], ["F"], ["c"], ["f"]):
        return "°" + factors[1][-1].upper()
    return " ".join(factors)


def _singular(word: str) -> str:
    if len(word) == 1 and word not in ("m", "g", "s", "h", "l"):
        return {"L": "l"}.get(word, word)
    lowered = word.lower()
    if lowered in UNITS:
        return UNITS[lowered]
    if lowered in COMPOUND:
        return COMPOUND[lowered]
    if len(word) <= 3:
        return word
    if lowered.endswith("ies"):
        return lowered[:-3] + "y"
    if lowered.endswith(("ches", "shes", "xes", "sses", "oes")):
        return lowered[:-2]
    return lowered[:-1] if lowered.endswith("s") and not _IRREGULAR.search(lowered) else lowered
