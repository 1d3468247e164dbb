"""CodeCapybara: the training data described in its README, all in English.

Source: the data section of its README. The 51,766 rows of Code Contests are the first correct solutions of 13,328
problems in each language; the generated rows are written by a model in two rounds, as in gen-instructions.
"""

from coma_cli.catalog.mixtures.mixture import Mixture, SubDataset

MIXTURE = Mixture(
    name="codecapybara",
    citation="CodeCapybara: Open Source LLaMA Model that Follow Instruction-Tuning for Code Generation.",
    subsets=(
        SubDataset(
            "generated",
            "code-generation",
            ("codecapybara_generated", "gen-instructions"),
            20_574,
            "en",
            ("python", "go", "java", "javascript", "ruby", "php", "c", "cpp", "csharp", "rust"),
            "codecapybara/generated.json",
        ),
        SubDataset("codealpaca", "code-generation", ("codealpaca",), 20_022, "en", (), "codecapybara/codealpaca.json"),
        SubDataset(
            "code-contests",
            "competition",
            ("code_contests",),
            51_766,
            "en",
            ("cpp", "java", "python", "python2"),
            "codecapybara/code_contests.json",
        ),
    ),
)
