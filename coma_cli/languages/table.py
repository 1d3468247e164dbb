"""The programming languages, one entry each. To add one: an entry here, a test.

The first whose name occurs in a text counts, so longer names come before their parts. Names of node types are those of
the grammars in tree-sitter-language-pack 0.13; a test checks each of them against its grammar, so that a renamed type
is noticed.
"""

from collections.abc import Mapping

from coma_cli.languages.frames import (
    BARE,
    CLASS,
    PHP_CALL,
    PHP_CLASS,
    SCRIPT_CALL,
    SCRIPT_CLASS,
    SCRIPT_OBJECT,
    Frame,
)
from coma_cli.languages.language import Grammar, Language, NamedBy, kinds

_C_STATEMENTS = kinds("declaration expression_statement return_statement")
_SCRIPT = Grammar(
    functions=kinds("function_declaration generator_function_declaration method_definition"),
    values=kinds("arrow_function function_expression generator_function"),
    shells=kinds("export_statement"),
    scopes=kinds("class_declaration class"),
    statements=kinds("expression_statement lexical_declaration variable_declaration return_statement throw_statement"),
)

_ENTRIES = (
    Language(
        "cpp",
        "C++",
        labels=("c++", "cc"),
        fence_tags=("cxx",),
        named_by=NamedBy(("c++", "cpp"), r"C\+\+|\bcpp\b"),
        suffixes=(".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".ipp"),
        frames=(("cpp", BARE), ("cpp", Frame("class _ {\n", "\n};"))),
        grammar=Grammar(
            functions=kinds("function_definition"),
            shells=kinds("template_declaration"),
            scopes=kinds("class_specifier struct_specifier namespace_definition"),
            heads=kinds("field_initializer_list"),
            statements=_C_STATEMENTS | kinds("throw_statement"),
        ),
        has_macros=True,
        lenient=True,
        has_preprocessor=True,
    ),
    Language(
        "csharp",
        "C#",
        labels=("c#", "cs"),
        named_by=NamedBy(("c#", "c sharp"), r"C#|\bC sharp\b"),
        suffixes=(".cs",),
        frames=(("csharp", BARE), ("csharp", CLASS)),
        grammar=Grammar(
            functions=kinds(
                "method_declaration constructor_declaration local_function_statement operator_declaration "
                "conversion_operator_declaration"
            ),
            shells=kinds("global_statement"),
            scopes=kinds(
                "namespace_declaration class_declaration struct_declaration interface_declaration record_declaration"
            ),
            heads=kinds("constructor_initializer"),
            statements=kinds("local_declaration_statement expression_statement return_statement throw_statement"),
        ),
        markup="xml",
        has_preprocessor=True,
    ),
    Language(
        "typescript",
        "TypeScript",
        labels=("ts",),
        named_by=NamedBy(("typescript",), r"\btypescript\b"),
        suffixes=(".ts", ".mts", ".cts", ".tsx"),
        frames=(
            ("typescript", BARE),
            ("typescript", SCRIPT_CLASS),
            ("typescript", SCRIPT_CALL),
            ("tsx", BARE),
            ("tsx", SCRIPT_CLASS),
            ("typescript", SCRIPT_OBJECT),
        ),
        grammar=Grammar(
            functions=_SCRIPT.functions,
            values=_SCRIPT.values,
            shells=_SCRIPT.shells,
            scopes=_SCRIPT.scopes | kinds("abstract_class_declaration internal_module module"),
            attributes=kinds("decorator"),
            statements=_SCRIPT.statements,
        ),
    ),
    Language(
        "javascript",
        "JavaScript",
        labels=("js",),
        fence_tags=("node", "nodejs"),
        named_by=NamedBy(("java", "node", "react", "jquery"), r"\bjava ?script\b|\bnode\.?js\b|\breact\b|\bjquery\b"),
        suffixes=(".js", ".mjs", ".cjs", ".jsx"),
        frames=(
            ("javascript", BARE),
            ("javascript", SCRIPT_CLASS),
            ("javascript", SCRIPT_CALL),
            ("javascript", SCRIPT_OBJECT),
        ),
        grammar=_SCRIPT,
    ),
    Language(
        "java",
        "Java",
        named_by=NamedBy(("java",), r"\bjava\b"),
        suffixes=(".java",),
        frames=(("java", BARE), ("java", CLASS)),
        grammar=Grammar(
            functions=kinds("method_declaration constructor_declaration compact_constructor_declaration"),
            scopes=kinds("class_declaration interface_declaration enum_declaration record_declaration"),
            statements=kinds("local_variable_declaration expression_statement return_statement throw_statement"),
        ),
    ),
    # Python's functions are found with the interpreter's own grammar, so it has no node types here.
    Language(
        "python",
        "Python",
        labels=("py", "python3"),
        named_by=NamedBy(("python", "pandas", "numpy", "django"), r"\bpython\b|\bpandas\b|\bnumpy\b|\bdjango\b"),
        suffixes=(".py", ".pyw"),
        frames=(("python", BARE),),
    ),
    Language("python2", "Python 2"),
    Language(
        "sql",
        "SQL",
        labels=("mysql", "sqlite", "postgresql"),
        named_by=NamedBy(("sql",), r"\bSQL\b|\bmysql\b|\bsqlite\b|\bpostgresql\b"),
        frames=(("sql", BARE),),
        lenient=True,
    ),
    Language(
        "php",
        "PHP",
        named_by=NamedBy(("php",), r"\bPHP\b"),
        suffixes=(".php",),
        frames=(("php", BARE), ("php", PHP_CLASS), ("php", PHP_CALL)),
        grammar=Grammar(
            functions=kinds("function_definition method_declaration"),
            scopes=kinds("class_declaration interface_declaration trait_declaration enum_declaration"),
            statements=kinds("expression_statement return_statement echo_statement"),
        ),
        opening_tags=("<?php", "<?=", "<?PHP"),
    ),
    Language(
        "ruby",
        "Ruby",
        labels=("rb",),
        named_by=NamedBy(("ruby",), r"\bruby\b"),
        suffixes=(".rb", ".rake"),
        frames=(("ruby", BARE),),
        grammar=Grammar(
            functions=kinds("method singleton_method"),
            scopes=kinds("class module"),
            head_fields=("parameters", "name"),
            modifiers=kinds("private public protected module_function private_class_method memoize"),
            statements=kinds(
                "assignment operator_assignment call return if_modifier unless_modifier binary yield element_reference"
            ),
            blocks=kinds("body_statement then else block_body ensure do"),
        ),
        markup="rdoc",
    ),
    Language(
        "rust",
        "Rust",
        labels=("rs",),
        named_by=NamedBy(("rust",), r"\brust\b"),
        suffixes=(".rs",),
        frames=(("rust", BARE), ("rust", Frame("trait _ {\n", "\n}"))),
        grammar=Grammar(
            functions=kinds("function_item"),
            scopes=kinds("impl_item trait_item mod_item"),
            attributes=kinds("attribute_item"),
            statements=kinds("let_declaration expression_statement"),
        ),
        markup="rustdoc",
    ),
    Language("swift", "Swift", named_by=NamedBy(("swift",), r"\bswift\b")),
    Language("kotlin", "Kotlin", labels=("kt",), named_by=NamedBy(("kotlin",), r"\bkotlin\b")),
    Language(
        "go",
        "Go",
        labels=("golang",),
        named_by=NamedBy(
            ("golang", "in go", "go program", "go function", "go code"),
            r"\bgolang\b|\bin Go\b|\bGo (?:program|function|code)\b",
            exact_case=True,
        ),
        suffixes=(".go",),
        frames=(
            ("go", BARE),
            ("go", Frame("package _\nvar _ = ", "\n")),
            ("go", Frame("package _\nfunc _() {\n", "\n}")),
        ),
        grammar=Grammar(
            functions=kinds("function_declaration method_declaration"),
            scopes=frozenset(),
            statements=kinds(
                "expression_statement short_var_declaration var_declaration assignment_statement return_statement "
                "go_statement defer_statement send_statement"
            ),
        ),
        rejects_unused=True,
    ),
    Language("css", "CSS", named_by=NamedBy(("css",), r"\bCSS\b")),
    Language("html", "HTML", named_by=NamedBy(("html",), r"\bHTML\b")),
    Language(
        "bash", "Bash", labels=("sh", "shell"), named_by=NamedBy(("bash", "shell script"), r"\bbash\b|\bshell script\b")
    ),
    Language(
        "c",
        "C",
        named_by=NamedBy(
            ("c program", "c function", "c code", "in c"),
            r"\bC (?:program|function|code)\b|\bin C\b(?![+#])",
            exact_case=True,
        ),
        suffixes=(".c",),
        frames=(("c", BARE),),
        grammar=Grammar(functions=kinds("function_definition"), scopes=frozenset(), statements=_C_STATEMENTS),
        has_macros=True,
        lenient=True,
        has_preprocessor=True,
    ),
    Language(
        "r",
        "R",
        named_by=NamedBy(
            ("r program", "r function", "r code", "r script", "in r"),
            r"\bR (?:program|function|code|script)\b|\bin R\b",
            exact_case=True,
        ),
    ),
)
LANGUAGES: Mapping[str, Language] = {entry.name: entry for entry in _ENTRIES}
