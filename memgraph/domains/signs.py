"""Tables of written maths: signs of Unicode, LaTeX commands that mean the same, commands that mean nothing."""

from __future__ import annotations

from typing import Final


def names(text: str, before: str = "") -> frozenset[str]:
    """The words of a text, each with something before it."""
    return frozenset(before + name for name in text.split())


def pairs(text: str) -> dict[str, str]:
    """Words in turn as keys and values."""
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


RAISED: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni", strict=True))
LOWERED: Final = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₙ", "0123456789+-=()aeoxn", strict=True))
VULGAR: Final = pairs(
    "½ 1/2 ⅓ 1/3 ⅔ 2/3 ¼ 1/4 ¾ 3/4 ⅕ 1/5 ⅖ 2/5 ⅗ 3/5 ⅘ 4/5 ⅙ 1/6 ⅚ 5/6 ⅐ 1/7 ⅛ 1/8 ⅜ 3/8 ⅝ 5/8 ⅞ 7/8 ⅑ 1/9 ⅒ 1/10"
)
_GREEK: Final = pairs(
    "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho σ sigma "
    "τ tau υ upsilon φ phi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Φ Phi Ψ Psi Ω Omega "
    "∆ Delta ϕ phi ϵ epsilon"
)
_COMMANDS: Final = pairs(
    "× times ⋅ cdot · cdot ∙ cdot • cdot ± pm ∓ mp ≤ le ⩽ le ≦ le ≥ ge ⩾ ge ≧ ge ≠ ne ≈ approx ≅ cong ≡ equiv ∼ sim "
    "∞ infty √ sqrt ∪ cup ∩ cap ∈ in ∉ notin ∅ emptyset ⌀ emptyset ∖ setminus ⊂ subset ⊆ subseteq → to ∧ land ∨ lor ¬ neg "
    "∠ angle △ triangle ⊥ perp ∥ parallel ∑ sum ∏ prod ∫ int ∂ partial ∇ nabla … ldots ⋯ ldots ⌊ lfloor ⌋ rfloor ⌈ lceil "
    "⌉ rceil ⟨ langle ⟩ rangle"
)
_CHARACTERS: Final = pairs(
    "÷ / ∕ / ⁄ / − - – - — - ‐ - ‑ - ﹣ - ∗ * ℝ \\mathbb{R} ℤ \\mathbb{Z} ℕ \\mathbb{N} ℚ \\mathbb{Q} ℂ \\mathbb{C} "
    "′ ' ’ ' ‘ ' ″ '' “ \" ” \" ； ; 。 . ： : ％ % ＄ \\$ ￥ ¥"
)
CHARACTERS: Final = str.maketrans(
    {
        **_CHARACTERS,
        **{sign: f"\\{name} " for sign, name in (_GREEK | _COMMANDS).items()},
        **{"°": "^\\circ ", "º": "^\\circ ", "∛": "\\sqrt[3] ", "∜": "\\sqrt[4] ", "，": ", ", "、": ", "},
        **dict.fromkeys("\u200b\u200c\u200d\ufeff\u2060\u00ad", ""),
    }
)
"""One sign of Unicode as the LaTeX that it shows."""

SPACES: Final = frozenset(["\\ "]) | names(
    r"\, \; \: \! \> \quad \qquad \enspace \enskip \thinspace \thickspace \medspace \negthinspace \space \nobreakspace "
    r"\hfill \hline \displaystyle \textstyle \scriptstyle \limits \nolimits \left \right \middle \big \Big \bigg \Bigg "
    r"\bigl \bigr \Bigl \Bigr \biggl \biggr \Biggl \Biggr \bf \rm \it \sf \tt \bfseries \strut \mathstrut \nonumber "
    r"\notag \( \) \[ \] ~ \/ \-"
)
"""What changes how maths looks and nothing of its value."""

SKIPPED: Final = names(r"\hspace \hspace* \vspace \phantom \vphantom \hphantom \color \textcolor \label \tag \kern")
"""Commands that go with their first argument."""

SAME: Final = pairs(
    r"\dfrac \frac \tfrac \frac \cfrac \frac \dbinom \binom \tbinom \binom \lt < \gt > \leq \le \geq \ge \leqslant \le "
    r"\geqslant \ge \neq \ne \lbrace \{ \rbrace \} \lvert | \rvert | \vert | \mid | \cdotp \cdot \bullet \cdot \ast * \div / "
    r"\varnothing \emptyset \rightarrow \to \longrightarrow \to \degree ^\circ \textdegree ^\circ \% % \colon : \lparen ( "
    r"\rparen ) \lbrack [ \rbrack ] \vee \lor \wedge \land \dots \ldots \cdots \ldots \dotsc \ldots \dotsb \ldots \prime ' "
    r"\euro € \pounds £ \textdollar \$ \backslash \setminus \smallsetminus \setminus \imath i \jmath j \lnot \neg "
    r"\R \mathbb{R} \Z \mathbb{Z} \# # \& & \_ _ \lg \log \varphi \phi \varepsilon \epsilon \iff \Leftrightarrow "
    r"\implies \Rightarrow"
)
"""Commands by another that means the same."""

WORDS: Final = names(
    "pi sqrt sin cos tan cot csc arcsin arccos arctan sinh cosh tanh log ln exp infty alpha beta gamma theta lambda sigma "
    "omega phi delta epsilon infinity"
)
"""Words that people type for commands."""

TEXTS: Final = names(
    "text textbf textit textrm textsf texttt textsc textup textnormal textmd mbox hbox emph mathrm operatorname "
    "operatorname*",
    "\\",
)
FONTS: Final = names(
    "mathbf boldsymbol bm mathit mathsf mathtt pmb mathnormal boxed fbox underline mathop mathord mathrel mathbin "
    "ensuremath smash cancel framebox",
    "\\",
)
FUNCTIONS: Final = names(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp min max gcd lcm det dim deg lim"
)
UNITS_TOO: Final = names("min deg sec")
"""Functions whose names are units as well."""

GREEK: Final = names(
    r"\alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi \rho \sigma \tau \upsilon \phi "
    r"\chi \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Upsilon \Phi \Psi \Omega \ell \hbar \aleph \vartheta "
    r"\varrho \varsigma"
)
ACCENTS: Final = names(
    r"\overline \vec \hat \bar \tilde \dot \ddot \widehat \widetilde \overrightarrow \overarc \mathbb \mathcal \mathfrak "
    r"\mathscr"
)
OVER: Final = ACCENTS | names(r"\angle \triangle \overset")
"""Commands that make another symbol of what they are written over."""

SHORT_WORDS: Final = names(
    "and are all any but can cat day dog few for get had has her his how its let man may new not now odd off old one our out "
    "red say see she six ten the too two use was way who why yes you no on or of is it in to by if be as at an we us so do go "
    "am he me my up pm cm mm km kg mg ml ft lb oz mi hr min sec mph kph rad deg mol gal yd usd eur"
)
"""Runs of letters that are words and no products."""
