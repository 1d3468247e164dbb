"""How wordings call the kinds of injected bugs: logic errors, each made by one small edit."""

from collections.abc import Mapping

from coma_cli.catalog.tasks.task import Wordings
from coma_cli.records import TextLanguage
from coma_cli.syntax.sites import MutationKind

FLAWS: Mapping[MutationKind, Mapping[TextLanguage, str]] = {
    "changed-operator": {"en": "a wrong operator", "cn": "用错的运算符"},
    "off-by-one": {"en": "an off-by-one error", "cn": "差一错误"},
    "swapped-arguments": {"en": "arguments in the wrong order", "cn": "顺序颠倒的参数"},
    "dropped-check": {"en": "a wrong or missing condition", "cn": "错误或缺失的条件"},
}


def wordings_by_flaw(general: Wordings, special: Wordings) -> Mapping[str, Wordings]:
    """For each kind of bug the general wordings, and the special ones with its name in place of `{flaw}`."""
    return {
        kind: {
            language: (*general[language], *(wording.replace("{flaw}", name) for wording in special[language]))
            for language, name in names.items()
        }
        for kind, names in FLAWS.items()
    }
