"""Numbers as a sentence says them."""

import math


def spoken(value: float) -> str:
    """Write a positive number with two significant digits: 0.22, 31,000, 9 × 10⁻¹¹."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    if -4 <= int(exponent) < 6:
        rounded = float(f"{value:.1e}")
        return f"{rounded:,.0f}" if abs(rounded) >= 10 else f"{rounded:g}"
    superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{float(mantissa):g} × 10{superscript}"


def share(part: float) -> str:
    """Write a share as a percentage, or as a power of ten where that would be mostly zeros."""
    return f"{spoken(100 * part)} %" if part >= 1e-4 else spoken(part)
