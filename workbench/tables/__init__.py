"""From records to tables: frame -> frame, and the forms in which a table is written."""

from workbench.tables.accuracy import (
    CLEAN,
    WORST_CASE,
    accuracies,
    bracketed,
    by_threat,
    flipped,
    total_costs,
    verdicts,
)
from workbench.tables.beside import beside, pairs
from workbench.tables.choice import of_defenses, threats_with
from workbench.tables.classes import by_class
from workbench.tables.course import course, course_sentence, course_texts
from workbench.tables.defenses import by_defense, named, plain_attack, trained_under
from workbench.tables.differences import (
    compared,
    difference_sentence,
    difference_texts,
    differences,
)
from workbench.tables.duel import duel
from workbench.tables.foretelling import foretelling
from workbench.tables.layout import (
    SURE,
    accuracy_texts,
    evaluation_texts,
    gain_texts,
    pair_texts,
    standing,
)
from workbench.tables.levels import PAIR, level_text, levels, separation
from workbench.tables.observation import (
    BASELINE,
    DIVERGED,
    QUANTITIES,
    observation,
    observation_texts,
)
from workbench.tables.tex import latex
from workbench.tables.text import (
    ends,
    interval,
    json_lines,
    markdown,
    mean_std,
    p_text,
    percent,
    points,
    spread,
)
from workbench.tables.transferred import transfer_texts, transferred

__all__ = [
    "BASELINE",
    "CLEAN",
    "DIVERGED",
    "PAIR",
    "QUANTITIES",
    "SURE",
    "WORST_CASE",
    "accuracies",
    "accuracy_texts",
    "beside",
    "bracketed",
    "by_class",
    "by_defense",
    "by_threat",
    "compared",
    "course",
    "course_sentence",
    "course_texts",
    "difference_sentence",
    "difference_texts",
    "differences",
    "duel",
    "ends",
    "evaluation_texts",
    "flipped",
    "foretelling",
    "gain_texts",
    "interval",
    "json_lines",
    "latex",
    "level_text",
    "levels",
    "markdown",
    "mean_std",
    "named",
    "observation",
    "observation_texts",
    "of_defenses",
    "p_text",
    "pair_texts",
    "pairs",
    "percent",
    "plain_attack",
    "points",
    "separation",
    "spread",
    "standing",
    "threats_with",
    "total_costs",
    "trained_under",
    "transfer_texts",
    "transferred",
    "verdicts",
]
