"""CoMIT: eight code tasks in 13 sub-datasets, English and Chinese.

Source: the table in the data set's README. Its counts sum to 120,000, while the text says "around 80k" and the Chinese
README "about 88k"; the counts are targets for the files, not the size of `CoMIT.json`. File names are those in the
repository's `data/`, where one file holds both English generation sets.
"""

from coma_cli.catalog.mixtures.mixture import Mixture, SubDataset

SIX = ("go", "java", "javascript", "php", "python", "ruby")
NINE = ("csharp", "c", "cpp", "go", "java", "javascript", "php", "python", "ruby")
ALPACA = ("cpp", "c", "java", "javascript", "php", "python", "sql")
CODE_SEARCH_NET = ("codesearchnet", "codexglue_code_to_text")
CODE_PRO = ("codepro", "staqc", "conala", "stackexchange")

SUMMARIES = (
    SubDataset(
        "code-summarization-en",
        "code-summarization",
        CODE_SEARCH_NET,
        10_000,
        "en",
        SIX,
        "code-to-text/code_summarization_EN.json",
    ),
    SubDataset(
        "code-summarization-cn",
        "code-summarization",
        CODE_SEARCH_NET,
        10_000,
        "cn",
        SIX,
        "code-to-text/code_summarization_CN.json",
        requested=True,
    ),
)
GENERATION_EN = SubDataset(
    "code-generation-en",
    "code-generation",
    CODE_SEARCH_NET,
    10_000,
    "en",
    SIX,
    "text-to-code/code_generation_EN.json",
)
CODE_ALPACA = SubDataset(
    "codealpaca",
    "code-generation",
    ("codealpaca",),
    20_000,
    "en",
    ALPACA,
    "text-to-code/code_generation_EN.json",
)
TEXT_TO_CODE = (
    SubDataset("codegpt", "code-generation", ("codegpt",), 20_000, "cn", NINE, "text-to-code/codeGPT_CN.json"),
    SubDataset(
        "code-generation-cn",
        "code-generation",
        CODE_SEARCH_NET,
        5_000,
        "cn",
        SIX,
        "text-to-code/code_generation_CN.json",
        requested=True,
    ),
    SubDataset(
        "code-search-en",
        "code-search",
        CODE_PRO,
        10_000,
        "en",
        ("python", "sql"),
        "text-to-code/query_to_code_cleaned_EN.json",
    ),
    SubDataset(
        "code-search-cn",
        "code-search",
        CODE_PRO,
        5_000,
        "cn",
        ("python", "sql"),
        "text-to-code/query_to_code_CN.json",
        requested=True,
    ),
)
JUDGED = (
    SubDataset(
        "clone-detection",
        "clone-detection",
        ("codexglue_clone_detection",),
        10_000,
        "en",
        ("java",),
        "code-to-code/clone_detection.json",
    ),
    SubDataset(
        "defect-detection",
        "defect-detection",
        ("codexglue_defect_detection",),
        5_000,
        "en",
        ("c",),
        "code-to-code/defect_detection.json",
    ),
)
COMPLETION = SubDataset(
    "line-completion",
    "line-completion",
    CODE_SEARCH_NET,
    5_000,
    "en",
    SIX,
    "code-to-code/code_completion.json",
)
CHANGED = (
    SubDataset(
        "code-repair",
        "code-repair",
        ("codexglue_code_refinement",),
        5_000,
        "en",
        ("java",),
        "code-to-code/code_repair.json",
    ),
    SubDataset(
        "code-translation",
        "code-translation",
        ("codexglue_code_translation",),
        5_000,
        "en",
        ("java", "csharp"),
        "code-to-code/code_translation.json",
    ),
)
CLOZE = SubDataset(
    "cloze-test",
    "cloze-test",
    ("codexglue_cloze_all", "codexglue_cloze_maxmin", *CODE_SEARCH_NET),
    5_000,
    "en",
    SIX,
    "code-to-code/cloze_test.json",
)

MIXTURE = Mixture(
    name="comit",
    citation="CoMIT, the instruction data of CoMA (Code Multi-task Instruction Tuning), README of its repository.",
    subsets=(*SUMMARIES, GENERATION_EN, CODE_ALPACA, *TEXT_TO_CODE, *JUDGED, COMPLETION, *CHANGED),
)
OLDER = Mixture(
    name="comit-cloze",
    citation="CoMIT as listed in its Chinese README: a cloze test instead of line completion, and no CodeAlpaca.",
    subsets=(*SUMMARIES, GENERATION_EN, *TEXT_TO_CODE, *JUDGED, CLOZE, *CHANGED),
)
